"""The recurrent network on Tensors: its forward equations, and no gradient; the tape has that.

A sequence is a list of T Tensors (B, features), one for each step. `valid[t]`, (B, 1), says which
rows of the batch have a step t. What lies in the padding is replaced by 0 before every
computation, and the result by 0 after it. Both are needed: the first keeps NaN out of the values,
and the second gives the results the cotangent 0; without it a vjp would meet 0 * NaN.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rnncheck.spec import Nonlinearity, Readout, RNNSpec

from . import operations as op
from .operations import concatenate, stack, unstack, where
from .tensor import Array, Tensor

Steps: TypeAlias = list[Tensor]
Mask: TypeAlias = npt.NDArray[np.bool_]

NONLINEARITIES: dict[Nonlinearity, Callable[[Tensor], Tensor]] = {
    "tanh": op.tanh,
    "relu": op.relu,
    "sigmoid": op.sigmoid,
    "identity": op.identity,
}
READOUTS: dict[Readout, Callable[[Tensor], Tensor]] = {
    "identity": op.identity,
    "sigmoid": op.sigmoid,
    "softmax": op.softmax,
}


@dataclass(frozen=True)
class Cell:
    """One layer in one direction: a = weight_ih z + bias_ih + weight_hh h_prev + bias_hh, h = φ(a).

    weight_ih (H, features of z), weight_hh (H, H); biases: (bias_ih, bias_hh), each (H,), or ().
    """

    nonlinearity: Callable[[Tensor], Tensor]
    weight_ih: Tensor
    weight_hh: Tensor
    biases: tuple[Tensor, ...]

    @classmethod
    def of(cls, spec: RNNSpec, parameters: Mapping[str, Tensor], suffix: str) -> "Cell":
        """The cell whose parameters' names end in the suffix; KeyError if one is missing."""
        names = ("bias_ih", "bias_hh") if spec.bias else ()
        return cls(
            NONLINEARITIES[spec.nonlinearity],
            parameters[f"weight_ih_{suffix}"],
            parameters[f"weight_hh_{suffix}"],
            tuple(parameters[f"{name}_{suffix}"] for name in names),
        )

    def link(self, z_t: Tensor, h_prev: Tensor) -> Tensor:
        """h_t = φ(a_t) from z_t (B, features) and h_prev (B, H); a batch's rows make it z Wᵀ."""
        a_t = z_t @ self.weight_ih.T + h_prev @ self.weight_hh.T
        for bias in self.biases:
            a_t = a_t + bias
        return self.nonlinearity(a_t)

    def step(self, z_t: Tensor, h_prev: Tensor, valid_t: Mask) -> Tensor:
        """h_t in the rows that have this step; the others carry h_prev along."""
        return where(valid_t, self.link(z_t, where(valid_t, h_prev, 0.0)), h_prev)


def run(
    cell: Cell, z: Steps, h0: Tensor, valid: Mask, reverse: bool = False
) -> tuple[Steps, Tensor]:
    """h_t for every t, and the state after the last step; h0 is (B, H).

    In reverse the steps are T-1, ..., 0. A row of n steps carries h0 through T-1, ..., n, so its
    first link is at n-1; going forward it carries h_{n-1} to the end. Either way what arrives at
    the end is the row's h_n.
    """
    steps = range(len(z))
    states: dict[int, Tensor] = {}
    h = h0
    for t in reversed(steps) if reverse else steps:
        h = states[t] = cell.step(z[t], h, valid[t])
    return [states[t] for t in steps], h


def run_truncated(cell: Cell, z: Steps, h0: Tensor, valid: Mask, k: int) -> tuple[Steps, Tensor]:
    """`run`, but the gradient of each h_t goes back through the links t, t-1, ..., t-k only.

    The last k+1 links of h_t are run again, for h_t alone, from a state h_{t-k-1} that is
    detached: a number that depends on nothing. The values stay the same. For t <= k there is
    nothing before those links but h0. A row's h_n is the h_t of its last step, and cut like it.
    """
    states, _ = run(cell, z, h0, valid)
    cut: Steps = []
    for t in range(len(z)):
        h = states[t]
        if t > k:
            h = states[t - k - 1].detach()
            for s in range(t - k, t + 1):
                h = cell.step(z[s], h, valid[s])
        cut.append(h)
    return cut, last_valid(valid, cut, h0)


def select(valid: Mask, z: Steps) -> Steps:
    """z_t in the rows that have a step t, 0 in the others."""
    return [where(valid_t, z_t, 0.0) for valid_t, z_t in zip(valid, z, strict=True)]


