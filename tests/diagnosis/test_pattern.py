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
    assert told(lambda t, s, b: 0.0 if (s + b) % 2 else 1.0) is None
    assert told(lambda t, s, b: 1.0) is None
