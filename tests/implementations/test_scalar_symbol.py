"""What is written down for symbols computes what the same operations compute on floats, to the bit.

The numbers are such that another order of the operations rounds to another result.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from rnncheck.implementations.scalar.activations import softmax, tanh
from rnncheck.implementations.scalar.symbol import Lines, Symbol, calling

NUMBERS = [0.1, 0.7, 1e-16, 3.3, -1.1]
EXPRESSIONS: dict[str, Callable[..., Any]] = {
    "a sum of products": lambda a, b, c, d, e: a * b + c * d + e,
    "a product of sums": lambda a, b, c, d, e: (a + b) * (c + d),
    "a sum on the right": lambda a, b, c, d, e: a + (b + (c + d)),
    "a sum on the left": lambda a, b, c, d, e: a + b + c + d,
    "a product on the right": lambda a, b, c, d, e: d * (a * (b * e)),
    "a product on the left": lambda a, b, c, d, e: d * a * b * e,
    "a difference": lambda a, b, c, d, e: 1.0 - (a + b) * (2.0 - (c + d)),
    "numbers among them": lambda a, b, c, d, e: 2.0 * a + (0.1 + b) * 0.3 + c * 2.0,
    "neutral numbers": lambda a, b, c, d, e: 0.0 + 1.0 * a + 0.0 + b * 1.0,
    "one used twice": lambda a, b, c, d, e: (a + b) * (a + b) + (a + b),
}


def computed(results: Iterable[Symbol], start: Symbol, given: dict[Symbol, float]) -> list[float]:
    """The numbers that the lines compute."""
    results = list(results)
    lines = Lines(results, start)
    space: dict[str, Any] = {lines.text(symbol): number for symbol, number in given.items()}
    exec(
        "\n".join([*lines.lines, f"results = {lines.text(results)}"]),
        space | lines.functions,
        space,
    )
    found: list[float] = space["results"]
    return found


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_same_bits(name: str) -> None:
    given = {Symbol(): number for number in NUMBERS}
    start = Symbol()
    f = EXPRESSIONS[name]
    assert computed([f(*given)], start, given) == [f(*NUMBERS)]


def test_what_is_used_twice_is_computed_once() -> None:
    a, start = Symbol(), Symbol()
    power = a
    for _ in range(100):  # as one expression it would have 2^100 factors
        power = power * power
    assert computed([power], start, {a: -1.0}) == [1.0]


def test_a_call_has_all_its_results_at_once() -> None:
    a, b, start = Symbol(), Symbol(), Symbol()
    symbolic: Any = calling
    p, q = symbolic(softmax)([a, b])
    assert len(Lines([q, p], start).lines) == 1


def test_long_sums_are_written_in_pieces() -> None:
    a, start = Symbol(), Symbol()
    total: Any = 0.0
    for _ in range(20_000):
        total = total + a
    assert computed([total], start, {a: 1.0}) == [20_000.0]


def test_calls() -> None:
    a, b, start = Symbol(), Symbol(), Symbol()
    symbolic: Any = calling
    y = symbolic(math.tanh)(a * b)
    slope: Any = tanh[1](y)
    p, q = symbolic(softmax)([y, b])
    found = computed([q, slope, p], start, {a: 0.3, b: 0.7})
    y_number = math.tanh(0.3 * 0.7)
    p_number, q_number = softmax([y_number, 0.7])
    assert found == [q_number, 1.0 - y_number * y_number, p_number]
    (alone,) = symbolic(softmax)([a])
    assert computed([alone], start, {a: 0.3}) == [1.0]


def test_nothing_is_computed_that_nobody_asked_for() -> None:
    a, b, start = Symbol(), Symbol(), Symbol()
    symbolic: Any = calling
    symbolic(math.tanh)(b)
    lines = Lines([a + a], start)
    assert (lines.lines, lines.given) == ([], [a])
