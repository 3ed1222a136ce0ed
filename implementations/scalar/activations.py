"""Functions of floats. Those of one have their derivative beside them: `Activation`s."""

import math
from collections.abc import Callable, Sequence

Function = Callable[[float], float]
Activation = tuple[Function, Function]
"""`y = f(a)`, and the slope `f'(a)` as a function not of a but of y, which all of these can do with."""


def _identity(a: float) -> float:
    return a


def _identity_slope(_: float) -> float:
    return 1.0


def _tanh_slope(y: float) -> float:
    return 1.0 - y * y


def _relu(a: float) -> float:
    return 0.0 if a <= 0.0 else a  # a NaN stays NaN


def _relu_slope(y: float) -> float:
    return 0.0 if y <= 0.0 else 1.0


def _sigmoid(a: float) -> float:
    e = math.exp(-abs(a))  # at most 1: one of two equal forms cannot overflow
    return 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)


def _sigmoid_slope(y: float) -> float:
    return y * (1.0 - y)


identity: Activation = (_identity, _identity_slope)
"""`a` itself; the derivative is 1."""
tanh: Activation = (math.tanh, _tanh_slope)
"""`tanh a`; the derivative is 1 - tanh²."""
relu: Activation = (_relu, _relu_slope)
"""`max(a, 0)`; the derivative is 1 above 0, else 0, at 0 too."""
sigmoid: Activation = (_sigmoid, _sigmoid_slope)
"""`σ(a) = 1 / (1 + e^-a)`; the derivative is σ (1 - σ)."""
ACTIVATIONS = {"identity": identity, "tanh": tanh, "relu": relu, "sigmoid": sigmoid}


def softmax(a: Sequence[float]) -> list[float]:
    """`y_i = e^{a_i} / Σ_j e^{a_j}`.

    The same number c may be taken from every a_i, as e^{-c} cancels. With c = max a the
    exponents are at most 0, so that nothing overflows, and the sum is at least 1.
    """
    c = max(a)
    e = [math.exp(a_i - c) for a_i in a]
    total = sum(e)
    return [e_i / total for e_i in e]
