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

The elementwise ones are here twice: as functions that return a new array, and, for `straight`, as
ones that write into an array that is there already. The formulas are the same.
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


@dataclass(frozen=True)
class InPlace:
    """An elementwise nonlinearity and its derivative, in arrays that are there already.

    value: (a, out), out ← φ(a); out may be a itself. slope: (y, one, out), out ← ∂y/∂a, with a 1 of
    their dtype (one of Python's is converted at every call). scale: (slope, d_y, out), out ← slope
    ⊙ d_y, which is what `pull_back` returns; out may be slope itself.
    """

    value: Callable[[Array, Array], object]
    slope: Callable[[Array, Array, Array], None]
    scale: Callable[[Array, Array, Array], object]


def slope_of_tanh(y: Array, one: Array, out: Array) -> None:
    """out ← 1 - y²."""
    np.multiply(y, y, out)
    np.subtract(one, out, out)


def write_relu(a: Array, out: Array) -> None:
    """out ← max(a, 0)."""
    np.maximum(a, 0, out=out)


def slope_of_relu(y: Array, _one: Array, out: Array) -> None:
    """out ← 1 where y > 0, else 0."""
    out[...] = np.where(y > 0, 1, 0)


def select(slope: Array, d_y: Array, out: Array) -> None:
    """out ← d_y where the slope is 1, else 0, whatever d_y is: 0 · inf would be NaN."""
    out[...] = np.where(slope > 0, d_y, 0)


def write_sigmoid(a: Array, out: Array) -> None:
    """out ← 1 / (1 + e⁻ᵃ)."""
    out[...] = sigmoid(a)


def slope_of_sigmoid(y: Array, one: Array, out: Array) -> None:
    """out ← y (1 - y)."""
    np.subtract(one, y, out)
    np.multiply(y, out, out)


def write_identity(a: Array, out: Array) -> None:
    """out ← a."""
    if out is not a:
        out[...] = a


def slope_of_identity(_y: Array, one: Array, out: Array) -> None:
    """out ← 1."""
    out[...] = one


IN_PLACE: Final[dict[str, InPlace]] = {
    "tanh": InPlace(np.tanh, slope_of_tanh, np.multiply),
    "relu": InPlace(write_relu, slope_of_relu, select),
    "sigmoid": InPlace(write_sigmoid, slope_of_sigmoid, np.multiply),
    "identity": InPlace(write_identity, slope_of_identity, np.multiply),
}