def last_valid(valid: Mask, z: Steps, otherwise: Tensor) -> Tensor:
    """Each row's z_t at its last step; `otherwise` in the rows that have none."""
    last = otherwise
    for valid_t, z_t in zip(valid, z, strict=True):
        last = where(valid_t, z_t, last)
    return last


def run_layers(
    spec: RNNSpec,
    parameters: Mapping[str, Tensor],
    x: Steps,
    h0: Steps,
    valid: Mask,
    dropout_masks: Array | None,
) -> tuple[Steps, Steps]:
    """The top layer's states, (B, D·H) at every step, and h_n: (B, H) of every cell, as h0 is."""
    h_n: Steps = []
    z = select(valid, x)
    for layer in range(spec.num_layers):
        if layer > 0 and dropout_masks is not None:
            masks = np.where(valid, dropout_masks[layer - 1], 0)
            z = [m_t * z_t for m_t, z_t in zip(masks, z, strict=True)]
        directions: list[Steps] = []
        for direction in range(spec.num_directions):
            cell = Cell.of(spec, parameters, spec.suffix(layer, direction))
            row = h0[layer * spec.num_directions + direction]
            if spec.truncation is not None:
                states, last = run_truncated(cell, z, row, valid, spec.truncation)
            else:
                states, last = run(cell, z, row, valid, reverse=direction == 1)
            directions.append(states)
            h_n.append(last)
        z = select(valid, [concatenate(h_t, axis=1) for h_t in zip(*directions, strict=True)])
    return z, h_n


def read_out(spec: RNNSpec, parameters: Mapping[str, Tensor], top: Tensor) -> Tensor:
    """y = ψ(weight_ho top + bias_o), or top itself where the network has no readout."""
    if spec.output_size is None:
        return top
    logits = top @ parameters["weight_ho"].T
    if spec.readout_bias:
        logits = logits + parameters["bias_o"]
    return READOUTS[spec.readout](logits)


def outputs(
    spec: RNNSpec, parameters: Mapping[str, Tensor], top: Steps, h_n: Steps, valid: Mask
) -> Steps:
    """What is read out: the top layer's state at every step ("all"), or one thing (B, D·H) only.

    "last" is that state at each row's last step, which reversed is the first one processed;
    "final" is what each direction ends with. Where a row has no step, "last" gives 0.
    """
    if spec.outputs == "all":
        return select(valid, [read_out(spec, parameters, top_t) for top_t in top])
    final = concatenate(h_n[-spec.num_directions :], axis=1)
    if spec.outputs == "final":
        return [read_out(spec, parameters, final)]
    nothing = Tensor(np.zeros_like(final.value), tracked=False)
    last = last_valid(valid, top, otherwise=nothing)
    has_steps = np.asarray(valid.any(axis=0))
    return [where(has_steps, read_out(spec, parameters, last), 0.0)]


def network(
    spec: RNNSpec,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    h0: Tensor,
    lengths: npt.NDArray[np.integer] | None = None,
    dropout_masks: Array | None = None,
) -> tuple[Tensor, Tensor]:
    """(output, h_n), of x (T, B, I) and h0 (L·D, B, H): h_n (L·D, B, H), output (., B, O or D·H).

    output has T + G time steps, or 1 unless spec.outputs is "all"; see `outputs`. The last G =
    spec.generated steps have no x: the network goes on from h_n, with y_{t-1} as its one input.
    The tape sees that y_{t-1} is computed, so gradients flow back through it like any other.
    lengths: (B,), each row's number of valid steps; None: all T. dropout_masks: the multipliers
    (L-1, T + G, B, D·H) of the inputs of every layer but the first; None: no dropout.
    The arguments must agree with spec.parameter_shapes() and spec.array_shapes(T, B); if steps
    are generated, T >= 1 and lengths is None.
    """
    T, B, _ = x.shape
    end = T + spec.generated
    n = np.full(B, end) if lengths is None else lengths
    valid: Mask = (np.arange(end)[:, None] < n)[:, :, None]

    def go_on(z: Steps, h: Steps, t: int) -> tuple[Steps, Steps]:
        """The outputs for inputs z of steps t, t+1, ..., coming from the states h; the new h."""
        now = slice(t, t + len(z))
        masks = None if dropout_masks is None else dropout_masks[:, now]
        top, h = run_layers(spec, parameters, z, h, valid[now], masks)
        return outputs(spec, parameters, top, h, valid[now]), h

    y, h_n = go_on(unstack(x), unstack(h0), t=0)
    for t in range(T, end):
        [y_t], h_n = go_on([y[-1]], h_n, t)
        y.append(y_t)
    if not y:
        return Tensor(np.zeros((0, B, spec.output_features), x.dtype), tracked=False), stack(h_n)
    return stack(y), stack(h_n)
