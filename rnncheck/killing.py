"""The kill matrix: every check on every fault of the catalogue, and on every right variant.

A check kills a fault if it fails on one of its cases. The cases are one pool, drawn as for any other
run, and every check takes its share of them until it has killed.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context

from rnncheck.implementations.faulty.catalogue import Fault, faults, named, variants
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.pool import Pools, Source
from rnncheck.properties.registry import Check, all_checks
from rnncheck.properties.strategies import Draw
from rnncheck.properties.trial import Trial
from rnncheck.verdicts import beyond, judge

CASES = {"all": 40, "some": 12, "few": 4}
"""Cases that a check is run on, by its share, unless it kills before."""

POOL = 60
"""Cases of the pool they are taken from."""

SEED = 0


@dataclass(frozen=True)
class Row:
    """What the checks made of one entry. kills: by check, the cases it took, the one that kills included.

    errors: by check, why it could not be run to its end: a mistake of ours.
    """

    entry: str
    family: str
    kills: dict[str, int]
    errors: dict[str, str]

    @property
    def first(self) -> str | None:
        """The check that took the fewest cases; the first in the report's order of those that did."""
        return min(self.kills, key=lambda name: self.kills[name], default=None)


def kill_matrix(
    entries: Sequence[Fault] | None = None, processes: int = 2, seen: Callable[[Row], None] = print
) -> list[Row]:
    """A row for each entry (none given: all of the catalogue, then the variants), in their order.

    seen: told of every row as it is done.
    """
    chosen = [*faults(), *variants()] if entries is None else list(entries)
    if processes == 1:
        return list(_told(map(row, (e.id for e in chosen)), seen))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(_told(pool.map(row, [e.id for e in chosen], chunksize=2), seen))


def _told(rows: Iterator[Row], seen: Callable[[Row], None]) -> Iterator[Row]:
    for one in rows:
        seen(one)
        yield one


def row(name: str) -> Row:
    """Every check on one entry."""
    entry = named(name)
    subject = entry.make()
    trials: dict[tuple[str, Draw], Trial] = {}
    kills: dict[str, int] = {}
    errors: dict[str, str] = {}
    for check in all_checks():
        if beyond(check, subject.capabilities):
            continue
        count, error = cases_to_kill(check, subject, trials)
        if count:
            kills[check.id] = count
        if error:
            errors[check.id] = error
    return Row(entry.id, entry.family, kills, errors)


def cases_to_kill(
    check: Check, subject: Plain, trials: dict[tuple[str, Draw], Trial]
) -> tuple[int, str]:
    """How many cases it took the check to fail, 0 if it did not; and what went wrong on our side.

    trials: what the subject has given on the pool's cases so far, shared by the checks as in any run.
    """
    pools, source = shared_pools(), source_of(check, subject)
    seen = 0
    for draw, case in pools.get(source).items():
        if seen >= CASES[check.share]:
            break
        if check.lacks(case.case) or subject.capabilities.missing(case.case):
            continue
        trial = trials.setdefault((check.kind, draw), Trial(subject, case))
        verdict = judge(check, trial)
        if verdict.word == "error":
            return 0, verdict.message
        seen += verdict.word in ("passed", "failed")
        if verdict.word == "failed":
            return seen, ""
    return 0, ""


@cache
def shared_pools() -> Pools:
    """One pool for all entries of the same capabilities: truth and envelope are worked out once a case."""
    return Pools()


def source_of(check: Check, subject: Plain) -> Source:
    """Where a check's cases come from."""
    counts = {"dyadic": CASES["some"], "proof": CASES["few"]}
    # What it claims has no influence on what is drawn: without, entries share a pool.
    can = replace(subject.capabilities, keeps_dtype=False, validates=())
    return Source(can, check.kind, SEED, counts.get(check.kind, POOL))
