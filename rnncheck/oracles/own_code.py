"""Somebody's own code in ball arithmetic: is the formula wrong, or only the arithmetic poor?

The same door as for a proof (`following`), with balls of 256 bits and more for the floats. What the
code gives then is its formula's value to some seventy digits, for the very numbers of a case. If
that is the truth, an error of its floats is one of precision; if it is not, it is structural.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from flint import arb

from rnncheck.case import Array, Case
from rnncheck.implementation import Implementation
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball
from rnncheck.oracles.following.cases import case_of, read_objects, results
from rnncheck.oracles.following.door import followed, subjects_turn
from rnncheck.oracles.following.numbers import (
    Number,
    Objects,
    Unfollowed,
    converted,
    either_way,
    plain,
)

FIRST_BITS, BITS_A_STEP = 256, 8
STEP_BITS = 80


class BallNumber(Number):
    """A ball with the operators and functions that code written for floats asks for."""

    __slots__ = ("ball",)

    def __init__(self, ball: Ball) -> None:
        self.ball = ball

    def lift(self, other: object) -> Any:  # noqa: ANN401 - a BallNumber, or NotImplemented
        """A plain number, exactly."""
        if type(other) is BallNumber:
            return other
        number = plain(other)
        return NotImplemented if number is None else BallNumber(arb(number))

    def approximate(self) -> float:
        """The midpoint."""
        return float(self.ball.mid())

    def order(self, other: object, relation: str) -> int:
        """The sign of the difference. Raises Unfollowed if the balls do not tell."""
        b = self.lift(other)
        if b is NotImplemented:
            raise TypeError(f"a number cannot be compared with {type(other).__name__}")
        difference = self.ball - b.ball
        if difference > 0:
            return 1
        if difference < 0:
            return -1
        if difference.is_zero():
            return 0
        raise Unfollowed("two values are compared that are too near to be told apart")

    def __add__(self, other: object) -> "BallNumber":
        """a + b."""
        return _both(self, other, Ball.__add__)

    __radd__ = __add__

    def __sub__(self, other: object) -> "BallNumber":
        """a - b."""
        return _both(self, other, Ball.__sub__)

    def __rsub__(self, other: object) -> "BallNumber":
        """b - a."""
        return -self + other

    def __neg__(self) -> "BallNumber":
        """-a."""
        return BallNumber(-self.ball)

    def __mul__(self, other: object) -> "BallNumber":
        """a b."""
        return _both(self, other, Ball.__mul__)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> "BallNumber":
        """a / b."""
        return _both(self, other, Ball.__truediv__)

    def __rtruediv__(self, other: object) -> "BallNumber":
        """b / a."""
        return BallNumber(1 / self.ball) * other

    def __pow__(self, other: object) -> "BallNumber":
        """aⁿ; whole powers by products, so that negative numbers have them too."""
        n = plain(other)
        if n is not None and not n % 1:
            return BallNumber(self.ball ** int(n))
        return _both(self, other, Ball.__pow__)

    def __rpow__(self, other: object) -> "BallNumber":
        """bᵃ."""
        b = self.lift(other)
        return NotImplemented if b is NotImplemented else BallNumber(b.ball**self.ball)

    def square(self) -> "BallNumber":
        """a²."""
        return self * self

    def fabs(self) -> "BallNumber":
        """|a|."""
        return BallNumber(abs(self.ball))

    __abs__ = fabs


def _both(a: BallNumber, other: object, operation: Callable[[Ball, Ball], Ball]) -> BallNumber:
    b = a.lift(other)
    return NotImplemented if b is NotImplemented else BallNumber(operation(a.ball, b.ball))


def _function(name: str) -> Callable[[BallNumber], BallNumber]:
    function = getattr(Ball, name)

    def apply(self: BallNumber) -> BallNumber:
        return BallNumber(function(self.ball))

    apply.__name__, apply.__doc__ = name, f"{name}(a)."
    return apply


for _name in ("tanh", "sinh", "cosh", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "atan"):
    setattr(BallNumber, _name, _function(_name))


def ball_number(number: object) -> BallNumber:
    """A plain number, exactly. Raises Unfollowed for what is none."""
    value = plain(number)
    if value is None:
        raise Unfollowed(f"{type(number).__name__} stands where a number is needed")
    return BallNumber(arb(value))


@dataclass
class OwnCode:
    """A subject's code on a case, in ball arithmetic; each result worked out when it is asked for.

    All of it raises Unfollowed, with the reason, if the code does not run on such numbers.
    """

    subject: Implementation
    case: Case
    runs: int = field(default=0)

    @property
    def bits(self) -> int:
        """The working precision: somebody's code loses a few bits a step."""
        return FIRST_BITS + BITS_A_STEP * self.case.T

    def _exact_case(self) -> Case:
        """The case's numbers as balls, exactly."""
        return case_of(self.case, lambda name, array: converted(array, ball_number))

    @cached_property
    def forward(self) -> dict[str, Objects]:
        """`output`, and `h_n` if it is given."""
        return either_way(lambda: self._forward(self._exact_case()))

    @cached_property
    def gradients(self) -> dict[str, Objects]:
        """Every gradient that the subject gives."""
        return either_way(self._gradients)

    def _gradients(self) -> dict[str, Objects]:
        case = self._exact_case()
        with balls.precision(self.bits), followed(self.subject, ball_number), subjects_turn():
            given = dict(self.subject.gradients(case.copy()))
        arrays = {**case.parameters, "x": case.x, "h0": case.h0}
        return {
            name: read_objects(given[name], f"the gradient for {name}", array.shape, ball_number)
            for name, array in arrays.items()
            if name in given
        }

    def slope(self, name: str, index: tuple[int, ...]) -> Ball:
        """(L(θ + ε) - L(θ - ε)) / 2ε of the code's own forward, ε = 2⁻⁸⁰: an error of 1e-48."""
        with balls.precision(self.bits):
            step = arb(2) ** -STEP_BITS
            losses = [partial(self._loss, name, index, sign * step) for sign in (1, -1)]
            up, down = map(either_way, losses)
            return (up - down) / (2 * step)

    def _forward(self, case: Case) -> dict[str, Objects]:
        with balls.precision(self.bits), followed(self.subject, ball_number), subjects_turn():
            return results(self.subject.forward(case.copy()), case, ball_number)

    def _loss(self, name: str, index: tuple[int, ...], step: Ball) -> Ball:
        moved = self._exact_case()
        array: Any = moved.parameters[name] if name in moved.parameters else getattr(moved, name)
        array[index] = array[index] + BallNumber(step)
        found, total = self._forward(moved), arb(0)
        valid: dict[str, Any] = {"output": ~self.case.output_padding(), "h_n": ...}
        for result, cotangent in (("output", moved.d_output), ("h_n", moved.d_h_n)):
            if result in found:
                values, weights = found[result][valid[result]], cotangent[valid[result]]
                products = zip(values.ravel(), weights.ravel(), strict=True)
                total += sum((w.ball * v.ball for v, w in products), arb(0))
        return total


def distance(values: Objects, hi: Array, lo: Array, bits: int) -> tuple[Array, Array]:
    """|value - (hi + lo)| of every ball, from below and from above."""
    with balls.precision(bits):
        gaps = [
            abs(v.ball - arb(float(h)) - arb(float(rest)))
            for v, h, rest in zip(values.ravel(), hi.ravel(), lo.ravel(), strict=True)
        ]
        least = [max(0.0, float(gap.lower())) for gap in gaps]
        most = [float(gap.upper()) for gap in gaps]
    return np.reshape(least, values.shape), np.reshape(most, values.shape)


def nearest_floats(values: Objects) -> Array:
    """The midpoints as floats."""
    return np.reshape([v.approximate() for v in values.ravel()], values.shape)
