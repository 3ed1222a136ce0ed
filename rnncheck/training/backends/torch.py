"""torch: its modules and its autograd through all layers at once. Importing this needs torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.results import UsageError
from rnncheck.training.backends.base import Run
from rnncheck.training.chain import Link, parameter_shapes
from rnncheck.training.optimizers import State
from rnncheck.training.step import Batch, Rule, Step

try:
    import torch
except ImportError as error:
    raise UsageError(
        "implementation='torch' needs torch, which is not installed: pip install torch"
    ) from error

from rnncheck.training.backends.torch_modules import Row
from rnncheck.training.backends.torch_training import (
    bound,
    loss_of,
    optimizer_of,
    read_states,
)


class Torch:
    """The layers as torch modules, which are loaded with the parameters at every call."""

    name = "torch"

    def __init__(self, links: tuple[Link, ...], dtype: str) -> None:
        self.names = tuple(parameter_shapes(links))
        with torch.random.fork_rng(devices=[]):  # modules draw weights, which are of no use here
            self.row = Row(links, getattr(torch, dtype))

    def forward(
        self,
        parameters: Mapping[str, Array],
        x: Array,
        lengths: IntArray | None = None,
        states: Mapping[str, Array] | None = None,
    ) -> Run:
        """The layers on x (T, B, I). states: where each `RNN` starts, by place; None for zeros."""
        leaves = self.leaves(parameters) | {"x": tensor(x).requires_grad_()}
        n = None if lengths is None else torch.tensor(lengths, dtype=torch.int64)
        initial = {name: tensor(state) for name, state in (states or {}).items()}
        output, final = self.row.run(leaves["x"], n, initial)
        arrays = {place: array(state) for place, state in final.items()}
        return Run(array(output), (output, leaves), arrays)

    def backward(self, tape: Any, d_output: Array) -> Gradients:  # noqa: ANN401
        """autograd's gradient of `<d_output, output>` for every parameter and "x"."""
        output, leaves = tape
        found = torch.autograd.grad(
            output, list(leaves.values()), tensor(d_output), retain_graph=True, allow_unused=True
        )
        return {
            name: np.zeros(tuple(leaf.shape), array(leaf).dtype) if g is None else array(g)
            for (name, leaf), g in zip(leaves.items(), found, strict=True)
        }

    def train_step(
        self,
        parameters: Mapping[str, Array],
        trained: tuple[str, ...],
        batch: Batch,
        rule: Rule,
        states: Mapping[str, State],
    ) -> Step:
        """One step by torch's own loss, clipping and optimizer; nothing that is given changes."""
        run = self.forward(parameters, batch.x, batch.lengths)
        output, leaves = run.tape
        rule.loss.value(run.output, batch.target, batch.output_lengths)  # says what torch would not
        loss = loss_of(rule.loss, output, batch.target, batch.output_lengths)
        self.row.zero_grad()
        loss.backward()
        gradients = {n: _gradient(leaf) for n, leaf in leaves.items()}
        own = {name: leaves[name] for name in trained}
        bound(rule.clip, list(own.values()))
        optimizer = optimizer_of(rule, own, states)
        optimizer.step()
        after = {name: array(leaves[name]) for name in self.names}
        return Step(loss.item(), run.output, gradients, after, read_states(optimizer, own))

    def leaves(self, parameters: Mapping[str, Array]) -> dict[str, torch.Tensor]:
        """The modules' own parameters, holding these numbers.

        Written only if they change: autograd goes back through no parameter written since.
        """
        own = dict(self.row.named_parameters())
        with torch.no_grad():
            for name in self.names:
                new = tensor(parameters[name])
                if not torch.equal(own[name], new):
                    own[name].copy_(new)
        return {name: own[name] for name in self.names}


def tensor(values: Array) -> torch.Tensor:
    """In memory of its own and in order: torch takes no negative strides."""
    return torch.tensor(np.ascontiguousarray(values))


def array(values: torch.Tensor) -> Array:
    """A copy as an array."""
    return values.detach().numpy().copy()


def _gradient(leaf: torch.Tensor) -> Array:
    return array(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad)


BACKEND = Torch
