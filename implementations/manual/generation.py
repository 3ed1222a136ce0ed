"""One to many: after the T given steps G more, each with the output of the step before as its x.

Write N for the network on a given sequence (`network`) and θ for its parameters. The whole run is
a chain of N's, one over the given steps and then one for each generated step:

    (1)  (y^0, s^0) = N(θ, x, h0)                        T steps
         (y^i, s^i) = N(θ, last(y^{i-1}), s^{i-1})       one step, 1 <= i <= G
         output = concat(y^0, y^1, ..., y^G)             h_n = s^G

with last(y) the last step of y. Dropout's multipliers are those of each N's own steps.

Backward. For each N alone, `network` takes the cotangents (d_y, d_s) of its results to those of
its arguments, (d_θ, d_x, d_h0). It remains to see where the chain uses each result. For i < G,
y^i is used twice: it is part of the output, and its last step is the x of the next N. s^i is used
once, as the h0 of the next N. θ is used by every N. Hence, from the last N to the first, where
d_output^i stands for y^i's part of d_output, and d_θ^i, d_x^i, d_h0^i for what the i-th N returns:

    (2)  d_y^G = d_output^G                              d_s^G = d_h_n
         d_y^i = d_output^i + [last step] d_x^{i+1}      d_s^i = d_h0^{i+1}       i < G
         d_θ = Σ_i d_θ^i        d_x = d_x^0        d_h0 = d_h0^0

What feeding back adds is the term d_x^{i+1}. Teacher forcing, a given x of the same numbers, has
the same values and lacks it. In a single cell, a_t = W_ih x_t + W_hh h_{t-1} + b, whose output is
its state, (2) says of a generated step t+1, where x_{t+1} = h_t:

    δ_t = φ'(a_t) ⊙ (d_output_t + W_hhᵀ δ_{t+1} + W_ihᵀ δ_{t+1})

as it must, for such a cell computes a_{t+1} = (W_ih + W_hh) h_t + b.

As in `network`, all but lengths and dropout's multipliers may have one more axis, the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rnncheck.implementations.manual import network, straight
from rnncheck.implementations.manual.activations import Array
from rnncheck.implementations.manual.padding import Lengths
from rnncheck.spec import RNNSpec


@dataclass(frozen=True, eq=False)
class Tape:
    """The tapes of the N's, that of the T given steps first."""

    steps: int
    chain: tuple[network.Tape | straight.Tape, ...]


AnyTape: TypeAlias = Tape | network.Tape | straight.Tape
"""The chain's, or that of the only N."""


def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array,
    lengths: Lengths | None = None,
    dropout_masks: Array | None = None,
    used: AnyTape | None = None,
) -> tuple[Array, Array, AnyTape]:
    """Equation (1) with G = spec.generated; where G = 0 it is `network.forward`.

    x (T, B, I), h0 (L·D, B, H), lengths (B,) or None for T everywhere, dropout_masks
    (L-1, T+G, B, D·H) or None. used: a tape that nobody needs any more, whose arrays may be
    written into. Returns output (T+G, B, O or D·H), of time axis 1 unless spec.outputs is "all",
    h_n (L·D, B, H) and the tape. If G > 0, T > 0 and lengths is None.
    Shapes are not checked here; the parameters must be spec.parameter_shapes()'s, or KeyError.
    """
    T, G = x.shape[-3], spec.generated
    again = used.chain[0] if isinstance(used, Tape) else used
    if G == 0:
        return network.forward(spec, parameters, x, h0, lengths, dropout_masks, again)
    masks = [None] * (G + 1) if dropout_masks is None else _split(dropout_masks, T, G)
    output, h_n, tape = network.forward(spec, parameters, x, h0, lengths, masks[0], again)
    outputs, chain = [output], [tape]
    for mask in masks[1:]:
        output, h_n, tape = network.forward(
            spec, parameters, output[..., -1:, :, :], h_n, None, mask
        )
        outputs.append(output)
        chain.append(tape)
    return np.concatenate(outputs, axis=-3), h_n, Tape(T, tuple(chain))


def backward(tape: AnyTape, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """Equation (2): the gradient of sum(d_output * output) + sum(d_h_n * h_n).

    d_output and d_h_n have the shapes of output and h_n. Returns the gradient of every parameter,
    in the order of spec.parameter_shapes(), then of "x" (T, B, I), then of "h0".
    """
    if not isinstance(tape, Tape):
        return network.backward(tape, d_output, d_h_n)
    d_outputs = _split(d_output, tape.steps, len(tape.chain) - 1)
    found = network.backward(tape.chain[-1], d_outputs[-1], d_h_n)
    for link, d_output_i in zip(reversed(tape.chain[:-1]), reversed(d_outputs[:-1]), strict=True):
        d_y = np.array(d_output_i, dtype=found["x"].dtype)
        d_y[..., -1, :, :] += found["x"][..., 0, :, :]
        here = network.backward(link, d_y, found["h0"])
        parameters = {name: found[name] + here[name] for name in link.spec.parameter_shapes()}
        found = parameters | {"x": here["x"], "h0": here["h0"]}
    return found


def _split(values: Array, T: int, G: int) -> list[Array]:
    """The parts of the N's along the time axis of (T+G, B, F): T steps, then 1 G times."""
    return np.split(values, range(T, T + G), axis=-3)
