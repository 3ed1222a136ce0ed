"""Names and places: what a diagnosis says of every fault of the catalogue."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from benchmarks.tables import table
from rnncheck.diagnosis import explained, named
from rnncheck.diagnosis.place import AS_FAILED
from rnncheck.engine import Run
from rnncheck.events import Finished
from rnncheck.evidence import Evidence
from rnncheck.implementations.faulty import catalogue
from rnncheck.killing import read_matrix
from rnncheck.pool import Pools
from rnncheck.properties.registry import all_checks
from rnncheck.report import Finding, Where
from rnncheck.settings import PROFILES, Settings

COMMAND = "python -m benchmarks diagnosis"
MATRIX = Path(__file__).parent.parent / "docs" / "kill_matrix.json"
PROCESSES = 2
READOUT = ("weight_ho", "bias_o")
LONG = 1.0
"""Seconds that a diagnosis may take beyond the check itself."""


@dataclass(frozen=True)
class Diagnosed:
    """What was said of a fault. finding: None if its check found nothing. others: the names given when its
    own entry is left out of the dictionary. seconds: of the diagnosis.
    """

    id: str
    family: str
    check: str
    finding: Finding | None
    others: tuple[str, ...]
    seconds: float

    @property
    def is_named(self) -> bool:
        return self.finding is not None and self.finding.faults == (self.id,)

    @property
    def is_misnamed(self) -> bool:
        """A name was given that is not its own, nor its own in other words."""
        given = set(self.finding.faults if self.finding else ()) | set(self.others)
        other_words = set(catalogue.named(self.id).same_as)
        return any(name != self.id and set(name.split(" + ")) != other_words for name in given)

    @property
    def is_placed(self) -> bool:
        """The arrays and terms that the entry declares; the dictionary has no part in them."""
        entry, where = catalogue.named(self.id), self.finding.where if self.finding else None
        if where is None or where.terms != entry.terms:
            return False
        return set(where.wrong) == {name for name in entry.wrong if self._is_there(name, where)}

    def _is_there(self, name: str, where: Where) -> bool:
        """Whether the network on which the mistake was placed has such an array."""
        shapes = self.finding.case.spec.parameter_shapes()
        if where.feature == AS_FAILED:
            return name in ("x", "h0") or any(own.startswith(name) for own in shapes)
        with_readout = any(words in where.feature for words in ("readout", "its own kind"))
        return name not in READOUT or (with_readout and name in shapes)


def killers(name: str) -> list[str]:
    """The checks that kill it, in the report's order; proofs last, those that need torch left out."""
    kills = {row.entry: row.kills for row in read_matrix(MATRIX)}[name]
    checks = [c for c in all_checks() if c.id in kills and not c.needs_torch]
    return [check.id for check in sorted(checks, key=lambda check: check.kind == "proof")]


@cache
def pools() -> Pools:
    return Pools()


def diagnosed(name: str) -> Diagnosed:
    """The first of its killers that finds it when it is run alone, and what is said of what it finds."""
    for check in killers(name):
        found = _diagnosed(name, check)
        if found.finding:
            break
    return found


def _diagnosed(name: str, check: str) -> Diagnosed:
    """A check through the engine, as `rnncheck check --check` runs it."""
    entry, seconds, others = catalogue.named(name), 0.0, ()

    def diagnose(evidence: Evidence) -> Finding:
        nonlocal seconds, others
        begin = time.process_time()
        finding = explained(evidence)
        seconds = time.process_time() - begin
        others = tuple(map(str, named(evidence, name)))
        return finding

    finding = None
    with tempfile.TemporaryDirectory() as folder:
        for profile in ("quick", "standard"):
            settings = Settings(
                PROFILES[profile], checks=(check,), database="none", folder=Path(folder)
            )
            for event in Run(entry.make(), settings, pools(), diagnose).events():
                if isinstance(event, Finished):
                    finding = next(iter(event.report.findings), None)
            if finding:
                break
    if finding:
        finding = replace(finding, case_file=None)
    return Diagnosed(name, entry.family, check, finding, others, seconds)


def measured(names: Sequence[str]) -> list[Diagnosed]:
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        return list(pool.map(diagnosed, names, chunksize=8))


def _row(family: str, some: Sequence[Diagnosed]) -> list[str]:
    placed = [one for one in some if catalogue.named(one.id).terms]
    seconds = [one.seconds for one in some if one.finding]
    return [
        family,
        f"{sum(one.is_named for one in some)} of {len(some)}",
        f"{sum(one.is_placed for one in placed)} of {len(placed)}",
        str(sum(one.is_misnamed for one in some)),
        f"{statistics.median(seconds):.2f} s",
        f"{sum(one < LONG for one in seconds)} of {len(seconds)}",
        f"{max(seconds):.2f} s",
    ]


def _missed(all_of_them: Sequence[Diagnosed]) -> str:
    lines = []
    for one in all_of_them:
        entry, found = catalogue.named(one.id), one.finding
        if found is None:
            lines.append(f"- `{one.id}`: not found by `{one.check}` in a run of that check alone")
            continue
        if not one.is_named or one.is_misnamed:
            names = ", ".join(f"`{name}`" for name in {*found.faults, *one.others}) or "none"
            lines.append(f"- `{one.id}`, name: {names} (`{one.check}`)")
        if entry.terms and not one.is_placed:
            where = found.where
            words = f"{', '.join(where.wrong)}: {where.terms or '?'}" if where else "none"
            declared = f"{', '.join(entry.wrong)}: {entry.terms}"
            lines.append(f"- `{one.id}`, place: {words}; it is {declared}")
        if one.seconds >= LONG:
            lines.append(f"- `{one.id}`, {one.seconds:.1f} s (`{one.check}`)")
    return "\n".join(lines)


def run(families: Sequence[str] = ()) -> str:
    entries = [e for e in catalogue.faults() if not families or e.family in families]
    found = measured([entry.id for entry in entries])
    kinds = list(dict.fromkeys(one.family for one in found))
    rows = [_row(kind, [one for one in found if one.family == kind]) for kind in kinds]
    head = (
        "family", "named", "placed", "wrong names", "median time", f"under {LONG:.0f} s", "longest",
    )  # fmt: skip
    return (
        f"## Names and places\n\n`{COMMAND}`; every fault of the catalogue, by the first check of a report "
        "that finds it alone (proofs last, torch aside), as `rnncheck check --check` runs it. "
        "Named: its own entry, and that alone. Placed: of the faults of a gradient, those whose arrays and "
        "terms are the ones that the entry declares; places are read off the gradient without the "
        "dictionary. Wrong names: of those given with the dictionary as it is, and with its own entry left "
        "out. Two faults that together are the one in other words (`direction_ignored`; a test holds them "
        "together to the bit) count as its own. Time: of the diagnosis beyond the check, processor.\n\n"
        f"{table(head, [*rows, _row('all', found)])}\n\nNot named, not placed, misnamed or slow:\n\n"
        f"{_missed(found) or 'none'}\n"
    )
