"""`y = ψ(x Wᵀ + b)` and its gradients in plain NumPy, so that a `Noisy` array passes through.

It shares nothing with the linear layers of the references, which it judges.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rnncheck.case import Array
from rnncheck.training.layers import Activation


class Activated(NamedTuple):
    """The output y (T, B, O) of a linear layer, and what it came from."""

    weight: Array
    x: Array
    a: Array
    y: Array
    activation: Activation


def linear(own: Mapping[str, Array], x: Array, activation: Activation) -> Activated:
    """`y = ψ(x Wᵀ + b)`: x (T, B, I), own: `weight` (O, I) and perhaps `bias` (O)."""
    a = x @ own["weight"].T
    if "bias" in own:
        a = a + own["bias"]
    return Activated(own["weight"], x, a, _activated(a, activation), activation)


def linear_back(run: Activated, d_y: Array) -> dict[str, Array]:
    """The gradients for `weight`, `bias` and `x`."""
    d_a = _slope(run, d_y)
    return {
        "weight": np.einsum("tbo,tbi->oi", d_a, run.x),
        "bias": np.sum(d_a, axis=(0, 1)),
        "x": d_a @ run.weight,
    }


def _activated(a: Array, activation: Activation) -> Array:
    match activation:
        case "tanh":
            return np.tanh(a)
        case "relu":
            return np.where(a > 0, a, 0.0)
        case "sigmoid":
            e = np.exp(-np.abs(a))
            return np.where(a >= 0, 1.0, e) / (1.0 + e)
        case "softmax":
            e = np.exp(a - np.max(a, axis=-1, keepdims=True))
            softmax: Array = e / np.sum(e, axis=-1, keepdims=True)
            return softmax
    return a


def _slope(run: Activated, d: Array) -> Array:
    """ψ' ⊙ d_y; for softmax y ⊙ (d_y - Σ y d_y)."""
    y = run.y
    match run.activation:
        case "tanh":
            return (1.0 - y * y) * d
        case "relu":
            return np.where(run.a > 0, d, 0.0)
        case "sigmoid":
            return y * (1.0 - y) * d
        case "softmax":
            inner: Array = np.sum(y * d, axis=-1, keepdims=True)
            return y * (d - inner)
    return d
