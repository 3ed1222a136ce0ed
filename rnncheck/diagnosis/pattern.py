"""From the terms that are off to the words for them: which lags, steps, rows, or by what factor."""

import math
from collections.abc import Callable, Container, Iterator, Sequence

from rnncheck.diagnosis.experiments import HN
from rnncheck.diagnosis.terms import ALL_STEPS, Term

CLOSE = 1e-6
"""Within which a factor is taken for a simple number: it is only named, nothing is judged by it."""

Rule = tuple[str, Callable[[Term], bool]]


def pattern(
    terms: Sequence[Term], T: int, B: int, empty: Container[int] = frozenset()
) -> str | None:
    """The words for which terms are off; None if none is, or if no words fit.

    empty: the rows that have no step.
    """
    by_step = all(term.s != ALL_STEPS for term in terms)
    off = [term for term in terms if not term.is_right]
    if not off:
        return None
    if len(off) == len(terms):
        return common_factor([term.factor for term in off], T, B)
    if all(term.b in empty for term in off):
        return "rows without steps"
    for words, is_meant in _rules(T, B, by_step):
        meant = [term for term in terms if is_meant(term)]
        if len(meant) == len(off) and all(not term.is_right for term in meant):
            return words
    origin = _origin(terms, off)
    if origin == "what h_n brings" or not by_step:
        return origin
    return _from_a_lag_on(terms, off, T) or origin


def _from_a_lag_on(terms: Sequence[Term], off: Sequence[Term], T: int) -> str | None:
    """Some of what is off is of lag k, and none of a smaller one, though there are such terms."""
    k = min(_lag(term, T) for term in off)
    return f"lags {k} and up" if any(0 <= _lag(term, T) < k for term in terms) else None


def _lag(term: Term, T: int) -> int:
    return (T - 1 if term.t == HN else term.t) - term.s


def _origin(terms: Sequence[Term], off: Sequence[Term]) -> str | None:
    """Of what h_n brings, or of what the output brings, some is off; and nothing of the other is."""
    from_state = {term.t == HN for term in off}
    if len(from_state) == 1 and {term.t == HN for term in terms} == {True, False}:
        return "what h_n brings" if from_state == {True} else "what the output brings"
    return None


def common_factor(factors: Sequence[float], T: int, B: int) -> str:
    """Every term is off: by one and the same factor, or not."""
    first = factors[0]
    if any(math.isnan(f) for f in factors) or any(abs(f - first) > CLOSE for f in factors):
        return "every term"
    simple = {0.0: "none counted", 1 / T: "divided by T", 1 / B: "divided by B"}
    for value, words in (simple | {1 / (T * B): "divided by T B"}).items():
        if abs(first - value) <= CLOSE:
            return words
    return f"times {first:.4g}"


def _rules(T: int, B: int, by_step: bool) -> Iterator[Rule]:
    """What may be off, the simplest first."""
    last = T - 1

    def lag(term: Term) -> int:
        return _lag(term, T)

    yield "what h_n brings", lambda term: term.t == HN
    yield "what the output brings", lambda term: term.t != HN
    yield "row 0", lambda term: term.b == 0
    yield "rows but the first", lambda term: term.b != 0
    yield "last row", lambda term: term.b == B - 1
    yield "rows but the last", lambda term: term.b != B - 1
    if not by_step:
        return
    yield "step 0", lambda term: term.s == 0
    yield "last step", lambda term: term.s == last
    yield "step 0", lambda term: term.s == 0 and lag(term) > 0
    for k in range(1, T):
        yield f"lags {k} and up", lambda term, k=k: lag(term) >= k  # type: ignore[misc]
        own = ("h0",)  # one link further back than the first step
        yield (
            f"lags {k} and up",
            lambda term, k=k, own=own: lag(term) + (term.array in own) >= k,  # type: ignore[misc]
        )
    yield "lags 1 and up", lambda term: lag(term) != 0  # what went the wrong way in time, too
    yield "lag 0", lambda term: lag(term) == 0
    yield "steps but the first", lambda term: term.s != 0
    yield "steps but the last", lambda term: term.s != last
