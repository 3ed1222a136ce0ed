"""What the network puts out: which of the top layer's states are read, and the readout ψ of them.

Take the top layer at every step, top_t = concat_d h^{L-1,d}_t for t < n, and its final states
f = concat_d h_n^{L-1,d}. What is read is r, with m valid steps on a time axis of its own:

    (1)  "all"    r_t = top_t        m = n
         "last"   r_0 = top_{n-1}    m = 1, and 0 where n = 0: no step is the last one
         "final"  r_0 = f            m = 1, also where n = 0: f is then made of h0

    (2)  output_t = r_t, or with a readout ψ(q_t), q_t = W_ho r_t + b_o      t < m;  0 in the padding

For one direction f is top_{n-1}, where n > 0. For two it is not: going in reverse, n-1 is the step
processed first, of which "last" takes the state, and 0 is the one processed last, in h_n.

Backward, from (2) to (1), d_output being zero in the padding:

    (2)  d_q = (∂ψ/∂q)ᵀ d_output     d_W_ho = Σ d_q rᵀ     d_b_o = Σ d_q     d_r = W_hoᵀ d_q

(1) only selects. What was selected gets d_r, what was not gets nothing:

    (1)  "all"    d_top_t = d_r_t                 d_f = 0
         "last"   d_top_t = [t = n-1] d_r_0       d_f = 0
         "final"  d_top_t = 0                     d_f = d_r_0

f is part of h_n, so d_f adds to d_h_n, and `cell` takes both back from where h_n comes from: the
last step processed, or h0 itself where n = 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncheck.implementations.manual.activations import ACTIVATIONS, Array
from rnncheck.implementations.manual.cell import EVERY, affine, sum_of_outer_products
from rnncheck.implementations.manual.padding import (
    Lengths,
    at_last_step,
    last_step,
    zero_padding,
)
from rnncheck.spec import RNNSpec


@dataclass(frozen=True, eq=False)
class ReadoutTape:
    """What `backward` needs: n (B,), m (B,), top's steps T, r (M, B, D·H), output (M, B, ·).

    M, the size of r's time axis, is T for "all" and else 1. weight_ho is None without a readout.
    """

    spec: RNNSpec
    weight_ho: Array | None
    lengths: Lengths
    read_lengths: Lengths
    steps: int
    read: Array
    output: Array


def forward(
    spec: RNNSpec, parameters: Mapping[str, Array], top: Array, f: Array, lengths: Lengths
) -> ReadoutTape:
    """Equations (1) and (2) for top (T, B, D·H), f (B, D·H) and n = lengths (B,).

    Returns the tape, whose `output` is the network's.
    """
    if spec.outputs == "all":
        read, m = top, lengths
    elif spec.outputs == "last":
        read, m = last_step(top, lengths)[EVERY], np.minimum(lengths, 1)
    else:
        read, m = f[EVERY], np.ones_like(lengths)
    weight_ho = None if spec.output_size is None else parameters["weight_ho"]
    output = read
    if weight_ho is not None:
        no_bias = np.zeros_like(weight_ho[..., 0])
        q = affine(read, weight_ho, parameters["bias_o"] if spec.readout_bias else no_bias)
        output = ACTIVATIONS[spec.readout].value(q)
    T = top.shape[-3]
    return ReadoutTape(spec, weight_ho, lengths, m, T, read, zero_padding(output, m))


def backward(tape: ReadoutTape, d_output: Array) -> tuple[Array, Array, dict[str, Array]]:
    """d_top (T, B, D·H), d_f (B, D·H) and the readout's gradients by name.

    d_output (M, B, O or D·H) may hold anything in the padding.
    """
    spec = tape.spec
    d_read, found = zero_padding(d_output, tape.read_lengths), {}
    if tape.weight_ho is not None:
        d_q = ACTIVATIONS[spec.readout].pull_back(tape.output, d_read)
        found["weight_ho"] = sum_of_outer_products(d_q, tape.read)
        if spec.readout_bias:
            found["bias_o"] = d_q.sum(axis=(-3, -2))
        d_read = d_q @ tape.weight_ho[EVERY]
    *more, _, B, features = d_read.shape
    nothing = np.zeros_like(d_read, shape=(*more, B, features))
    if spec.outputs == "all":
        return d_read, nothing, found
    if spec.outputs == "last":
        return at_last_step(d_read[..., 0, :, :], tape.steps, tape.lengths), nothing, found
    return at_last_step(nothing, tape.steps, tape.lengths), d_read[..., 0, :, :], found
