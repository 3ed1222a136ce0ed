"""The name of a mistake: the fault of the catalogue that gives the same numbers on every case tried."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rnncheck.case import Array
from rnncheck.diagnosis.behaviour import (
    Seen,
    is_near,
    is_same,
    is_wrong,
    observe,
    observe_all,
    sign,
    wrong_arrays,
)
from rnncheck.implementation import Implementation
from rnncheck.implementations.faulty.catalogue import Fault, faults
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.properties.registry import Check
from rnncheck.properties.trial import PoolCase

Make = Callable[[], Implementation]

MOST_HALVES = 6
"""Faults that explain a part, of which pairs are tried."""


@dataclass(frozen=True)
class Name:
    """A fault, or a pair made in one network; `cases`: on how many it gives the subject's numbers."""

    parts: tuple[Fault, ...]
    cases: int

    def __str__(self) -> str:
        return " + ".join(part.id for part in self.parts)


def names(make: Make, check: Check, entries: Sequence[PoolCase], left_out: str = "") -> list[Name]:
    """Every entry of the catalogue (or pair of entries) that does on every case what the subject does.

    make: a fresh subject. check: the one that failed, on the first of the entries. left_out: an entry not
    to be looked up, to see how the others do without it.
    """
    seen = observe_all(make(), entries)
    own = [fault for fault in faults() if fault.id != left_out]
    shown = any(is_wrong(one, entry) for one, entry in zip(seen, entries, strict=True))
    alike = [fault for fault in own if _does_the_same(fault.make, seen[:1], entries[:1])]
    if not shown:
        alike = _told_apart(alike, make, check, entries[0])
    alike = [fault for fault in alike if _does_the_same(fault.make, seen, entries)]
    if shown and not alike:
        return [Name(pair, len(entries)) for pair in _pairs(own, seen, entries)]
    if shown and alike[1:]:
        alike = _told_apart(alike, make, check, entries[0])
    return [Name((fault,), len(entries)) for fault in alike]


def _does_the_same(make: type[Plain], seen: Sequence[Seen], entries: Sequence[PoolCase]) -> bool:
    candidate = make()
    for one, entry in zip(seen, entries, strict=True):
        if candidate.capabilities.missing(entry.case):
            return False
        if not is_same(one, observe(candidate, entry), entry):
            return False
    return True


def _told_apart(alike: Sequence[Fault], make: Make, check: Check, entry: PoolCase) -> list[Fault]:
    """Of those that give the same numbers when they are called once: those that fail the check alike."""
    own = sign(check, make(), entry)
    if own.word != "failed":
        return list(alike)
    signs = {fault: sign(check, fault.make(), entry) for fault in alike}
    resembling = [fault for fault, other in signs.items() if own.resembles(other)]
    exact = [fault for fault in resembling if signs[fault] == own]
    return exact or resembling


def _pairs(
    own: Sequence[Fault], seen: Sequence[Seen], entries: Sequence[PoolCase]
) -> Iterator[tuple[Fault, Fault]]:
    """Pairs of faults of different equations, one of which explains some array of the first case alone."""
    first, entry = seen[0], entries[0]
    if isinstance(first, str):
        return
    wrong = wrong_arrays(first, entry)
    given = {fault: observe(fault.make(), entry) for fault in own}
    forward = bool(wrong & {"output", "h_n"})
    halves = [
        fault
        for fault, arrays in given.items()
        if not isinstance(arrays, str) and _explains_one(first, arrays, wrong, entry)
    ]
    others = [fault for fault in own if forward or fault.terms]
    tried = set()
    for half in halves[:MOST_HALVES]:
        for other in others:
            if frozenset((half, other)) in tried or _methods(half) & _methods(other):
                continue
            tried.add(frozenset((half, other)))
            both = type("Both", (half.make, other.make), {})
            if _does_the_same(both, seen, entries):
                yield half, other


def _explains_one(
    first: dict[str, Array], arrays: dict[str, Array], wrong: set[str], entry: PoolCase
) -> bool:
    return any(name in arrays and is_near(first[name], arrays[name], name, entry) for name in wrong)


def _methods(fault: Fault) -> set[str]:
    """The equations that a fault overrides."""
    return {name for name, found in vars(fault.make).items() if callable(found)}
