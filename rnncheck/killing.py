"""The kill matrix: every check on every fault of the catalogue, and on every right variant.

A check kills a fault if it fails on one of its cases. The cases are one pool, drawn as for any other
run; every check takes its share of them, the quickest first, until it has killed.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path

from rnncheck.case import Case
from rnncheck.implementations.faulty.catalogue import VARIANTS, Fault, faults, named, variants
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.pool import Pools, Source
from rnncheck.properties.registry import Check, all_checks
from rnncheck.properties.strategies import Draw
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.results import UsageError
from rnncheck.verdicts import beyond, judge

CASES = {"all": 14, "some": 4, "few": 2}
"""Cases that a check is run on, by its share, unless it kills before."""

POOL = 30
"""Cases of the pool they are taken from."""

MORE = 4
"""Times as many cases, for a fault that nothing has killed so far."""

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
        return self.first_of(self.kills)

    def first_of(self, checks: Iterable[str]) -> str | None:
        """The first of some checks."""
        return min((c for c in checks if c in self.kills), key=self.kills.__getitem__, default=None)


@dataclass(frozen=True)
class Score:
    """Faults and how many of them were killed; right variants and how many passed."""

    faults: int
    killed: int
    variants: int
    passed: int
    errors: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Score":
        """Of a whole matrix."""
        faulty = [row for row in rows if row.family != VARIANTS]
        right = [row for row in rows if row.family == VARIANTS]
        return cls(
            len(faulty), sum(bool(row.kills) for row in faulty),
            len(right), sum(not row.kills for row in right), sum(len(row.errors) for row in rows),
        )  # fmt: skip

    @property
    def is_full(self) -> bool:
        """Every fault killed, every variant passed, and no check of ours has failed itself."""
        return self.killed == self.faults and self.passed == self.variants and not self.errors


@dataclass(frozen=True)
class Merit:
    """How many faults a check kills, how many before any other check, and how many alone.

    first_alone: before any other check that needs no reference.
    """

    check: Check
    kills: int
    first: int
    first_alone: int
    only: int

    @property
    def is_earned(self) -> bool:
        """Whether something would be found later, or not at all, without it, or it says why it stays."""
        return bool(self.first or self.first_alone or self.only or self.check.stays)


def merits(rows: Sequence[Row]) -> list[Merit]:
    """What every check is good for, by a whole matrix."""
    faulty = [row for row in rows if row.family != VARIANTS]
    alone = [check.id for check in all_checks() if not check.needs_reference]
    first, first_alone = [row.first for row in faulty], [row.first_of(alone) for row in faulty]
    return [
        Merit(
            check, sum(check.id in row.kills for row in faulty), first.count(check.id),
            first_alone.count(check.id), sum(list(row.kills) == [check.id] for row in faulty),
        )
        for check in all_checks()
    ]  # fmt: skip


def lost_kills(before: Sequence[Row], now: Sequence[Row]) -> list[tuple[str, str]]:
    """(fault, check) for every kill of an earlier matrix that is none any more."""
    found = {row.entry: row.kills for row in now}
    return [
        (row.entry, name)
        for row in before
        for name in row.kills
        if name not in found.get(row.entry, {})
    ]


def write_matrix(path: Path, rows: Sequence[Row]) -> None:
    """The kills of a matrix as JSON: by entry, by check, the cases."""
    document = {row.entry: {"family": row.family, "kills": row.kills} for row in rows}
    lines = (f"{json.dumps(name)}: {json.dumps(one)}" for name, one in document.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read_matrix(path: Path) -> list[Row]:
    """What `write_matrix` wrote. UsageError, naming the file, for anything else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [Row(name, row["family"], row["kills"], {}) for name, row in document.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} holds no kill matrix: {error}") from error


def kill_matrix(entries: Sequence[Fault], processes: int) -> Iterator[Row]:
    """A row for each entry, in their order, as each is done."""
    if processes == 1:
        yield from map(row, (entry.id for entry in entries))
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(row, [entry.id for entry in entries], chunksize=2)


def catalogue(names: Sequence[str] = ()) -> list[Fault]:
    """The entries of these names; none named: every fault, then every variant."""
    if names:
        return [named(name) for name in names]
    return [*faults(), *variants()]


def row(name: str) -> Row:
    """Every check on one entry; a fault that survives is tried on more cases, until one check kills it."""
    entry = named(name)
    found = _row(entry, 1)
    return found if found.kills or entry.family == VARIANTS else _row(entry, MORE)


def _row(entry: Fault, times: int) -> Row:
    subject = entry.make()
    trials: dict[tuple[str, Draw], Trial] = {}
    kills: dict[str, int] = {}
    errors: dict[str, str] = {}
    for check in all_checks():
        if beyond(check, subject.capabilities):
            continue
        count, error = cases_to_kill(check, subject, trials, times)
        if count:
            kills[check.id] = count
            if times > 1:
                break
        if error:
            errors[check.id] = error
    return Row(entry.id, entry.family, kills, errors)


def cases_to_kill(
    check: Check, subject: Plain, trials: dict[tuple[str, Draw], Trial], times: int = 1
) -> tuple[int, str]:
    """How many cases it took the check to fail, 0 if it did not; and what went wrong on our side.

    trials: what the subject has given on the pool's cases so far, shared by the checks as in any run.
    times: more cases than usual.
    """
    pools, source = shared_pools(), source_of(check, subject, times)
    seen = 0
    for draw, case in _in_order(pools.get(source)):
        if seen >= times * CASES[check.share]:
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


def _in_order(pool: dict[Draw, PoolCase]) -> Iterator[tuple[Draw, PoolCase]]:
    """The quickest first, those with a readout and those without in turn: the latter are quicker."""
    entries = sorted(pool.items(), key=lambda entry: _work(entry[1].case))
    kinds = [
        [e for e in entries if (e[0].spec.output_size is None) is bare] for bare in (True, False)
    ]
    for pair in zip_longest(*kinds):
        yield from filter(None, pair)


def _work(case: Case) -> tuple[bool, int]:
    """What a call costs, in steps of a cell; cases that show little come last."""
    return (min(case.T, case.B) < 2, case.T * case.spec.num_states)


@cache
def shared_pools() -> Pools:
    """One pool for all entries of the same capabilities: truth and envelope are worked out once a case."""
    return Pools(keeps=True)


def source_of(check: Check, subject: Plain, times: int = 1) -> Source:
    """Where a check's cases come from."""
    counts = {"dyadic": CASES["some"], "proof": CASES["few"]}
    # What it claims has no influence on what is drawn: without, entries share a pool.
    can = replace(subject.capabilities, keeps_dtype=False, validates=())
    return Source(can, check.kind, SEED, times * counts.get(check.kind, POOL))
