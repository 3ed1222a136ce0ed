"""The recurrent network on Tensors: its forward equations, and no gradient; the tape has that.

A sequence is one Tensor (T, B, features). What the steps do not need of each other is done for
all of them at once; `run` alone goes step by step. `valid`, (T, B, 1), says which rows of the
batch have a step t; it is None if all have all T > 0, so that there is nothing to choose. What lies in
the padding is replaced by 0 before every computation, and the result by 0 after it. Both are
needed: the first keeps NaN out of the values, and the second gives the results the cotangent 0;
without it a vjp would meet 0 * NaN.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rnncheck.spec import Nonlinearity, Readout, RNNSpec

from . import operations as op
from .operations import affine, affine_steps, concatenate, stack, unstack, where
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


def choose(valid: Mask | None, a: Tensor, otherwise: Tensor | float) -> Tensor:
    """a where it is valid, and elsewhere the other; a itself where all of it is."""
    return a if valid is None else where(valid, a, otherwise)


@dataclass(frozen=True)
class Cell:
    """One layer in one direction: a = W_ih z + b_ih + W_hh h_prev + b_hh, h = φ(a).

    W_ih (H, features of z), W_hh (H, H), bias: b_ih + b_hh (H,), or None.
    """

    nonlinearity: Callable[[Tensor], Tensor]
    W_ih: Tensor
    W_hh: Tensor
    bias: Tensor | None

    @classmethod
    def of(cls, spec: RNNSpec, parameters: Mapping[str, Tensor], suffix: str) -> "Cell":
        """The cell whose parameters' names end in the suffix; KeyError if one is missing."""
        W_ih, W_hh = (parameters[f"weight_{name}_{suffix}"] for name in ("ih", "hh"))
        bias = None
        if spec.bias:
            bias = parameters[f"bias_ih_{suffix}"] + parameters[f"bias_hh_{suffix}"]
        return cls(NONLINEARITIES[spec.nonlinearity], W_ih, W_hh, bias)

    def drive(self, z: Tensor) -> Tensor:
        """W_ih z_t + b of all steps t: the part of a_t that comes from without."""
        return affine_steps(z, self.W_ih, self.bias)

    def link(self, u_t: Tensor, h_prev: Tensor) -> Tensor:
        """h_t = φ(a_t) from its drive u_t and h_prev, (B, H); a batch's rows make it h Wᵀ."""
        return self.nonlinearity(affine(h_prev, self.W_hh, u_t))

    def step(self, u_t: Tensor, h_prev: Tensor, valid_t: Mask | None) -> Tensor:
        """h_t in the rows that have this step; the others carry h_prev along."""
        return choose(valid_t, self.link(u_t, choose(valid_t, h_prev, 0.0)), h_prev)


def at(valid: Mask | None, t: int) -> Mask | None:
    """Which rows have step t."""
    return None if valid is None else valid[t]


def run(
    cell: Cell, u: Tensor, h0: Tensor, valid: Mask | None, reverse: bool = False
) -> tuple[Tensor, Tensor]:
    """h_t for every t, from the drives u (T, B, H), and the state after the last step; h0 is (B, H).

    In reverse the steps are T-1, ..., 0. A row of n steps carries h0 through T-1, ..., n, so its
    first link is at n-1; going forward it carries h_{n-1} to the end. Either way what arrives at
    the end is the row's h_n.
    """
    u_t = unstack(u)
    states = list(u_t)  # of which each is replaced by its h_t
    h = h0
    for t in reversed(range(len(u))) if reverse else range(len(u)):
        h = states[t] = cell.step(u_t[t], h, at(valid, t))
    return stack(states) if states else u, h  # without steps u is as empty as the states


def run_truncated(
    cell: Cell, u: Tensor, h0: Tensor, valid: Mask | None, k: int
) -> tuple[Tensor, Tensor]:
    """`run`, but the gradient of each h_t goes back through the links t, t-1, ..., t-k only.

    The last k+1 links of h_t are run again, for h_t alone, from a state h_{t-k-1} that is
    detached: a number that depends on nothing. The values stay the same. For t <= k there is
    nothing before those links but h0. A row's h_n is the h_t of its last step, and cut like it.

    The h_t do not need each other's links, so these are run for all t > k at once: a step of
    every h_t is one step of a batch in which each has its own rows.
    """
    states, last = run(cell, u, h0, valid)
    N = len(u) - k - 1  # how many h_t there are with t > k
    if N <= 0:
        return states, last
    h = _rows(states[:N].detach())
    for s in range(1, k + 2):  # the link s for the first of these h_t, s + 1 for the next, ...
        mask = None if valid is None else valid[s : s + N].reshape(-1, 1)
        h = cell.step(_rows(u[s : s + N]), h, mask)
    # A product of more rows may be rounded otherwise; the values are to be those of `run`.
    cut = h.reshape((N, *u.shape[1:])).with_value(states.value[k + 1 :])
    states = concatenate([states[: k + 1], cut])
    return states, last_valid(valid, unstack(states), h0)


