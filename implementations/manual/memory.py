"""The arrays of `straight`, and the views of them that its loops go through.

A loop over time is fast by what is not in it: to make an array, or a view of one, takes as long as
the arithmetic of a small network. So all are made before the loop, and written into again and again.

*States* stand behind one another, (h_{-1}, h_0, ..., h_{T-1}) in one array (T+1, B, H): without its
last step it is every h_{t-1}, without its first every h_t. h_t is written over a_t.

*Rows*. To everything but the recurrence a step of one row is like any other, so (T, B, H) is seen as
(T·B, H), the left side of one matrix product for all of them.

*Blocks* are as many steps as fit into the processor's cache. What is done for all steps at once is
done for a block of them, just before (or after) the loop over its steps, which finds it there.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from rnncheck.implementations.manual.activations import Array

BLOCK_BYTES: Final = 2**20
"""The states of a block: about what the cache of one core holds, the second in size."""


class Block(NamedTuple):
    """S steps, forward: z and a as rows, (S·B, F) and (S·B, H); (h_{t-1}, h_t) for each of them."""

    z: Array
    a: Array
    steps: list[tuple[Array, Array]]


class BlockBack(NamedTuple):
    """S steps, backward: which they are; h and g (S, B, H); (g_t, δ_t) for each, the last one first.

    delta is (S, B, H), and once more as rows, as are z's cotangents.
    """

    of: slice
    h: Array
    g: Array
    delta: Array
    steps: list[tuple[Array, Array]]
    delta_rows: Array
    d_z_rows: Array


class LayerTape:
    """What a layer's forward pass writes and its backward pass reads: z (T, B, F), states, weights.

    The weights are here transposed too: as the right side of small products that is faster.
    """

    def __init__(self, H: int, z: Array) -> None:
        (T, B, F), dtype = z.shape, z.dtype
        self.z = z
        self.states = np.empty((T + 1, B, H), dtype)
        self.h = self.states[1:]
        self.weight_ih, self.weight_ih_T = np.empty((H, F), dtype), np.empty((F, H), dtype)
        self.weight_hh, self.weight_hh_T = np.empty((H, H), dtype), np.empty((H, H), dtype)
        self.bias = np.zeros(H, dtype)
        self.product = np.empty((B, H), dtype)
        self.blocks = list(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        states = list(self.states)
        for of in blocks(self.h):
            steps = list(zip(states[of], states[1:][of], strict=True))
            yield Block(rows(self.z[of]), rows(self.h[of]), steps)


class LayerGradients:
    """What a layer's backward pass writes: δ, the gradients, and d_h0, which is the carry till then.

    d_h0 (B, H): a part of the array of all layers.
    """

    def __init__(self, tape: LayerTape, d_h0: Array) -> None:
        z, h, H, dtype = tape.z, tape.h, len(tape.bias), tape.z.dtype
        self.weight_ih, self.weight_hh = np.empty((H, z.shape[-1]), dtype), np.empty((H, H), dtype)
        self.bias_ih, self.bias_hh = np.empty(H, dtype), np.empty(H, dtype)
        self.delta, self.d_z, self.d_h0 = np.empty(h.shape, dtype), np.empty(z.shape, dtype), d_h0
        self.delta_rows = rows(self.delta)
        self.z_rows, self.h_prev_rows = rows(z), rows(tape.states[:-1])
        self.ones = np.ones(len(self.delta_rows), dtype)
        self.blocks = list(self._blocks(h))[::-1]

    def _blocks(self, h: Array) -> Iterator[BlockBack]:
        room = np.empty_like(h[: _block_steps(h)])  # for the g of one block, and then of the next
        for of in blocks(h):
            delta, d_z = self.delta[of], self.d_z[of]
            g = room[: len(delta)]
            steps = list(zip(g[::-1], delta[::-1], strict=True))
            yield BlockBack(of, h[of], g, delta, steps, rows(delta), rows(d_z))


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
