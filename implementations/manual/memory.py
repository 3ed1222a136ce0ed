"""The arrays of `straight`, and the views of them that its loops go through.

A loop over time is fast by what is not in it: to make an array, or a view of one, takes as long as
the arithmetic of a small network. So all are made before the loop, and written into again and again:
by every step, and, where nobody needs what an earlier call left there, by every call.

*States* stand behind one another, (h_{-1}, h_0, ..., h_{T-1}) in one array (T+1, B, H): without its
last step it is every h_{t-1}, without its first every h_t. h_t is written over a_t.

*Rows*. To everything but the recurrence a step of one row is like any other, so (T, B, H) is seen as
(T·B, H), the left side of one matrix product for all of them.

*Blocks* are as many steps as fit into the processor's cache. What is done for all steps at once is
done for a block of them, just before (or after) the loop over its steps, which finds it there.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from rnncheck.implementations.manual.activations import Array

SMALL_BYTES: Final = 2**16
"""Of a matrix, at most."""

BLOCK_BYTES: Final = 2**20
"""The states of a block: about what the cache of one core holds, the second in size."""


class Block(NamedTuple):
    """S steps, forward: z and a as rows, (S·B, F) and (S·B, H); (h_{t-1}, h_t) for each of them."""

    z: Array
    a: Array
    steps: list[tuple[Array, Array]]


class BlockBack(NamedTuple):
    """S steps, backward: which they are; h and g (S, B, H); (g_t, δ_t) for each, the last one first.

    delta is (S, B, H), and once more as rows, which are of these among the rows of all steps.
    """

    of: slice
    h: Array
    g: Array
    delta: Array
    steps: list[tuple[Array, Array]]
    rows: slice
    delta_rows: Array


class LayerTape:
    """What a layer's forward pass writes and its backward pass reads: z (T, B, F), states, weights.

    Every forward pass brings the weights. They are here transposed, for it, and as they are, for the
    backward pass, each as the right side of a product (`right_side`).
    """

    weight_ih: Array
    weight_ih_T: Array
    weight_hh: Array
    weight_hh_T: Array
    bias: Array | float

    def __init__(self, H: int, z: Array) -> None:
        (T, B, _), dtype = z.shape, z.dtype
        self.z = z
        self.states = np.empty((T + 1, B, H), dtype)
        self.h = self.states[1:]
        self.product = np.empty((B, H), dtype)
        self.blocks = list(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        states = list(self.states)
        for of in blocks(self.h):
            steps = list(zip(states[of], states[1:][of], strict=True))
            yield Block(rows(self.z[of]), rows(self.h[of]), steps)

    def load(self, weight_ih: Array, weight_hh: Array, *biases: Array) -> None:
        """Take over copies of the weights, and the sum of the two biases, or 0."""
        self.weight_ih, self.weight_ih_T = right_side(weight_ih), right_side(weight_ih.T)
        self.weight_hh, self.weight_hh_T = right_side(weight_hh), right_side(weight_hh.T)
        self.bias = biases[0] + biases[1] if biases else 0.0

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes its own `back`: copied one by one, the views there would be of nothing."""
        return {name: value for name, value in vars(self).items() if name != "back"}

    @cached_property
    def back(self) -> "LayerBack":
        """What the backward pass works in."""
        return LayerBack(self.z, self.states)


class LayerBack:
    """What a layer's backward pass works in: δ (T, B, H), and its blocks, the last one first.

    Of z, h_{t-1} and δ there are all rows, those of δ transposed; ones: a number 1 for each row.
    """

    def __init__(self, z: Array, states: Array) -> None:
        h_prev, h = states[:-1], states[1:]
        self.delta = np.empty_like(h)
        self.delta_rows = rows(self.delta)
        self.delta_columns = self.delta_rows.T
        self.z_rows, self.h_prev_rows = rows(z), rows(h_prev)
        self.ones = np.ones(len(self.delta_rows), h.dtype)
        self.blocks = list(self._blocks(h))[::-1]

    def _blocks(self, h: Array) -> Iterator[BlockBack]:
        room = np.empty_like(h[: _block_steps(h)])  # for the g of one block, and then of the next
        B = h.shape[1]
        for of in blocks(h):
            delta = self.delta[of]
            g = room[: len(delta)]
            steps = list(zip(g[::-1], delta[::-1], strict=True))
            yield BlockBack(
                of, h[of], g, delta, steps, slice(of.start * B, of.stop * B), rows(delta)
            )


class LayerGradients(NamedTuple):
    """What a layer's backward pass gives: its parameters' gradients, d_z, and d_h0 (B, H).

    d_h0 is a part of the array of all layers.
    """

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array
    d_z: Array
    d_h0: Array


def layer_gradients(tape: LayerTape, d_h0: Array) -> LayerGradients:
    """New arrays for a layer's gradients, d_h0 as given."""
    z, H = tape.z, tape.states.shape[2]
    b_ih, b_hh = np.empty(H, z.dtype), np.empty(H, z.dtype)
    w_ih, w_hh = np.empty((H, z.shape[2]), z.dtype), np.empty((H, H), z.dtype)
    return LayerGradients(w_ih, w_hh, b_ih, b_hh, np.empty_like(z), d_h0)


def right_side(matrix: Array) -> Array:
    """A copy, as the right side of products whose left side has few rows.

    In memory a small one stands row by row, a large one column by column: for NumPy's BLAS that is
    the faster order, for large ones in float64 above all.
    """
    return matrix.copy(order="C" if matrix.nbytes <= SMALL_BYTES else "F")


def blocks(h: Array) -> Iterator[slice]:
    """The blocks of the steps of h (T, B, H)."""
    T, S = len(h), _block_steps(h)
    for start in range(0, T, S):
        yield slice(start, min(start + S, T))


def _block_steps(h: Array) -> int:
    """How many steps of h (T, B, H) make a block: at least one."""
    return max(1, BLOCK_BYTES * len(h) // max(1, h.nbytes))


def rows(values: Array) -> Array:
    """(S, B, F) as (S·B, F): a view, as the steps stand behind one another."""
    S, B, F = values.shape
    return values.reshape(S * B, F)
