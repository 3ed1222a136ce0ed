"""The field: Python's own fractions mod p, and the identities that tanh, exp, log and sqrt obey.

Two numbers are the same if value and tangent are: so each identity tests the derivatives too.
"""

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rnncheck.oracles.field import AskedBoth, Field, FieldNumber, P
from rnncheck.oracles.following.numbers import Unfollowed

Both = tuple[int, int]


def inputs(count: int = 2, by_exp: bool = False) -> list[FieldNumber]:
    """Inputs that move, with the floats 0.3, 0.6, ... beside them."""
    field = Field("test", by_exp)
    return [field.input(0.3 * (i + 1), moves=True) for i in range(count)]


def mod(fraction: Fraction) -> int:
    return fraction.numerator * pow(fraction.denominator, -1, P) % P


def both(number: FieldNumber) -> Both:
    return number.value, number.tangent


def fractions(seed: int) -> list[Fraction]:
    draw = random.Random(seed)
    return [
        Fraction(draw.choice((-1, 1)) * draw.randrange(1, 10**6), draw.randrange(1, 10**6))
        for _ in range(4)
    ]


RULES: dict[str, Callable[[Any, Any, Any, Any], tuple[Any, Any]]] = {
    "a + b": lambda a, u, b, v: (a + b, u + v),
    "a - b": lambda a, u, b, v: (a - b, u - v),
    "-a": lambda a, u, b, v: (-a, -u),
    "+a": lambda a, u, b, v: (a, u),
    "a * b": lambda a, u, b, v: (a * b, u * b + a * v),
    "a / b": lambda a, u, b, v: (a / b, (u * b - a * v) / b**2),
    "1 / b": lambda a, u, b, v: (1 / b, -v / b**2),
    "a ** 3": lambda a, u, b, v: (a**3, 3 * a**2 * u),
    "a ** -2": lambda a, u, b, v: (a**-2, -2 * a**-3 * u),
    "a ** 0": lambda a, u, b, v: (Fraction(1), Fraction(0)),
    "a * a / (a + b)": lambda a, u, b, v: (
        a * a / (a + b), (2 * a * u * (a + b) - a * a * (u + v)) / (a + b) ** 2,
    ),
    "2 * a - 3": lambda a, u, b, v: (2 * a - 3, 2 * u),
    "3 - a": lambda a, u, b, v: (3 - a, -u),
    "a / 4": lambda a, u, b, v: (a / 4, u / 4),
    "a.square()": lambda a, u, b, v: (a**2, 2 * a * u),
}  # fmt: skip


