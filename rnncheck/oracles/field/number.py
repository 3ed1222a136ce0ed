"""An element of the field with its tangent, its float, and the bounds of its degrees."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from rnncheck.oracles.field.constants import TINY, P
from rnncheck.oracles.following.numbers import Number, Unfollowed, plain

if TYPE_CHECKING:
    from rnncheck.oracles.field.run import Field

Pair: TypeAlias = tuple[int, int]
Logs: TypeAlias = "tuple[FieldNumber, tuple[tuple[FieldNumber, int], ...]]"

MOST_LOGS = 4
"""Logarithms in a sum that are remembered: more of them are a loss, not the argument of an exp."""

MOST_POWERS = 64

HUGE = 2**64
"""A bound as large says nothing any more: what is divided by such a number is certified with a
probability above 1, which is no certificate."""


class FieldNumber(Number):
    """A value of the field and its tangent; the float beside it, and the bounds of its degrees.

    fraction: (top, bottom), or None where nothing was divided: then it is (degree, 0). excess: by how
    much the tangent's degree and divisions may be above the value's; None without a tangent. logs: if
    it is a sum with logarithms in it, rest + Σ sign·log(v): (rest, ((v, sign), ...)), for exp to use.
    """

    __slots__ = (
        "degree", "divisions", "excess", "field", "fraction", "logs", "shadow", "tangent", "value",
    )  # fmt: skip

    def __init__(
        self, field: "Field", value: int, tangent: int, shadow: float, degree: int, divisions: int,
        fraction: Pair | None = None, excess: Pair | None = None,
    ) -> None:  # fmt: skip
        self.field, self.value, self.tangent, self.shadow = field, value, tangent, shadow
        self.degree, self.divisions, self.fraction, self.excess = (
            degree,
            divisions,
            fraction,
            excess,
        )
        self.logs: Logs | None = None

    @property
    def is_constant(self) -> bool:
        """Whether it depends on no input."""
        return not (self.degree or self.divisions or self.tangent)

    def lift(self, other: object) -> Any:  # noqa: ANN401 - a FieldNumber, or NotImplemented
        """A plain number as a constant."""
        if type(other) is FieldNumber:
            return other
        number = plain(other)
        return NotImplemented if number is None else self.field.constant(number)

    def approximate(self) -> float:
        """The float that is computed alongside."""
        return self.shadow

    def order(self, other: object, relation: str) -> int:
        """By the floats; two that differ though their floats do not are ordered at random, oddly."""
        number = plain(other)
        if number is not None and not math.isfinite(number):
            sign = _sign(self.shadow - number)
        else:
            b = self.lift(other)
            if b is NotImplemented:
                raise TypeError(f"a number cannot be compared with {type(other).__name__}")
            difference = (self.value - b.value) % P
            sign = _sign(self.shadow - b.shadow) or (1 if difference < P // 2 else -1)
            sign = sign if difference else 0
        self.field.branch(relation, _holds(sign, relation))
        return sign

    def __add__(self, other: object) -> "FieldNumber":
        """(a + b)' = a' + b'."""
        if isinstance(other, float) and abs(other) <= TINY and not self.is_constant:
            if other:
                self.field.branch(f"a constant of at most {TINY:g} counts as 0", True)
            return self
        b = self.lift(other)
        if b is NotImplemented:
            return NotImplemented
        total = FieldNumber(
            self.field, (self.value + b.value) % P, (self.tangent + b.tangent) % P,
            self.shadow + b.shadow,
            self.degree if self.degree > b.degree else b.degree,
            self.divisions if self.divisions > b.divisions else b.divisions,
            _sum(self, b) if self.fraction or b.fraction else None,
            self.excess if self.excess == b.excess else _larger(self.excess, b.excess),
        )  # fmt: skip
        if self.logs or b.logs:
            total.logs = _sum_of_logs(self, b)
        return total

    __radd__ = __add__

    def __neg__(self) -> "FieldNumber":
        """(-a)' = -a'."""
        opposite = FieldNumber(
            self.field, -self.value % P, -self.tangent % P, -self.shadow, self.degree,
            self.divisions, self.fraction, self.excess,
        )  # fmt: skip
        if self.logs:
            rest, factors = self.logs
            opposite.logs = -rest, tuple((v, -sign) for v, sign in factors)
        return opposite

    def __sub__(self, other: object) -> "FieldNumber":
        """(a - b)' = a' - b'."""
        if type(other) is not FieldNumber:
            number = plain(other)
            return NotImplemented if number is None else self + -number
        if self.logs or other.logs:
            return self + -other
        return FieldNumber(
            self.field, (self.value - other.value) % P, (self.tangent - other.tangent) % P,
            self.shadow - other.shadow,
            self.degree if self.degree > other.degree else other.degree,
            self.divisions if self.divisions > other.divisions else other.divisions,
            _sum(self, other) if self.fraction or other.fraction else None,
            self.excess if self.excess == other.excess else _larger(self.excess, other.excess),
        )  # fmt: skip

    def __rsub__(self, other: object) -> "FieldNumber":
        """b - a."""
        return -self + other

    def __mul__(self, other: object) -> "FieldNumber":
        """(a b)' = a' b + a b'."""
        b = self.lift(other)
        if b is NotImplemented:
            return NotImplemented
        return FieldNumber(
            self.field, self.value * b.value % P,
            (self.value * b.tangent + self.tangent * b.value) % P,
            self.shadow * b.shadow, self.degree + b.degree, self.divisions + b.divisions,
            _product(self, b) if self.fraction or b.fraction else None,
            self.excess if self.excess == b.excess else _larger(self.excess, b.excess),
        )  # fmt: skip

    __rmul__ = __mul__

    def _composed(self, answer: "FieldNumber", slope: "FieldNumber") -> "FieldNumber":
        """The chain rule: f(a)' = f'(a) a', from f(a) and f'(a) as values."""
        if not self.tangent:
            return answer
        more, further = self.excess or (0, 0)
        excess = (
            max(0, slope.degree + self.degree + more - answer.degree),
            max(0, slope.divisions + self.divisions + further - answer.divisions),
        )
        return FieldNumber(
            self.field, answer.value, slope.value * self.tangent % P, answer.shadow,
            answer.degree, answer.divisions, answer.fraction, excess,
        )  # fmt: skip

    def reciprocal(self) -> "FieldNumber":
        """(1/b)' = -b'/b²."""
        inverse = self.field.inverse(self)
        return self._composed(inverse, -(inverse * inverse))

    def __truediv__(self, other: object) -> "FieldNumber":
        """a / b = a · (1/b)."""
        b = self.lift(other)
        return NotImplemented if b is NotImplemented else self * b.reciprocal()

    def __rtruediv__(self, other: object) -> "FieldNumber":
        """b / a = b · (1/a)."""
        return self.reciprocal() * other

    def __pow__(self, other: object) -> "FieldNumber":
        """aⁿ by products for whole n; halves by sqrt. Raises Unfollowed for other exponents."""
        n = plain(other)
        if n is None or (2 * n) % 1 or abs(n) > MOST_POWERS:
            raise Unfollowed(f"a power with the exponent {other!r}")
        if n < 0:
            return (self**-n).reciprocal()
        if n % 1:
            return self.sqrt() * self ** int(n)
        power = self.field.constant(1)
        for _ in range(int(n)):
            power = power * self
        return power

    def __rpow__(self, other: object) -> "FieldNumber":
        """eᵃ; Raises Unfollowed for other bases."""
        if plain(other) != math.e:
            raise Unfollowed(f"a power of {other!r}")
        return self.exp()

    def _oracle(self, value: int, shadow: float) -> "FieldNumber":
        """What an oracle answers: an indeterminate."""
        return FieldNumber(self.field, value, 0, shadow, 1, 0)

    def tanh(self) -> "FieldNumber":
        """tanh' = 1 - tanh²."""
        if self.field.by_exp:
            square = self.exp() ** 2
            return (square - 1) / (square + 1)
        zero = self.field.zero
        h = self._oracle(self.field.tanh(self), math.tanh(self.shadow)) if self.value else zero
        return self._composed(h, 1 - h * h)

    def exp(self) -> "FieldNumber":
        """exp' = exp, in powers of an indeterminate; exp(a + log v) = v exp(a)."""
        if self.logs:
            rest, factors = self.logs
            return math.prod((v if sign > 0 else 1 / v for v, sign in factors), start=rest.exp())
        power = self.field.constant(1)
        if self.value:
            root, n = self.field.exp(self)
            indeterminate = self._oracle(root, 0.0)
            power = indeterminate**n
            power = FieldNumber(
                self.field, power.value, 0, _safe(math.exp, self.shadow), power.degree,
                power.divisions, power.fraction,
            )  # fmt: skip
            self.field.know(power, self)
        return self._composed(power, power)

    def log(self) -> "FieldNumber":
        """log' = 1/v."""
        if not self.value:
            raise Unfollowed("the logarithm of 0")
        shadow = math.log(self.shadow) if self.shadow > 0 else math.nan
        answer: FieldNumber | int = 0
        if self.value != 1:
            answer = self.field.log(self)
        if isinstance(answer, FieldNumber):
            return self._composed(answer, self.field.inverse(self))
        result = self._composed(self._oracle(answer, shadow), self.field.inverse(self))
        result.logs = self.field.zero, ((self, 1),)
        return result

    def sqrt(self) -> "FieldNumber":
        """sqrt' = 1/(2 sqrt)."""
        if not self.value:
            return self.field.zero
        shadow = math.sqrt(self.shadow) if self.shadow >= 0 else math.nan
        root = self._oracle(self.field.sqrt(self), shadow)
        return self._composed(root, (root * 2).reciprocal())

    def cosh(self) -> "FieldNumber":
        """(eᵃ + e⁻ᵃ)/2."""
        return (self.exp() + (-self).exp()) / 2

    def sinh(self) -> "FieldNumber":
        """(eᵃ - e⁻ᵃ)/2."""
        return (self.exp() - (-self).exp()) / 2

    def log1p(self) -> "FieldNumber":
        """log(1 + a)."""
        return (1 + self).log()

    def expm1(self) -> "FieldNumber":
        """eᵃ - 1."""
        return self.exp() - 1

    def square(self) -> "FieldNumber":
        """a²."""
        return self * self

    def fabs(self) -> "FieldNumber":
        """|a|."""
        result: FieldNumber = abs(self)
        return result


