"""Functions of floats. Those of one have their derivative beside them: `f(a)` is `f, f'`."""

import math
from collections.abc import Callable, Sequence

Activation = Callable[[float], tuple[float, float]]


def identity(a: float) -> tuple[float, float]:
    """`a` itself; the derivative is 1."""
    return a, 1.0


def tanh(a: float) -> tuple[float, float]:
    """`tanh a`; the derivative is 1 - tanh²."""
    y = math.tanh(a)
    return y, 1.0 - y * y


def relu(a: float) -> tuple[float, float]:
    """`max(a, 0)`; the derivative is 1 above 0, else 0, at 0 too."""
    if a <= 0.0:
        return 0.0, 0.0
    return a, 1.0  # NaN comes here, and stays NaN


def sigmoid(a: float) -> tuple[float, float]:
    """`σ(a) = 1 / (1 + e^-a)`; the derivative is σ (1 - σ)."""
    e = math.exp(-abs(a))  # at most 1: one of two equal forms cannot overflow
    y = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
    return y, y * (1.0 - y)


def softmax(a: Sequence[float]) -> list[float]:
    """`y_i = e^{a_i} / Σ_j e^{a_j}`.

    The same number c may be taken from every a_i, as e^{-c} cancels. With c = max a the
    exponents are at most 0, so that nothing overflows, and the sum is at least 1.
    """
    c = max(a)
    e = [math.exp(a_i - c) for a_i in a]
    total = sum(e)
    return [e_i / total for e_i in e]


ACTIVATIONS: dict[str, Activation] = {
    "identity": identity,
    "tanh": tanh,
    "relu": relu,
    "sigmoid": sigmoid,
}