@pytest.mark.parametrize("expression", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_operations_are_those_of_fractions_mod_p(expression: str, seed: int) -> None:
    a, u, b, v = fractions(seed)
    field = Field(seed)
    numbers = {
        name: FieldNumber(field, mod(value), mod(tangent), float(value), 1, 0)
        for name, value, tangent in (("a", a, u), ("b", b, v))
    }
    expected = RULES[expression](a, u, b, v)
    result = eval(expression, numbers)
    assert both(result) == tuple(map(mod, expected))
    assert result.approximate() == pytest.approx(float(expected[0]), rel=1e-12)  # shown, not used


IDENTITIES: dict[str, Callable[[FieldNumber, FieldNumber], tuple[Any, Any]]] = {
    "exp(-a) exp(a) = 1": lambda a, b: ((-a).exp() * a.exp(), a**0),
    "exp(2a) = exp(a)²": lambda a, b: (a.exp() ** 2, (2 * a).exp()),
    "exp(a)² = exp(2a), asked of 2a first": lambda a, b: ((2 * a).exp(), a.exp() ** 2),
    "exp(-2a) = 1/exp(a)²": lambda a, b: ((-2 * a).exp(), 1 / a.exp() ** 2),
    "exp(a b) is the same however it is written": lambda a, b: (
        (a * b).exp(), ((a + b) ** 2 / 4 - (a - b) ** 2 / 4).exp(),
    ),
    "exp(0) = 1": lambda a, b: ((a - a).exp(), a**0),
    "eᵃ = exp(a)": lambda a, b: (math.e**a, a.exp()),
    "log(exp(a)) = a": lambda a, b: (a.exp().log(), a),
    "log(1/b) = -log(b)": lambda a, b: ((1 / b).log(), -b.log()),
    "log(1) = 0": lambda a, b: ((a / a).log(), a - a),
    "exp(log(b)) = b": lambda a, b: (b.log().exp(), b),
    "exp(a - log(b)) = exp(a)/b": lambda a, b: ((a - b.log()).exp(), a.exp() / b),
    "exp(log(a) + b + log(b)) = a b exp(b)": lambda a, b: (
        (a.log() + b + b.log()).exp(), a * b * b.exp(),
    ),
    "exp(-(log(a) - b)) = exp(b)/a": lambda a, b: ((-(a.log() - b)).exp(), b.exp() / a),
    "exp(3 - log(a) - 3) = 1/a": lambda a, b: ((3 - a.log() - 3).exp(), 1 / a),
    "tanh(-a) = -tanh(a)": lambda a, b: ((b - a).tanh(), -(a - b).tanh()),
    "tanh(0) = 0": lambda a, b: ((a - a).tanh(), a - a),
    "cosh(a)² - sinh(a)² = 1": lambda a, b: (a.cosh() ** 2 - a.sinh() ** 2, a**0),
    "cosh(-a) = cosh(a)": lambda a, b: ((-a).cosh(), a.cosh()),
    "sinh(2a) = 2 sinh(a) cosh(a)": lambda a, b: ((2 * a).sinh(), 2 * a.sinh() * a.cosh()),
    "log1p(a) = log(1 + a)": lambda a, b: (a.log1p(), (1 + a).log()),
    "expm1(a) = exp(a) - 1": lambda a, b: (a.expm1(), a.exp() - 1),
    "a ** 0.5 = sqrt(a)": lambda a, b: (a**0.5, a.sqrt()),
    "a ** -1.5 = 1/(a sqrt(a))": lambda a, b: (a**-1.5, 1 / (a * a.sqrt())),
    "sqrt(0) = 0": lambda a, b: ((0 * a).sqrt(), 0 * a),
    "|a| = a": lambda a, b: (abs(a), a),
    "|-a| = a": lambda a, b: ((-a).fabs(), a),
}  # fmt: skip


@pytest.mark.parametrize("identity", IDENTITIES)
def test_an_identity_holds_in_value_and_tangent(identity: str) -> None:
    left, right = IDENTITIES[identity](*inputs())
    assert both(left) == both(right)


TANH_BY_EXP: dict[str, Callable[[FieldNumber], tuple[Any, Any]]] = {
    "tanh = sinh/cosh": lambda a: (a.tanh(), a.sinh() / a.cosh()),
    "tanh = (e²ᵃ - 1)/(e²ᵃ + 1)": lambda a: (a.tanh(), ((2 * a).exp() - 1) / ((2 * a).exp() + 1)),
    "1 - tanh² = 1/cosh²": lambda a: (1 - a.tanh() ** 2, 1 / a.cosh() ** 2),
    "tanh = 2σ(2a) - 1": lambda a: (a.tanh(), 2 / (1 + (-2 * a).exp()) - 1),
    "tanh odd": lambda a: ((-a).tanh(), -a.tanh()),
}


@pytest.mark.parametrize("identity", TANH_BY_EXP)
def test_where_both_are_asked_tanh_is_made_of_exp(identity: str) -> None:
    """The run that notices says so; the one that is made again knows the identity."""
    if identity != "tanh odd":
        with pytest.raises(AskedBoth):
            TANH_BY_EXP[identity](*inputs(1))
    left, right = TANH_BY_EXP[identity](*inputs(1, by_exp=True))
    assert both(left) == both(right)


def test_exp_before_tanh_is_noticed_too() -> None:
    [a] = inputs(1)
    a.exp()
    with pytest.raises(AskedBoth):
        (-2 * a).tanh()


def test_tanh_and_exp_of_different_arguments_do_not_meet() -> None:
    a, b = inputs()
    assert a.tanh().value != b.exp().value


DERIVATIVES: dict[str, Callable[[FieldNumber], FieldNumber]] = {
    "tanh": lambda v: 1 - v.tanh() ** 2,
    "exp": lambda v: v.exp(),
    "log": lambda v: 1 / v,
    "sqrt": lambda v: 1 / (2 * v.sqrt()),
    "sinh": lambda v: v.cosh(),
    "cosh": lambda v: v.sinh(),
    "log1p": lambda v: 1 / (1 + v),
    "expm1": lambda v: v.exp(),
    "square": lambda v: 2 * v,
    "reciprocal": lambda v: -1 / v**2,
}


@pytest.mark.parametrize("name", DERIVATIVES)
@pytest.mark.parametrize("by_exp", [False, True])
def test_the_chain_rule(name: str, by_exp: bool) -> None:
    """f(a b)' = f'(a b)(a'b + a b')."""
    a, b = inputs(2, by_exp)
    inner = a.tangent * b.value + a.value * b.tangent
    slope = DERIVATIVES[name](a * b)
    assert getattr(a * b, name)().tangent == slope.value * inner % P


DIFFERENT: dict[str, Callable[[FieldNumber, FieldNumber], tuple[Any, Any]]] = {
    "two inputs": lambda a, b: (a, b),
    "tanh of two arguments": lambda a, b: (a.tanh(), b.tanh()),
    "tanh is not linear": lambda a, b: ((2 * a).tanh(), 2 * a.tanh()),
    "exp is not tanh": lambda a, b: (a.exp(), b.tanh()),
    "exp(a) is not exp(-a)": lambda a, b: (a.exp(), (-a).exp()),
    "log(2b) is not log(b)": lambda a, b: ((2 * b).log(), b.log()),
    "sqrt is odd for no oracle": lambda a, b: ((-a).sqrt(), -a.sqrt()),
    "sqrt(a) is not a": lambda a, b: (a.sqrt(), a),
    "tanh' is not 1 - tanh": lambda a, b: (a.tanh(), a.tanh() * a.tanh()),
}


@pytest.mark.parametrize("pair", DIFFERENT)
def test_what_differs_differs(pair: str) -> None:
    left, right = DIFFERENT[pair](*inputs())
    assert left.value != right.value


def test_the_same_question_has_the_same_answer_and_another_seed_another() -> None:
    def answers(seed: object) -> list[int]:
        field = Field(seed)
        a = field.input(0.5, moves=True)
        functions = (a.tanh, a.log, a.sqrt, (3 * a).exp)
        return [n.value for f in functions for n in (f(), f())] + [a.value, a.tangent]

    first, again, other = answers(1), answers(1), answers(2)
    assert first == again
    assert first[0:8:2] == first[1:8:2]
    assert not set(first) & set(other)


CONSTANTS: dict[str, tuple[Any, Fraction]] = {
    "0.7": (0.7, Fraction(7, 10)),
    "1/3": (1 / 3, Fraction(1, 3)),
    "-2/7": (-2 / 7, Fraction(-2, 7)),
    "0.1 + 0.2": (0.1 + 0.2, Fraction(3, 10)),
    "1 - 0.9": (1 - 0.9, Fraction(1, 10)),
    "1/1024": (2.0**-10, Fraction(1, 1024)),
    "1e-12": (1e-12, Fraction(1, 10**12)),
    "0.044715": (0.044715, Fraction(44715, 10**6)),
    "1.6732632423543772": (1.6732632423543772, Fraction("1.6732632423543772")),
    "half an ulp below 1": (1 - 2.0**-53, Fraction("0.9999999999999999")),
    "an ulp above 5": (math.nextafter(5.0, 9.0), Fraction("5.000000000000001")),
    "1 - 1e-9": (1 - 1e-9, Fraction(10**9 - 1, 10**9)),
    "a large int": (2**70 + 1, Fraction(2**70 + 1)),
    "1e300": (1e300, Fraction(10**300)),
    "True": (True, Fraction(1)),
    "numpy int": (np.int64(-3), Fraction(-3)),
    "numpy float": (np.float64(0.7), Fraction(7, 10)),
    "numpy bool": (np.True_, Fraction(1)),
    "an array of one": (np.array([[2.5]]), Fraction(5, 2)),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_the_number_it_was_written_as(name: str) -> None:
    constant, fraction = CONSTANTS[name]
    [a] = inputs(1)
    assert both(a * constant) == (a.value * mod(fraction) % P, a.tangent * mod(fraction) % P)


@pytest.mark.parametrize("tiny", [1e-12, 1e-8, -1e-7, 1e-6])
def test_a_tiny_constant_that_is_added_counts_as_0_and_one_that_multiplies_does_not(
    tiny: float,
) -> None:
    [a] = inputs(1)
    for number in (a + tiny, tiny + a, a - tiny):
        assert both(number) == both(a)
    assert (tiny - a).value == -a.value % P
    assert (a * tiny).value == a.value * mod(Fraction(repr(tiny))) % P
    assert both(a + 1.1e-6) != both(a)


def test_tiny_constants_of_constants_are_kept() -> None:
    """1 - 1e-7 is what a clip at 1e-7 compares with."""
    field = Field(0)
    assert (field.constant(1.0) - 1e-7).value == mod(1 - Fraction(1, 10**7))


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, np.inf])
def test_no_constant_is_infinite(bad: float) -> None:
    [a] = inputs(1)
    with pytest.raises(Unfollowed, match="is computed with"):
        a + bad
    with pytest.raises(Unfollowed):
        bad * a


NOT_FOLLOWED: dict[str, Callable[[FieldNumber], object]] = {
    "divided by 0": lambda a: 1 / (a - a),
    "logarithm of 0": lambda a: (0 * a).log(),
    "power": lambda a: a**0.3,
    "the exponent 100": lambda a: a**100,
    "a power of 2": lambda a: 2**a,
    "turned into a float": float,
    "turned into an int": int,
    "rounded": round,
    "str stands where a number": lambda a: a.field.constant("7"),
}


@pytest.mark.parametrize("reason", NOT_FOLLOWED)
def test_what_cannot_be_followed_says_so(reason: str) -> None:
    with pytest.raises(Unfollowed, match=reason):
        NOT_FOLLOWED[reason](*inputs(1))
