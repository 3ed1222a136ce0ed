"""Layers in a row on a reference that knows each alone: the output of one is the next one's x."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.spec import RNNSpec
from rnncheck.training.backends.base import Run
from rnncheck.training.chain import Link, masked
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.optimizers import State, updated
from rnncheck.training.step import Batch, Rule, Step, clipped


@dataclass(frozen=True, eq=False)
class LinkTape:
    """What one layer's way back needs: its own tape, and the lengths of the rows of its output."""

    link: Link
    lengths: IntArray | None
    own: Any


class Layerwise(ABC):
    """Both passes over all layers; a subclass says how a single `RNN` or `Linear` is run."""

    name: str

    def __init__(self, links: tuple[Link, ...], dtype: str) -> None:
        self.links, self.dtype = links, dtype

    def forward(
        self,
        parameters: Mapping[str, Array],
        x: Array,
        lengths: IntArray | None = None,
        states: Mapping[str, Array] | None = None,
    ) -> Run:
        """The layers on x (T, B, I). states: where each `RNN` starts, by place; None for zeros."""
        final: dict[str, Array] = {}
        output, tapes = self._run(self.links, parameters, x, lengths, states or {}, final)
        return Run(output, tapes, final)

    def backward(self, tape: list[LinkTape], d_output: Array) -> Gradients:
        """The gradient of `<d_output, output>` for every parameter and "x"."""
        d, found = self._back(tape, d_output)
        return found | {"x": d}

    def train_step(
        self,
        parameters: Mapping[str, Array],
        trained: tuple[str, ...],
        batch: Batch,
        rule: Rule,
        states: Mapping[str, State],
    ) -> Step:
        """One step of the parameters that are trained; nothing that is given changes."""
        run = self.forward(parameters, batch.x, batch.lengths)
        output, target, lengths = run.output, batch.target, batch.output_lengths
        loss = rule.loss.value(output, target, lengths)
        gradients = self.backward(run.tape, rule.loss.cotangent(output, target, lengths))
        own = {name: parameters[name] for name in trained}
        used = clipped(rule, gradients, trained)
        new, states = updated(rule.optimizer, own, used, states, rule.lr)
        return Step(float(loss), output, gradients, {**parameters, **new}, states)

    @abstractmethod
    def run_rnn(
        self, spec: RNNSpec, own: dict[str, Array], x: Array, h0: Array, lengths: IntArray | None
    ) -> tuple[Array, Array, Any]:
        """`output, h_n, tape` of one network."""

    @abstractmethod
    def rnn_back(self, tape: Any, d_output: Array, d_h_n: Array) -> Gradients:  # noqa: ANN401
        """Its gradients, those for x among them."""

    @abstractmethod
    def run_linear(self, layer: Linear, own: dict[str, Array], x: Array) -> tuple[Array, Any]:
        """`output, tape` of one linear layer."""

    @abstractmethod
    def linear_back(self, tape: Any, d_output: Array) -> Gradients:  # noqa: ANN401
        """Its gradients, those for x among them."""

    def _run(
        self,
        links: tuple[Link, ...],
        parameters: Mapping[str, Array],
        x: Array,
        lengths: IntArray | None,
        states: Mapping[str, Array],
        final: dict[str, Array],
    ) -> tuple[Array, list[LinkTape]]:
        z, tapes = masked(x, lengths), []
        for link in links:
            own: Any
            match link.layer:
                case RNN() as layer:
                    spec = layer.spec(link.in_features)
                    shape = (spec.num_states, z.shape[1], spec.hidden_size)
                    h0 = states.get(link.prefix, np.zeros(shape, z.dtype))
                    z, h_n, own = self.run_rnn(spec, link.own(parameters), z, h0, lengths)
                    final[link.prefix], own = h_n, (own, np.zeros_like(h_n))
                case Linear() as layer:
                    z, own = self.run_linear(layer, link.own(parameters), z)
                case Iterated() as layer:
                    z, own = self._iterate(link, layer.times, parameters, z)
            lengths = link.lengths_after(lengths)
            z = masked(z, lengths)
            tapes.append(LinkTape(link, lengths, own))
        return z, tapes

    def _back(self, tapes: list[LinkTape], d: Array) -> tuple[Array, Gradients]:
        """What reaches x, and the gradients by name."""
        found: Gradients = {}
        for tape in reversed(tapes):
            d = masked(d, tape.lengths)
            match tape.link.layer:
                case RNN():
                    own = self.rnn_back(tape.own[0], d, tape.own[1])
                    d, new = own["x"], tape.link.named(own)
                case Linear():
                    own = self.linear_back(tape.own, d)
                    d, new = own["x"], tape.link.named(own)
                case Iterated():
                    d, new = self._iterate_back(tape.own, d)
            found = new | found
        return d, found

    def _iterate(
        self, link: Link, times: int, parameters: Mapping[str, Array], x: Array
    ) -> tuple[Array, list[list[LinkTape]]]:
        """`y_1 = f(x)`, `y_{i+1} = f(y_i)`, one after the other along the time axis."""
        outputs, tapes = [], []
        for _ in range(times):
            x, tape = self._run(link.links, parameters, x, None, {}, {})
            outputs.append(x)
            tapes.append(tape)
        return np.concatenate(outputs), tapes

    def _iterate_back(self, tapes: list[list[LinkTape]], d: Array) -> tuple[Array, Gradients]:
        """y_i is used twice: as an output, and as the x of the next time."""
        d_x, total = self._back(tapes[-1], d[-1:])
        for index in reversed(range(len(tapes) - 1)):
            d_x, found = self._back(tapes[index], d[index : index + 1] + d_x)
            total = {name: total[name] + found[name] for name in total}
        return d_x, total
