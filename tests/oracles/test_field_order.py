"""Comparisons in the field: by the floats beside the numbers, and counted by the line that asks."""

import inspect
import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnncheck.oracles.field import Field, FieldNumber
from rnncheck.oracles.following.numbers import Unfollowed

SHADOWS = (-2.0, -0.5, 0.5, 0.75, 3.0)


def numbers(*shadows: float) -> list[FieldNumber]:
    field = Field("order")
    return [field.input(shadow, moves=False) for shadow in shadows]


@pytest.mark.parametrize(("a", "b"), list(itertools.permutations(SHADOWS, 2)))
def test_comparisons_are_those_of_the_floats(a: float, b: float) -> None:
    one, other = numbers(a, b)
    for left, right in ((one, other), (one, b), (a, other), (one, np.float64(b))):
        assert (left < right) == (a < b)
        assert (left <= right) == (a <= b)
        assert (left > right) == (a > b)
        assert (left >= right) == (a >= b)
        assert left != right
        assert not left == right  # noqa: SIM201 - both operators are tested


def test_computed_numbers_bring_their_floats_along() -> None:
    """Where an expression has another sign than its parts: by that of the whole."""
    a, b = numbers(0.5, 2.0)
    assert a - b < 0 < a * b
    assert (a - b).tanh() < 0 < a.tanh() < 1
    assert b.log() > 0 > a.log()
    assert 0 < (-b).exp() < 1 < b.exp()
    assert 1 < b.sqrt() < b
    assert a / b < a
    assert -b < -a
    assert abs(a - b) > 1
    assert bool(a)
    assert not a - a


def test_the_same_number_is_equal_however_it_came_about() -> None:
    a, b = numbers(0.1, 0.2)
    left, right = (a + b) ** 2, a * a + 2 * a * b + b * b
    assert left == right
    assert left <= right
    assert left >= right
    assert not left < right
    assert not left > right
    assert not left != right  # noqa: SIM202 - both operators are tested


@pytest.mark.parametrize("seed", range(20))
def test_numbers_of_the_same_float_are_ordered_and_oddly(seed: int) -> None:
    """ReLU and its mask must agree: exactly one of a < b and b < a, again and again."""
    field = Field(seed)
    a, b = (field.input(0.0, moves=False) for _ in range(2))
    assert a != b
    assert (a < b) != (b < a)
    assert (a < b) == (a <= b) == (b > a) == (b >= a) == (a - b < 0) == (b - a > 0)
    assert (a > 0) != (-a > 0)
    assert (a > 0) == (a >= 0) == (abs(a) == a)


def test_which_of_them_is_larger_is_random() -> None:
    """Of 40 seeds all the same way: by chance once in 2³⁹."""
    larger = {Field(seed).input(0.0, moves=False) > 0 for seed in range(40)}
    assert larger == {True, False}


def test_infinities_are_beyond_every_number_and_what_overflows_has_no_order() -> None:
    [a] = numbers(5.0)
    assert -math.inf < a < math.inf
    assert a > -np.inf
    large = (200 * a).exp()
    with pytest.raises(Unfollowed, match="overflows"):
        _ = large < large * 2


def test_no_number_is_compared_with_words() -> None:
    [a] = numbers(1.0)
    assert a != "a"
    assert a is not None
    assert a != None  # noqa: E711 - as careless code asks
    with pytest.raises(TypeError, match="compared with str"):
        _ = a < "a"


LINES: dict[str, tuple[Callable[[Any], object], dict[tuple[str, bool], int]]] = {
    "a mask": (lambda v: v > 0, {(">", True): 3, (">", False): 2}),
    "relu": (lambda v: np.maximum(v, 0), {(">=", True): 3, (">=", False): 2}),
    "not equal": (lambda v: v[0] != v[1], {("==", False): 1}),
    "abs": (lambda v: np.abs(v), {("abs", True): 3, ("abs", False): 2}),
    "fabs": (lambda v: np.fabs(v), {("abs", True): 3, ("abs", False): 2}),
    "bool": (lambda v: bool(v[0]), {("!= 0", True): 1}),
    "any": (lambda v: v[0].any(), {("!= 0", True): 1}),
    "equal": (lambda v: v[0] == v[0] * 1, {("==", True): 1}),
    "a chain": (lambda v: v[0] < v[1] < v[2], {("<", True): 2}),
    "max of a list": (lambda v: max(list(v[:3])), {(">", True): 2}),
    "max of an array": (lambda v: v[:3].max(), {(">=", False): 2}),
    "where": (lambda v: np.where(v <= 0.6, v, 0 * v), {("<=", True): 3, ("<=", False): 2}),
    "clip": (lambda v: np.clip(v, -9, 9), {("<=", True): 5, (">=", True): 5}),
}


@pytest.mark.parametrize("name", LINES)
def test_a_branch_is_counted_under_the_line_of_the_code_that_compares(name: str) -> None:
    """Not under NumPy's, nor under one of the methods between."""
    ask, expected = LINES[name]
    found = numbers(*SHADOWS)
    ask(np.array(found, dtype=object))
    branches = found[0].field.branches
    assert {(code, line) for code, line, _, _ in branches} == {
        (ask.__code__, ask.__code__.co_firstlineno)
    }
    counted: Counter[tuple[str, bool]] = Counter()
    for (_, _, relation, answer), count in branches.items():
        counted[relation, answer] += count
    assert sum(counted.values()) == sum(expected.values())
    if name not in ("relu", "clip", "max of an array", "where"):  # NumPy chooses how to ask
        assert counted == expected


def test_branches_of_two_lines_are_kept_apart() -> None:
    a, b = numbers(1.0, 2.0)
    first = _line() + 1
    assert a < b
    for _ in range(3):
        assert not a > b
    branches = {key[1:]: count for key, count in a.field.branches.items()}
    assert branches == {(first, "<", True): 1, (first + 2, ">", False): 3}


def test_a_tiny_constant_that_is_left_out_is_noted() -> None:
    [a] = numbers(1.0)
    line = _line() + 1
    _ = a + 1e-12
    [(_, found, relation, _)] = a.field.branches
    assert found == line
    assert "counts as 0" in relation
    _ = a + 0.0
    assert sum(a.field.branches.values()) == 1


def _line() -> int:
    frame = inspect.currentframe()
    assert frame
    assert frame.f_back
    return frame.f_back.f_lineno
