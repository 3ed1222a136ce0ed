"""The name of a mistake: the fault of the catalogue that gives the same numbers on every case tried."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rnncheck.diagnosis.behaviour import (
    Calls,
    Seen,
    explained_by,
    forward_of,
    is_same,
    is_wrong,
    observe,
    sign,
)
from rnncheck.diagnosis.derived import earlier
from rnncheck.implementation import Implementation
from rnncheck.implementations.faulty.catalogue import Fault, faults
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.properties.registry import Check, all_checks
from rnncheck.properties.trial import PoolCase

Make = Callable[[], Implementation]
Parts = tuple[Fault, ...]

MOST_PARTS = 4
"""Faults that one network is supposed to have at once."""

QUICK = 2
"""Cases, the smallest, that every fault is run on before the check itself is asked about those left."""

CALLED_TWICE = 3
"""Cases that are called after another one: what is kept from that need not show in each."""

MOST_ASKED = 12
"""Cases, the smallest, on which candidates are told apart by what checks say of them."""

OF_CALLS = ("contract", "shapes")
"""Families of checks on what no numbers show: what a network takes, and what it refuses."""

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


@dataclass(frozen=True)
class _Observed:
    """What the subject gave in some calls, and whether that shows a mistake."""

    calls: Calls
    seen: Seen
    shows: bool

    @property
    def rank(self) -> tuple[int, int]:
        """What rules out most candidates first: what shows a mistake, what is lively; the quick first."""
        return (0 if self.shows else 1 if self.calls.is_lively else 2), self.calls.work


Record = Sequence[_Observed]


def names(
    make: Make, check: Check, failed: Sequence[PoolCase], others: Sequence[PoolCase] = (),
    left_out: str = "",
) -> list[Name]:  # fmt: skip
    """Every entry of the catalogue (or set of entries) that does on every case what the subject does.

    make: a fresh subject, asked for anew for each case, so that it does not matter for what (a kind of
    network, a shape) its author keeps what he keeps; calls after another one must be the same too.
    check: the one that failed, on the failed cases. left_out: an entry not to be looked up, to see how the
    others do without it.
    """
    entries = [*failed, *others]
    calls = [Calls(entry) for entry in entries]
    lively = [one for one in calls[1:] if one.is_lively]
    again = [calls[0], *sorted(lively, key=lambda one: one.work)[: CALLED_TWICE - 1]]
    calls += [Calls(one.entry, before) for one in again for before in earlier(make(), one.entry)]
    record = sorted((_observed(make, one) for one in calls), key=lambda one: one.rank)
    shown = record[0].shows
    own = [fault for fault in faults() if fault.id != left_out]
    alike = [f for f in own if _does_the_same(f.make, record[:QUICK])]
    if not shown:
        alike = _told_apart(alike, make, check, entries)
    alike = [f for f in alike if _does_the_same(f.make, record[QUICK:])]
    if shown and not alike:
        return _in_part(own, record, len(entries))
    if shown and alike[1:]:
        alike = _told_apart(alike, make, check, entries) or alike
    return [Name((fault,), len(entries)) for fault in alike]


def _observed(make: Make, calls: Calls) -> _Observed:
    seen = observe(make(), calls)
    return _Observed(calls, seen, is_wrong(seen, calls.entry))


def _in_part(own: Sequence[Fault], record: Record, cases: int) -> list[Name]:
    """Faults that explain the subject together; or those that explain its forward pass, where that is wrong.

    A forward pass is a network's own, and its gradient may be that of the network it is (autodiff),
    where a fault of the catalogue has a right one's.
    """
    first: list[Parts] = [()]
    results = [_forward(one) for one in record]
    if any(one.shows for one in results):
        first = [(f,) for f in own if _does_the_same(f.make, results)] or first
    first_calls_first = sorted(record, key=lambda one: one.calls.before is not None)
    together = _together(first, own, first_calls_first)
    if together or first == [()]:
        return [Name(parts, cases) for parts in together]
    return [Name(parts, cases, "forward pass") for parts in first]


def _forward(one: _Observed) -> _Observed:
    """The forward pass alone."""
    seen = forward_of(one.seen)
    return _Observed(one.calls, seen, is_wrong(seen, one.calls.entry))


def _does_the_same(make: type[Plain], record: Record) -> bool:
    return _first_other(make, record) is None


def _first_other(make: type[Plain], record: Record) -> int | None:
    """The first calls in which a fault does something else than the subject."""
    for i, one in enumerate(record):
        beyond = make().capabilities.missing(one.calls.entry.case)
        if beyond or not is_same(one.seen, make, one.calls):
            return i
    return None


def _told_apart(
    alike: Sequence[Fault], make: Make, check: Check, entries: Sequence[PoolCase]
) -> list[Fault]:
    """Of those that give the same numbers: those that fail the check alike; none if it does not fail.

    Also on other cases, and to every check of how a network is called, as far as these apply to both.
    """
    entries = [entry.keeping() for entry in sorted(entries, key=lambda e: Calls(e).work)]
    failed = next((e for e in entries if sign(check, make(), e).word == "failed"), None)
    if failed is None:
        return []
    some = entries[:MOST_ASKED]
    asked = [(check, failed), *((check, e) for e in some if e is not failed)]
    asked += [(one, e) for one in all_checks() if one.family in OF_CALLS for e in some]
    left = list(alike)
    for one, entry in asked:
        if not left:
            break
        own = sign(one, make(), entry)
        signs = {fault: sign(one, fault.make(), entry) for fault in left}
        left = [fault for fault in left if own.resembles(signs[fault])]
        left = [fault for fault in left if own.equals(signs[fault])] or left
    return left


def _together(first: list[Parts], own: Sequence[Fault], record: Record) -> list[Parts]:
    """The smallest sets of faults of different equations that, made in one network, explain every case."""
    sets, at_work = first, dict[int, list[Fault]]()
    while sets and len(sets[0]) < MOST_PARTS:
        grown: dict[frozenset[Fault], tuple[tuple[int, int], Parts]] = {}
        for parts in sets:
            i = _first_other(_made(parts), record)
            if i is None:
                return [p for p in sets if p and _does_the_same(_made(p), record)]
            one = record[i]
            if i not in at_work:
                right = observe(Plain(), one.calls)
                at_work[i] = [f for f in own if not is_same(right, f.make, one.calls)]
            for more, explained in _grown(parts, at_work[i], one):
                grown.setdefault(frozenset(more), ((i, explained), more))
        complete = [p for _, p in grown.values() if _does_the_same(_made(p), record)]
        if complete:
            return complete
        best = max((rank for rank, _ in grown.values()), default=None)
        sets = [parts for rank, parts in grown.values() if rank == best][:MOST_TRIED]
    return []


def _grown(parts: Parts, more: Sequence[Fault], one: _Observed) -> Iterator[tuple[Parts, int]]:
    """The set and one fault more that explains more of a case, and how many arrays are then explained."""
    before = explained_by(_made(parts), one.seen, one.calls)
    taken = set[str]().union(*map(_methods, parts))
    for fault in more:
        if not taken & _methods(fault):
            after = explained_by(_made((*parts, fault)), one.seen, one.calls)
            if after > before:
                yield (*parts, fault), len(after)


def _made(parts: Parts) -> type[Plain]:
    """The network with all of these faults."""
    return type("Together", (*(fault.make for fault in parts), Plain), {})


def _methods(fault: Fault) -> set[str]:
    """The equations that a fault overrides."""
    return {name for name, found in vars(fault.make).items() if callable(found)}
