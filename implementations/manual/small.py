"""A layer the straight way for one row and few weights: the calls of NumPy are what takes the time.

Equation (1) of `straight` is one product, with z_t, a 1 and h_{t-1} behind one another:

    a_t = W s_t            s_t = (z_t, 1, h_{t-1})            W = (W_ih, b, W_hh)

All that the backward pass needs of the products is then two more: Wᵀ δ_t, which is the gradient of s_t
and in it that of z_t and W_hhᵀ δ_t, and one product for all gradients of the parameters,

    d_s_t = Wᵀ δ_t = (d_z_t, ·, W_hhᵀ δ_t)            d_W = Σ δ_t s_tᵀ = (d_W_ih, d_b, d_W_hh)

In memory h_t is written where it is used, into s_{t+1}: of one row, as of no more, each part of s_t is
one piece. The loops call NumPy twice a step on the way forward and three times on the way back.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np

from rnncheck.implementations.manual.activations import Array, InPlace
from rnncheck.implementations.manual.memory import Layer, LayerGradients, rows
from rnncheck.spec import RNNSpec

MOST_WEIGHTS: Final = 2**12
"""In W: with more, it is worth its calls to do for all steps at once what `large` does."""


def applies(spec: RNNSpec, B: int) -> bool:
    """Whether a spec's layers are small ones for B rows."""
    H = spec.hidden_size
    return B == 1 and H * (max(spec.input_size, H) + 1 + H) <= MOST_WEIGHTS


class SmallLayer(Layer):
    """A layer of z (T, B, F): s (T+1, B, F+1+H), of whose last step only h_{T-1} is used, and Wᵀ."""

    def __init__(self, H: int, z: Array) -> None:
        T, B, F = z.shape
        self.s = np.ones((T + 1, B, F + 1 + H), z.dtype)
        self.weight_T = np.zeros((F + 1 + H, H), z.dtype)
        self.z, states = self.s[:T, :, :F], self.s[:, :, F + 1 :]
        self.h0, self.h, self.h_n = states[0], states[1:], states[T]
        self.parts = self.weight_T[:F].T, self.weight_T[F], self.weight_T[F + 1 :].T

    def load(self, weight_ih: Array, weight_hh: Array, *biases: Array) -> None:
        """Copy the parameters into W; without biases its b is 0."""
        w_ih, bias, w_hh = self.parts
        w_ih[...], w_hh[...] = weight_ih, weight_hh
        if biases:
            np.add(biases[0], biases[1], bias)

    @cached_property
    def forth(self) -> tuple[Array, list[tuple[Callable[[Array, Array], object], Array]]]:
        """a_t (B, H), of every step, and for each of them s_t's product and h_t."""
        return np.empty_like(self.h0, order="C"), [
            (s.dot, h) for s, h in zip(self.s[:-1], self.h, strict=True)
        ]

    @cached_property
    def back(self) -> "SmallBack":
        """What the backward pass works in."""
        return SmallBack(self)

    def run(self, phi: InPlace) -> None:
        """Equations (1) and (2)."""
        (a, steps), weight_T, value = self.forth, self.weight_T, phi.value
        for dot, h in steps:
            dot(weight_T, a)
            value(a, h)

    def run_back(self, phi: InPlace, d_h: Array, d_h_n: Array, new: bool) -> LayerGradients:
        """Equation (4), in whose product is d_z, and equation (5)."""
        back = self.back
        weight, add, scale = back.weight, np.add, phi.scale
        back.g[...] = d_h
        back.d_h_n[...] = d_h_n
        back.h[...] = self.h
        phi.slope(back.h, back.one, back.delta)
        for carry, g, delta, dot, d_s in back.steps:
            add(carry, g, g)
            scale(delta, g, delta)
            dot(weight, d_s)
        back.delta_columns.dot(back.s_rows, back.d_weight)
        back.own.bias_hh[...] = back.own.bias_ih
        return LayerGradients._make([found.copy() for found in back.own]) if new else back.own


class SmallBack:
    """What a layer's backward pass works in: W; h, g and δ (T, B, H); d_s (T+1, B, F+1+H); d_W.

    The last step of d_s has room for d_h_n, where the other steps have W_hhᵀ δ_{t+1}. own: d_W's
    and d_s's parts.
    """

    def __init__(self, layer: SmallLayer) -> None:
        (T, B, H), F = layer.h.shape, layer.z.shape[2]
        self.weight = layer.weight_T.T
        self.h, self.g, self.delta = (np.empty((T, B, H), layer.h.dtype) for _ in range(3))
        self.one = np.ones((), layer.h.dtype)
        self.s_rows = rows(layer.s[:T])
        self.delta_columns = rows(self.delta).T
        d_s, self.d_weight = np.empty_like(layer.s), np.empty_like(self.weight, order="C")
        d_states = d_s[:, :, F + 1 :]
        self.d_h_n = d_states[T]
        d_W = self.d_weight
        self.own = LayerGradients(
            d_W[:, :F],
            d_W[:, F + 1 :],
            d_W[:, F],
            np.empty(H, d_W.dtype),
            d_s[:T, :, :F],
            d_states[0],
        )
        dots = [delta.dot for delta in self.delta]
        steps = zip(d_states[1:], self.g, self.delta, dots, d_s[:T], strict=True)
        self.steps = list(steps)[::-1]
