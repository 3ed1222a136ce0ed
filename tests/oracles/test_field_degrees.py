"""The bounds of the degrees: what they bound is worked out with polynomials, beside the field.

Random programs are run twice: on the field's numbers, and on rational functions of one unknown s,
each input being c₀ + c₁ s. On a random line the degree in s of a numerator is the total degree in
all inputs (it can only be smaller, by bad luck of 1 in p), so no bound may be below it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pytest
from flint import nmod_poly

from rnncheck.oracles.field import Field, FieldNumber, P

Poly = Any


class Ratio:
    """N/M in lowest terms, polynomials in s modulo p; M has leading coefficient 1."""

    def __init__(self, top: Poly, bottom: Poly) -> None:
        common = top.gcd(bottom)
        lead = pow(int(bottom[bottom.degree()]), -1, P) * int(common[common.degree()]) % P
        self.top, self.bottom = top // common * lead, bottom // common * lead

    def __add__(self, other: "Ratio") -> "Ratio":
        top = self.top * other.bottom + other.top * self.bottom
        return Ratio(top, self.bottom * other.bottom)

    def __sub__(self, other: "Ratio") -> "Ratio":
        return self + other * constant(-1)

    def __mul__(self, other: "Ratio") -> "Ratio":
        return Ratio(self.top * other.top, self.bottom * other.bottom)

    def __truediv__(self, other: "Ratio") -> "Ratio":
        return Ratio(self.top * other.bottom, self.bottom * other.top)

    @property
    def key(self) -> tuple[str, str]:
        return str(self.top), str(self.bottom)


def constant(number: int) -> Ratio:
    return Ratio(nmod_poly([number % P], P), nmod_poly([1], P))


@dataclass
class Model:
    """The same run on rational functions: its random lines, and what the oracles have answered."""

    draw: random.Random
    answers: dict[tuple[str, tuple[str, str]], Ratio] = field(default_factory=dict)

    def line(self) -> Ratio:
        ends = [self.draw.randrange(1, P) for _ in range(2)]
        return Ratio(nmod_poly(ends, P), nmod_poly([1], P))

    def input(self, moves: bool) -> "Pair":
        return Pair(self, self.line(), self.line() if moves else constant(0))

    def ask(self, function: str, argument: Ratio) -> Ratio:
        return self.answers.setdefault((function, argument.key), self.line())


@dataclass
class Pair:
    """A value and its tangent, with the rules of derivatives written out."""

    model: Model
    value: Ratio
    tangent: Ratio

    def __add__(self, b: "Pair") -> "Pair":
        return Pair(self.model, self.value + b.value, self.tangent + b.tangent)

    def __sub__(self, b: "Pair") -> "Pair":
        return Pair(self.model, self.value - b.value, self.tangent - b.tangent)

    def __mul__(self, b: "Pair") -> "Pair":
        tangent = self.tangent * b.value + self.value * b.tangent
        return Pair(self.model, self.value * b.value, tangent)

    def __truediv__(self, b: "Pair") -> "Pair":
        quotient = self.value / b.value
        return Pair(self.model, quotient, (self.tangent - quotient * b.tangent) / b.value)

    def tanh(self) -> "Pair":
        h = self.model.ask("tanh", self.value)
        return Pair(self.model, h, (constant(1) - h * h) * self.tangent)

    def exp(self) -> "Pair":
        """Its square root is the unknown: so the field has it, that exp(2v) = exp(v)²."""
        root = self.model.ask("exp", self.value)
        return Pair(self.model, root * root, root * root * self.tangent)

    def log(self) -> "Pair":
        return Pair(self.model, self.model.ask("log", self.value), self.tangent / self.value)

    def sqrt(self) -> "Pair":
        root = self.model.ask("sqrt", self.value)
        return Pair(self.model, root, self.tangent / (constant(2) * root))


Program = list[tuple[str, int, int]]
ARITHMETIC = ("+", "-", "*", "*", "/")
FUNCTIONS = ("tanh", "exp", "log", "sqrt")
INPUTS = 4


def programs(seed: int, operations: tuple[str, ...], steps: int) -> Program:
    """Each step takes two of the numbers so far, new ones rather than old."""
    draw = random.Random(seed)
    return [
        (draw.choice(operations), *(draw.randrange(INPUTS + i) for _ in range(2)))
        for i in range(steps)
    ]


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b,
    "*": lambda a, b: a * b, "/": lambda a, b: a / b,
}  # fmt: skip


def run(program: Program, inputs: list[Any], is_zero: Callable[[Any], bool]) -> list[Any]:
    """Every number on the way; a step that would divide by 0, or ask an oracle of 0, adds instead."""
    found = list(inputs)
    for operation, i, j in program:
        a, b = found[i], found[j]
        if operation in BINARY:
            found.append(BINARY["+" if operation == "/" and is_zero(b) else operation](a, b))
        else:
            found.append(a + b if is_zero(a) else getattr(a, operation)())
    return found


def twice(program: Program, seed: int) -> tuple[Field, list[FieldNumber], list[Pair]]:
    """The program in the field and on rational functions; the last input does not move."""
    numbers, model = Field(seed), Model(random.Random(seed))
    moves = [i < INPUTS - 1 for i in range(INPUTS)]
    inputs = [numbers.input(0.5 + 0.1 * i, moving) for i, moving in enumerate(moves)]
    found = run(program, inputs, lambda v: not v.value)
    pairs = run(program, [model.input(moving) for moving in moves], lambda v: not v.value.top)
    return numbers, found, pairs


def combined(ratios: list[Ratio], draw: random.Random) -> int:
    """The degree of the numerator of a random linear combination: what is found to be 0 or not."""
    total = reduce(
        lambda sum_, ratio: sum_ + ratio * constant(draw.randrange(1, P)), ratios, constant(0)
    )
    return int(max(total.top.degree(), 0))


KINDS = {
    "sums and products": (("+", "-", "*", "*"), 9),
    "quotients": (ARITHMETIC, 8),
    "many quotients": (("+", "*", "/", "/"), 7),
    "oracles": ((*ARITHMETIC[:4], *FUNCTIONS[:1], *FUNCTIONS[2:]), 9),
    "exp": ((*ARITHMETIC, "exp"), 8),
    "everything": ((*ARITHMETIC, "tanh", "log", "sqrt"), 9),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(40))
def test_no_bound_is_below_the_degree(kind: str, seed: int) -> None:
    """Of one number, of two together, and of values and tangents brought to one denominator."""
    program, draw = programs(seed, *KINDS[kind]), random.Random(seed)
    field, numbers, pairs = twice(program, seed)
    for number, pair in zip(numbers, pairs, strict=True):
        top, bottom = number.fraction or (number.degree, 0)
        assert pair.value.top.degree() <= top
        assert pair.value.bottom.degree() <= bottom
        assert pair.value.top.degree() <= field.bound([number])
        assert pair.tangent.top.degree() <= field.bound(tangents=[number])
    for _ in range(12):
        values, tangents = (draw.sample(range(len(numbers)), draw.randrange(4)) for _ in range(2))
        bound = field.bound((numbers[i] for i in values), (numbers[i] for i in tangents))
        ratios = [pairs[i].value for i in values] + [pairs[i].tangent for i in tangents]
        assert combined(ratios, draw) <= bound


@pytest.mark.parametrize("seed", range(20))
def test_the_model_is_the_field(seed: int) -> None:
    """At one point of the line both give the same numbers, value and tangent."""
    model, at = Model(random.Random(seed)), random.Random(-seed).randrange(P)

    def here(ratio: Ratio) -> int:
        return int(ratio.top(at)) * pow(int(ratio.bottom(at)), -1, P) % P

    lines = [model.input(moves=True) for _ in range(INPUTS)]
    field = Field(seed)
    inputs = [FieldNumber(field, here(p.value), here(p.tangent), 0.5, 1, 0) for p in lines]
    program = programs(seed, tuple(BINARY), 10)
    numbers = run(program, inputs, lambda v: not v.value)
    pairs = run(program, lines, lambda v: not v.value.top)
    for number, pair in zip(numbers, pairs, strict=True):
        assert (number.value, number.tangent) == (here(pair.value), here(pair.tangent))


def test_bounds_are_reached() -> None:
    """A bound that is much too large certifies nothing: x³y has degree 4, x/y - z degree 2."""
    field = Field(0)
    x, y, z = (field.input(0.5, moves=True) for _ in range(3))
    assert field.bound([x**3 * y]) == 4
    assert field.bound(tangents=[x**3 * y]) == 4
    assert field.bound([x + y * z]) == 2
    quotient = x / y
    assert field.bound([quotient]) == 1 + 1  # with the numerator of y as the denominator of all
    assert field.bound([quotient, z]) == 2
    assert field.bound([field.constant(3)]) == 0


def test_values_and_tangents_need_one_denominator() -> None:
    """x¹⁰ = 1/y is x¹⁰y = 1, of degree 11: more than either side has alone."""
    field = Field(0)
    x, y = (field.input(0.5, moves=True) for _ in range(2))
    power, inverse = x**10, 1 / y
    assert field.bound([power]) == 10
    assert field.bound([power, inverse]) == 11
    assert field.bound([power], tangents=[inverse]) >= 10 + 2  # (1/y)' = -y'/y²


def test_a_denominator_to_a_power_comes_up_again() -> None:
    """1/(x/y⁵) = y⁵/x has degree 5 in its numerator, though y was divided by once."""
    field = Field(0)
    x, y = (field.input(0.5, moves=True) for _ in range(2))
    quotient = x * (1 / y) ** 5
    assert field.q == 1
    again = 1 / quotient
    assert field.bound([again]) >= 5
    assert field.bound([again, x]) >= 5
    assert again.fraction == (5, 1)


SIX_WAYS = ((1, 1), (1, -1), (2, 1), (2, -1), (4, 1), (4, -1))


@pytest.mark.parametrize("function", ["tanh", "exp", "log", "sqrt"])
@pytest.mark.parametrize("seed", range(8))
def test_the_chance_counts_every_two_arguments_of_an_oracle(function: str, seed: int) -> None:
    """Taken for one another where v = ±w, ±2w, ±4w, or 0: a degree for each."""
    field, numbers, pairs = twice(programs(seed, ARITHMETIC, 6), seed)
    chosen = [i for i, v in enumerate(numbers) if v.value and v.value != 1]
    for i in chosen:
        getattr(numbers[i], function)()
    distinct = {pairs[i].value.key: pairs[i].value for i in chosen}.values()
    accidents = 0
    for one in distinct:
        accidents += max(one.top.degree(), 0)
        for other in distinct:
            if str(one.key) < str(other.key):
                differences = (one * constant(a) - other * constant(b) for a, b in SIX_WAYS)
                accidents += sum(max(d.top.degree(), 0) for d in differences)
    assert accidents / P <= field.chance(0)
    assert field.chance(7) == pytest.approx(field.chance(0) + 7 / P, rel=1e-12)


def test_a_log_may_be_taken_for_that_of_an_exp() -> None:
    """log(v) is w if v = exp(w) = r²: with one argument each, more than the two alone."""
    field = Field(0)
    x, y = (field.input(0.5, moves=True) for _ in range(2))
    x.log()
    before = field.chance(0)
    y.exp()
    exp_alone = 3 * field.bound([y]) / P
    assert field.chance(0) - before - exp_alone >= 0.99 * max(2, 1) / P
