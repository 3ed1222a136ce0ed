"""A layer the straight way, whose arithmetic is what takes the time.

Two of the products of `straight` must wait for the step before: W_hh h_{t-1} and W_hhᵀ δ_{t+1}. The
other four are alike at every step t of every row, so that each is one product of large matrices, and
the sum over t and rows is a part of it: with Z, H⁻ and Δ the z_t, h_{t-1} and δ_t of all of them as
rows, and 1 a vector of ones,

    A = Z W_ihᵀ + b      d_Z = Δ W_ih      d_W_ih = Δᵀ Z      d_W_hh = Δᵀ H⁻      d_b = Δᵀ 1

What is left in the loops is a product, a sum and φ (or φ'): three calls of NumPy a step, none of
which makes an array.

States stand behind one another, (h_{-1}, h_0, ..., h_{T-1}) in one array (T+1, B, H): without its
last step it is every h_{t-1}, without its first every h_t. h_t is written over a_t.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from rnncheck.implementations.manual.activations import Array, InPlace
from rnncheck.implementations.manual.memory import (
    Layer,
    LayerGradients,
    StepProducts,
    Weight,
    block_steps,
    blocks,
    rows,
)

Call = tuple[Callable[[Array, Array], object], Array]
"""f and g of `StepProducts`."""


class Block(NamedTuple):
    """S steps, forward: z and a as rows, (S·B, F) and (S·B, H); for each W_hh h_{t-1} and h_t."""

    z: Array
    a: Array
    steps: list[tuple[Call, Array]]


class BlockBack(NamedTuple):
    """S steps, backward: which they are; h, g and δ (S, B, H); for each g_t, δ_t and W_hhᵀ δ_t.

    Steps from the last to the first; δ once more as rows, and which of all rows these are.
    """

    of: slice
    h: Array
    g: Array
    delta: Array
    steps: list[tuple[Array, Array, Call]]
    rows: slice
    delta_rows: Array


class LargeLayer(Layer):
    """A layer of z (T, B, F) as given, which may be the h of the layer below."""

    def __init__(self, H: int, z: Array) -> None:
        (T, B, F), dtype = z.shape, z.dtype
        self.z = z
        self.states = np.empty((T + 1, B, H), dtype)
        self.h0, self.h, self.h_n = self.states[0], self.states[1:], self.states[T]
        self.weight_ih, self.weight_hh = Weight(H, F, dtype), Weight(H, H, dtype)
        self.bias = np.zeros(H, dtype)

    def load(self, weight_ih: Array, weight_hh: Array, *biases: Array) -> None:
        """Take over copies of the weights, and the sum of the two biases."""
        self.weight_ih.load(weight_ih)
        self.weight_hh.load(weight_hh)
        if biases:
            np.add(biases[0], biases[1], self.bias)

    @cached_property
    def forth(self) -> tuple[StepProducts, list[Block]]:
        """W_hh h_{t-1} of a step, and the blocks of steps that use it."""
        products = StepProducts(self.states[:-1], self.weight_hh.T)
        return products, list(self._blocks(products))

    def _blocks(self, products: StepProducts) -> Iterator[Block]:
        for of in blocks(self.h):
            steps = list(zip(products.calls[of], self.h[of], strict=True))
            yield Block(rows(self.z[of]), rows(self.h[of]), steps)

    @cached_property
    def back(self) -> "LargeBack":
        """What the backward pass works in."""
        return LargeBack(self)

    def run(self, phi: InPlace) -> None:
        """A of a block, then equations (1) and (2) for its steps."""
        products, blocks_forth = self.forth
        out, product, value, add = products.out, products.value, phi.value, np.add
        for block in blocks_forth:
            block.z.dot(self.weight_ih.T, block.a)
            add(block.a, self.bias, block.a)
            for (dot, factor), h in block.steps:
                dot(factor, out)
                add(h, product, h)
                value(h, h)

    def run_back(self, phi: InPlace, d_h: Array, d_h_n: Array, new: bool) -> LayerGradients:
        """Equation (4) and d_Z block by block, the last one first; then the sums over all steps."""
        back = self.back
        found = back.gradients() if new else back.own
        out, carry, scale, add = back.products.out, back.products.value, phi.scale, np.add
        d_z_rows = rows(found.d_z)
        carry[...] = d_h_n
        for block in back.blocks:
            block.g[...] = d_h[block.of]
            phi.slope(block.h, back.one, block.delta)
            for g, delta, (dot, factor) in block.steps:
                add(g, carry, g)
                scale(delta, g, delta)
                dot(factor, out)
            block.delta_rows.dot(self.weight_ih.plain, d_z_rows[block.rows])
        back.delta_columns.dot(back.z_rows, found.weight_ih)
        back.delta_columns.dot(back.h_prev_rows, found.weight_hh)
        back.ones.dot(back.delta_rows, found.bias_ih)
        found.bias_hh[...] = found.bias_ih
        found.d_h0[...] = carry
        return found


class LargeBack:
    """What a layer's backward pass works in: δ (T, B, H), W_hhᵀ δ_t, the blocks, the last one first.

    Of z, h_{t-1} and δ there are all rows, those of δ transposed; ones: a number 1 for each row.
    """

    def __init__(self, layer: LargeLayer) -> None:
        self.layer = layer
        h_prev, h = layer.states[:-1], layer.states[1:]
        self.delta = np.empty_like(h)
        self.delta_rows = rows(self.delta)
        self.delta_columns = self.delta_rows.T
        self.z_rows, self.h_prev_rows = rows(layer.z), rows(h_prev)
        self.ones = np.ones(len(self.delta_rows), h.dtype)
        self.one = np.ones((), h.dtype)
        self.products = StepProducts(self.delta, layer.weight_hh.plain)
        self.blocks = list(self._blocks(h))[::-1]

    def _blocks(self, h: Array) -> Iterable[BlockBack]:
        room = np.empty_like(h[: block_steps(h)])  # for the g of one block, and then of the next
        B = h.shape[1]
        for of in blocks(h):
            delta = self.delta[of]
            g = room[: len(delta)]
            steps = list(zip(g, delta, self.products.calls[of], strict=True))[::-1]
            yield BlockBack(
                of, h[of], g, delta, steps, slice(of.start * B, of.stop * B), rows(delta)
            )

    def gradients(self) -> LayerGradients:
        """New arrays."""
        z, h0, H = self.layer.z, self.layer.h0, self.layer.h.shape[2]
        w_ih, w_hh = np.empty((H, z.shape[2]), z.dtype), np.empty((H, H), z.dtype)
        b_ih, b_hh = np.empty(H, z.dtype), np.empty(H, z.dtype)
        return LayerGradients(w_ih, w_hh, b_ih, b_hh, np.empty_like(z), np.empty_like(h0))

    @cached_property
    def own(self) -> LayerGradients:
        """The same arrays at every call."""
        return self.gradients()
