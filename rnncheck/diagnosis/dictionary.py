"""The name of a mistake: the fault of the catalogue that gives the same numbers on every case tried."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rnncheck.diagnosis.behaviour import (
    Seen,
    explained_by,
    forward_of,
    is_same,
    is_wrong,
    observe,
    sign,
)
from rnncheck.implementation import Implementation
from rnncheck.implementations.faulty.catalogue import Fault, faults
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.properties.registry import Check
from rnncheck.properties.trial import PoolCase

Make = Callable[[], Implementation]
Parts = tuple[Fault, ...]

MOST_PARTS = 4
"""Faults that one network is supposed to have at once."""

CALLED_TWICE = 3
"""Cases on which a second call is looked at: what is kept from the first need not show in each."""

MOST_TRIED = 6
"""Sets of faults that explain a part, to each of which more are added."""


@dataclass(frozen=True)
class Name:
    """A fault, or several made in one network; `cases`: on how many it gives the subject's numbers.

    of: what of the subject it explains, if not everything.
    """

    parts: Parts
    cases: int
    of: str = ""

    def __str__(self) -> str:
        return " + ".join(part.id for part in self.parts)


def names(make: Make, check: Check, entries: Sequence[PoolCase], left_out: str = "") -> list[Name]:
    """Every entry of the catalogue (or set of entries) that does on every case what the subject does.

    make: a fresh subject, asked for anew for each case, so that it does not matter for what (a kind of
    network, a shape) its author keeps what he keeps; second calls on the first cases must be the same too.
    check: the one that failed, on the first of the entries. left_out: an entry not to be looked up, to see
    how the others do without it.
    """
    seen = [observe(make(), entry) for entry in entries]
    twice = entries[:CALLED_TWICE]
    again = [observe(make(), entry, calls=2) for entry in twice]
    own = [fault for fault in faults() if fault.id != left_out]
    shown = any(
        is_wrong(one, entry) for one, entry in zip((*again, *seen), (*twice, *entries), strict=True)
    )
    alike = [fault for fault in own if _does_the_same(fault.make, seen[:1], entries[:1])]
    alike = [fault for fault in alike if _does_the_same(fault.make, again, twice, calls=2)]
    if not shown:
        alike = _told_apart(alike, make, check, entries[0])
    alike = [fault for fault in alike if _does_the_same(fault.make, seen, entries)]
    if shown and not alike:
        return _in_part(own, seen, again, entries)
    if shown and alike[1:]:
        alike = _told_apart(alike, make, check, entries[0]) or alike
    return [Name((fault,), len(entries)) for fault in alike]


def _in_part(
    own: Sequence[Fault], seen: Sequence[Seen], again: Sequence[Seen], entries: Sequence[PoolCase]
) -> list[Name]:
    """Faults that explain the subject together; or those that explain its forward pass, where that is wrong.

    A forward pass is a network's own, and its gradient may be that of the network it is (autodiff),
    where a fault of the catalogue has a right one's.
    """
    first: list[Parts] = [()]
    results = [forward_of(one) for one in seen]
    if any(is_wrong(one, entry) for one, entry in zip(results, entries, strict=True)):
        same = [f for f in own if _does_the_same(f.make, results[:1], entries[:1])]
        after = [forward_of(one) for one in again]
        same = [f for f in same if _does_the_same(f.make, after, entries[: len(after)], calls=2)]
        first = [(f,) for f in same if _does_the_same(f.make, results, entries)] or first
    together = _together(first, own, seen, entries)
    if together or first == [()]:
        return [Name(parts, len(entries)) for parts in together]
    return [Name(parts, len(entries), "forward pass") for parts in first]


def _does_the_same(
    make: type[Plain], seen: Sequence[Seen], entries: Sequence[PoolCase], calls: int = 1
) -> bool:
    return _first_other(make, seen, entries, calls) is None


def _first_other(
    make: type[Plain], seen: Sequence[Seen], entries: Sequence[PoolCase], calls: int = 1
) -> int | None:
    """The first case on which a fault does something else than the subject, in the last of the calls."""
    for i, (one, entry) in enumerate(zip(seen, entries, strict=True)):
        if make().capabilities.missing(entry.case) or not is_same(one, make, entry, calls):
            return i
    return None


def _told_apart(alike: Sequence[Fault], make: Make, check: Check, entry: PoolCase) -> list[Fault]:
    """Of those that give the same in two calls: those that fail the check alike; none if it does not."""
    own = sign(check, make(), entry)
    if own.word != "failed":
        return []
    signs = {fault: sign(check, fault.make(), entry) for fault in alike}
    resembling = [fault for fault, other in signs.items() if own.resembles(other)]
    exact = [fault for fault in resembling if own.equals(signs[fault])]
    return exact or resembling


def _together(
    first: list[Parts], own: Sequence[Fault], seen: Sequence[Seen], entries: Sequence[PoolCase]
) -> list[Parts]:
    """The smallest sets of faults of different equations that, made in one network, explain every case."""
    sets, at_work = first, dict[int, list[Fault]]()
    while sets and len(sets[0]) < MOST_PARTS:
        grown: dict[frozenset[Fault], tuple[tuple[int, int], Parts]] = {}
        for parts in sets:
            i = _first_other(_made(parts), seen, entries)
            if (
                i is None
            ):  # only in a second call is there something else, and that is another matter
                return [p for p in sets if _does_the_same(_made(p), seen, entries)]
            entry = entries[i]
            if i not in at_work:
                right = observe(Plain(), entry)
                at_work[i] = [f for f in own if not is_same(right, f.make, entry)]
            for more, explained in _grown(parts, at_work[i], seen[i], entry):
                grown.setdefault(frozenset(more), ((i, explained), more))
        complete = [p for _, p in grown.values() if _does_the_same(_made(p), seen, entries)]
        if complete:
            return complete
        best = max((rank for rank, _ in grown.values()), default=None)
        sets = [parts for rank, parts in grown.values() if rank == best][:MOST_TRIED]
    return []


def _grown(
    parts: Parts, more: Sequence[Fault], seen: Seen, entry: PoolCase
) -> Iterator[tuple[Parts, int]]:
    """The set and one fault more that explains more of a case, and how many arrays are then explained."""
    before = explained_by(_made(parts), seen, entry)
    taken = set[str]().union(*map(_methods, parts))
    for fault in more:
        if not taken & _methods(fault):
            after = explained_by(_made((*parts, fault)), seen, entry)
            if after > before:
                yield (*parts, fault), len(after)


def _made(parts: Parts) -> type[Plain]:
    """The network with all of these faults."""
    return type("Together", (*(fault.make for fault in parts), Plain), {})


def _methods(fault: Fault) -> set[str]:
    """The equations that a fault overrides."""
    return {name for name, found in vars(fault.make).items() if callable(found)}
