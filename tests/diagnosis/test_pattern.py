"""From the terms that are off to the words for them."""

import math
from collections.abc import Callable

import pytest

from rnncheck.diagnosis.experiments import HN
from rnncheck.diagnosis.pattern import pattern
from rnncheck.diagnosis.terms import Term

T, B = 5, 3
PLACES = [
    (t, s, b) for t in (0, 1, 2, T - 1, HN) for b in range(B)
    for s in range(T if t == HN else t + 1)
]  # fmt: skip

Meant = Callable[[int, int, int], bool]


def told(factor: Callable[[int, int, int], float]) -> str | None:
    return pattern([Term("x", t, s, b, factor(t, s, b)) for t, s, b in PLACES], T, B)


def lag(t: int, s: int) -> int:
    return (T - 1 if t == HN else t) - s


PATTERNS: dict[str, Meant] = {
    "lags 1 and up": lambda t, s, b: lag(t, s) >= 1,
    "lags 3 and up": lambda t, s, b: lag(t, s) >= 3,
    "lag 0": lambda t, s, b: lag(t, s) == 0,
    "step 0": lambda t, s, b: s == 0,
    "last step": lambda t, s, b: s == T - 1,
    "steps but the first": lambda t, s, b: s != 0,
    "steps but the last": lambda t, s, b: s != T - 1,
    "row 0": lambda t, s, b: b == 0,
    "rows but the first": lambda t, s, b: b != 0,
    "rows but the last": lambda t, s, b: b != B - 1,
    "what h_n brings": lambda t, s, b: t == HN,
    "what the output brings": lambda t, s, b: t != HN,
}


@pytest.mark.parametrize("words", PATTERNS)
@pytest.mark.parametrize("wrong", [0.0, 0.5, math.nan])
def test_the_terms_that_are_off_are_named(words: str, wrong: float) -> None:
    assert told(lambda t, s, b: wrong if PATTERNS[words](t, s, b) else 1.0) == words


FACTORS = {0.0: "none counted", 1 / T: "divided by T", 1 / B: "divided by B",
           1 / (T * B): "divided by T B", 2.0: "times 2", -1.0: "times -1"}  # fmt: skip


@pytest.mark.parametrize("factor", FACTORS)
def test_a_common_factor_is_named(factor: float) -> None:
    assert told(lambda t, s, b: factor) == FACTORS[factor]


def test_without_a_common_factor_it_is_every_term() -> None:
    assert told(lambda t, s, b: 0.5 + t) == "every term"
    assert told(lambda t, s, b: math.nan) == "every term"


def test_what_fits_no_words_has_none() -> None:
    assert told(lambda t, s, b: 0.0 if (s + b) % 2 == 0 else 1.0) is None
    assert told(lambda t, s, b: 1.0) is None


def test_what_rows_without_steps_bring_has_words_of_its_own() -> None:
    terms = [Term("h0", t, s, b, 0.0 if b == 1 else 1.0) for t, s, b in PLACES if b != 2]
    assert pattern(terms, T, B, {1}) == "rows without steps"
    assert pattern(terms, T, B) == "last row" or pattern(terms, T, B) == "rows but the first"


def test_some_of_the_larger_lags_and_none_of_the_smaller_is_told_by_the_smallest() -> None:
    """As where the last k steps alone are carried into: lags of earlier outputs are lost."""
    assert told(lambda t, s, b: 0.0 if lag(t, s) >= 1 and t not in (T - 1, HN) else 1.0) == (
        "lags 1 and up"
    )
    assert told(lambda t, s, b: 0.0 if (lag(t, s), b) == (3, 1) else 1.0) == "lags 3 and up"


def test_some_of_what_one_source_brings_is_told_by_the_source() -> None:
    assert told(lambda t, s, b: math.nan if t == HN and b < 2 else 1.0) == "what h_n brings"
    assert told(lambda t, s, b: math.nan if t in (0, 2) and b < 2 else 1.0) == (
        "what the output brings"
    )