def _sum_of_logs(a: FieldNumber, b: FieldNumber) -> "Logs | None":
    """What is left and what are logarithms in a + b; None if there are too many."""
    rest_a, logs_a = a.logs or (a, ())
    rest_b, logs_b = b.logs or (b, ())
    factors = (*logs_a, *logs_b)
    return (rest_a + rest_b, factors) if len(factors) <= MOST_LOGS else None


def _sum(a: FieldNumber, b: FieldNumber) -> Pair:
    """N_a/M_a + N_b/M_b."""
    (n_a, m_a), (n_b, m_b) = a.fraction or (a.degree, 0), b.fraction or (b.degree, 0)
    return min(max(n_a + m_b, n_b + m_a), HUGE), min(m_a + m_b, HUGE)


def _product(a: FieldNumber, b: FieldNumber) -> Pair:
    """(N_a/M_a) (N_b/M_b)."""
    (n_a, m_a), (n_b, m_b) = a.fraction or (a.degree, 0), b.fraction or (b.degree, 0)
    return min(n_a + n_b, HUGE), min(m_a + m_b, HUGE)


def _larger(a: Pair | None, b: Pair | None) -> Pair | None:
    """The larger excess of each kind."""
    if a is None or b is None:
        return a or b
    return max(a[0], b[0]), max(a[1], b[1])


def _sign(difference: float) -> int:
    if math.isnan(difference):
        raise Unfollowed("two values are compared of which one overflows")
    return (difference > 0) - (difference < 0)


def _holds(sign: int, relation: str) -> bool:
    return {
        "<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0, "==": sign == 0,
        "!= 0": sign != 0, "abs": sign >= 0,
    }[relation]  # fmt: skip


def _safe(function: Callable[..., float], *arguments: float) -> float:
    try:
        return float(function(*arguments))
    except OverflowError:
        return math.inf
