"""What a network does, call by call, as far as another can be found to do the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Implementation
from rnncheck.properties.registry import Check
from rnncheck.properties.trial import PoolCase, Refused, Trial
from rnncheck.results import SubjectError
from rnncheck.verdicts import judge

ROUTES = 2.0
"""Envelopes that two computations of the same faulty numbers may differ by: one each."""

Seen = dict[str, Array] | str
"""The arrays that a call gave, or how its error begins."""


def observe(subject: Implementation, entry: PoolCase) -> Seen:
    """Output, h_n and gradients of one call (or two, where gradients take another)."""
    trial = Trial(subject, entry)
    try:
        return trial.arrays
    except (SubjectError, Refused) as error:
        return str(error).partition(":")[0]


def is_same(one: Seen, other: Seen, entry: PoolCase) -> bool:
    """Whether the two agree in all that both give, within what rounding can do.

    A fault's numbers may be larger than the right ones, and then its rounding is too: the envelope
    grows with them.
    """
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and one == other
    return all(is_near(one[name], other[name], name, entry) for name in one if name in other)


def is_near(one: Array, other: Array, name: str, entry: PoolCase) -> bool:
    """Whether two arrays of one name are the same within the envelope."""
    if one.shape != other.shape:
        return False
    if not one.size:
        return True
    allowance, exact = entry.envelope[name], entry.truth[name].hi
    with np.errstate(all="ignore"):
        largest, usual = np.max(np.abs(other)), np.max(np.abs(exact))
        growth = max(1.0, float(largest / usual)) if usual > 0 and np.isfinite(largest) else 1.0
        near = np.abs(one - other) <= ROUTES * growth * allowance.allowed
        same = near | (one == other) | (np.isnan(one) & np.isnan(other))
    return bool((same | ~allowance.telling).all())


def is_wrong(seen: Seen, entry: PoolCase) -> bool:
    """Whether a call shows a mistake."""
    return isinstance(seen, str) or bool(wrong_arrays(seen, entry))


def wrong_arrays(seen: dict[str, Array], entry: PoolCase) -> set[str]:
    """The arrays that are off."""
    return {n for n, a in seen.items() if entry.truth[n].is_off(a, entry.envelope[n]).any()}


@dataclass(frozen=True)
class Sign:
    """What a check says on a case: the word, the error's text, the arrays that are off, and their values."""

    word: str
    message: str
    off: tuple[str, ...]
    values: tuple[str, ...]

    def resembles(self, other: "Sign") -> bool:
        """The same but for the numbers."""
        return (self.word, self.message, self.off) == (other.word, other.message, other.off)


def sign(check: Check, subject: Implementation, entry: PoolCase) -> Sign:
    """The sign of a fresh network."""
    verdict = judge(check, Trial(subject, entry))
    entries = verdict.outcome.by_array() if verdict.outcome else ()
    off = [e for e in entries if e.ratio > 1.0]
    return Sign(
        verdict.word,
        "" if verdict.word != "failed" else _without_digits(verdict.message),
        tuple(sorted(e.array for e in off)),
        tuple(f"{e.array} {e.index} {e.value:.6g}" for e in off),
    )


def _without_digits(text: str) -> str:
    return "".join(c for c in text if not c.isdigit())


def observe_all(subject: Implementation, entries: Sequence[PoolCase]) -> list[Seen]:
    """One call after the other, of one network."""
    return [observe(subject, entry) for entry in entries]
