"""The nonlinearities φ and ψ: each value beside its derivative.

All five derivatives can be read off the value, so that the pre-activation need not be kept.
With `y = φ(a)`, elementwise:

    tanh       y = (eᵃ - e⁻ᵃ) / (eᵃ + e⁻ᵃ)    ∂y/∂a = 1 - y²
    relu       y = max(a, 0)                  ∂y/∂a = 1 where y > 0, else 0 (at a = 0 too)
    sigmoid    y = 1 / (1 + e⁻ᵃ)              ∂y/∂a = y (1 - y)
    identity   y = a                          ∂y/∂a = 1

softmax mixes the O features: y_i = e^{a_i} / Σ_j e^{a_j}. From log y_i = a_i - log Σ_j e^{a_j},
∂y_i/∂a_j = y_i ([i = j] - y_j), a symmetric matrix, and hence

    d_a_j = Σ_i y_i ([i = j] - y_j) d_y_i = y_j (d_y_j - Σ_i y_i d_y_i)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Activation:
    """A nonlinearity and its derivative.

    value: a ↦ y = φ(a), any shape (features last). pull_back: (y, d_y) ↦ d_a = (∂y/∂a)ᵀ d_y; d_y
    may have more leading axes than y.
    """

    value: Callable[[Array], Array]
    pull_back: Callable[[Array, Array], Array]


def tanh(a: Array) -> Array:
    """Hyperbolic tangent, elementwise."""
    y: Array = np.tanh(a)
    return y


def pull_back_tanh(y: Array, d_y: Array) -> Array:
    """d_a = (1 - y²) ⊙ d_y."""
    return (1 - y * y) * d_y


def relu(a: Array) -> Array:
    """max(a, 0), elementwise."""
    y: Array = np.maximum(a, 0)
    return y


def pull_back_relu(y: Array, d_y: Array) -> Array:
    """d_a = d_y where y > 0, else 0: y > 0 exactly where a > 0."""
    return np.where(y > 0, d_y, 0)


def sigmoid(a: Array) -> Array:
    """1 / (1 + e⁻ᵃ), elementwise, without overflow.

    With e = e^{-|a|} <= 1: 1 / (1 + e) where a >= 0, and e / (e + 1), its numerator and
    denominator multiplied by eᵃ, where a < 0.
    """
    e = np.exp(-np.abs(a))
    y: Array = np.where(a >= 0, 1, e) / (1 + e)
    return y


def pull_back_sigmoid(y: Array, d_y: Array) -> Array:
    """d_a = y (1 - y) ⊙ d_y."""
    return y * (1 - y) * d_y


def identity(a: Array) -> Array:
    """A copy of a."""
    return a.copy()


def pull_back_identity(y: Array, d_y: Array) -> Array:
    """d_a = d_y, as a copy."""
    return d_y.copy()


def softmax(a: Array) -> Array:
    """e^{a_i} / Σ_j e^{a_j} over the last axis, of at least one feature.

    Subtracting the largest a multiplies numerator and denominator alike: nothing overflows, and
    the denominator is at least 1.
    """
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    y: Array = e / e.sum(axis=-1, keepdims=True)
    return y


def pull_back_softmax(y: Array, d_y: Array) -> Array:
    """d_a_j = y_j (d_y_j - Σ_i y_i d_y_i)."""
    d_a: Array = y * (d_y - (y * d_y).sum(axis=-1, keepdims=True))
    return d_a


ACTIVATIONS: Final[dict[str, Activation]] = {
    "tanh": Activation(tanh, pull_back_tanh),
    "relu": Activation(relu, pull_back_relu),
    "sigmoid": Activation(sigmoid, pull_back_sigmoid),
    "identity": Activation(identity, pull_back_identity),
    "softmax": Activation(softmax, pull_back_softmax),
}