def _rows(z: Tensor) -> Tensor:
    """(N, B, H) as the N B rows of one batch."""
    N, B, H = z.shape
    return z.reshape((N * B, H))


def last_valid(valid: Mask | None, z: Steps, otherwise: Tensor) -> Tensor:
    """Each row's z_t at its last step; `otherwise` in the rows that have none."""
    last = otherwise
    for t, z_t in enumerate(z):
        last = choose(at(valid, t), z_t, last)
    return last


def run_layers(
    spec: RNNSpec,
    cells: list[Cell],
    x: Tensor,
    h0: Steps,
    valid: Mask | None,
    dropout_masks: Array | None,
) -> tuple[Tensor, Steps]:
    """The top layer's states (T, B, D·H), and h_n: (B, H) of every cell, as h0 is."""
    h_n: Steps = []
    z = choose(valid, x, 0.0)
    for layer in range(spec.num_layers):
        if layer > 0 and dropout_masks is not None:
            masks = dropout_masks[layer - 1]
            z = z * (masks if valid is None else np.where(valid, masks, 0))
        directions: list[Tensor] = []
        for direction in range(spec.num_directions):
            row = layer * spec.num_directions + direction
            cell, start = cells[row], h0[row]
            if spec.truncation is not None:
                states, last = run_truncated(cell, cell.drive(z), start, valid, spec.truncation)
            else:
                states, last = run(cell, cell.drive(z), start, valid, reverse=direction == 1)
            directions.append(states)
            h_n.append(last)
        z = choose(valid, concatenate(directions, axis=2), 0.0)
    return z, h_n


def read_out(spec: RNNSpec, parameters: Mapping[str, Tensor], top: Tensor) -> Tensor:
    """y = ψ(weight_ho top + bias_o), or top itself where the network has no readout."""
    if spec.output_size is None:
        return top
    bias = parameters["bias_o"] if spec.readout_bias else None
    return READOUTS[spec.readout](affine_steps(top, parameters["weight_ho"], bias))


def outputs(
    spec: RNNSpec, parameters: Mapping[str, Tensor], top: Tensor, h_n: Steps, valid: Mask | None
) -> Tensor:
    """What is read out: the top layer's state at every step ("all"), or one thing (1, B, D·H).

    "last" is that state at each row's last step, which reversed is the first one processed;
    "final" is what each direction ends with. Where a row has no step, "last" gives 0.
    """
    if spec.outputs == "all":
        return choose(valid, read_out(spec, parameters, top), 0.0)
    final = concatenate(h_n[-spec.num_directions :], axis=1)
    if spec.outputs == "final":
        return read_out(spec, parameters, stack([final]))
    nothing = Tensor(np.zeros_like(final.value), tracked=False)
    last = last_valid(valid, unstack(top), otherwise=nothing)
    y = read_out(spec, parameters, stack([last]))
    return choose(None if valid is None else np.asarray(valid.any(axis=0)), y, 0.0)


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
    T = len(x)
    valid = None  # nothing to choose, unless a row lacks steps; without any, all do
    if T == 0 or (lengths is not None and (lengths < T).any()):
        n = np.full(x.shape[1], T) if lengths is None else lengths
        valid = (np.arange(T)[:, None] < n)[:, :, None]
    cells = [
        Cell.of(spec, parameters, spec.suffix(layer, direction))
        for layer in range(spec.num_layers)
        for direction in range(spec.num_directions)
    ]

    def go_on(z: Tensor, h: Steps, t: int) -> tuple[Tensor, Steps]:
        """The outputs for inputs z of steps t, t+1, ..., coming from the states h; the new h."""
        masks = None if dropout_masks is None else dropout_masks[:, t : t + len(z)]
        top, h = run_layers(spec, cells, z, h, valid, masks)
        return outputs(spec, parameters, top, h, valid), h

    y, h_n = go_on(x, unstack(h0), t=0)
    pieces = [y]
    for t in range(T, T + spec.generated):
        y, h_n = go_on(pieces[-1][-1:], h_n, t)
        pieces.append(y)
    return concatenate(pieces), stack(h_n)
