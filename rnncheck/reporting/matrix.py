"""The kill matrix for people: a line a fault, a column a check, and the score."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.progress import track
from rich.table import Table
from rich.text import Text

from rnncheck.implementations.faulty.catalogue import VARIANTS
from rnncheck.killing import (
    Row,
    Score,
    catalogue,
    kill_matrix,
    lost_kills,
    merits,
    read_matrix,
    write_matrix,
)
from rnncheck.properties.registry import FAMILIES, all_checks
from rnncheck.report import ExitCode
from rnncheck.reporting.json import require_folder
from rnncheck.reporting.text import plain_text
from rnncheck.results import UsageError

WIDTH = 200
"""Columns of the printed matrix: a character a check, and the names."""

MANY = 9
"""Cases up to which the matrix shows the number."""


def render_matrix(rows: Sequence[Row]) -> RenderableType:
    """Every row, a character a check: the cases it took to kill (+ for more than nine), · if it did not."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("fault", no_wrap=True)
    table.add_column("killers", justify="right")
    table.add_column("first (cases)", no_wrap=True)
    families = [f for f in FAMILIES if any(check.family == f for check in all_checks())]
    for family in families:
        count = sum(check.family == family for check in all_checks())
        table.add_column(family[: max(count, 3)], no_wrap=True)
    family = ""
    for row in rows:
        if row.family != family:
            family = row.family
            table.add_row(Text(family.upper(), style="bold"))
        first = f"{row.first} ({row.kills[row.first]})" if row.first else "none"
        strips = [_strip(row, name) for name in families]
        table.add_row(row.entry, str(len(row.kills)), first, *strips)
    return table


def _strip(row: Row, family: str) -> str:
    ids = [check.id for check in all_checks() if check.family == family]
    return "".join(_mark(row.kills.get(name)) for name in ids)


def _mark(cases: int | None) -> str:
    if cases is None:
        return "·"
    return str(cases) if cases <= MANY else "+"


def render_score(rows: Sequence[Row], seconds: float) -> RenderableType:
    """How many were killed and passed, what was not, and what each check is good for."""
    score = Score.of(rows)
    lines: list[RenderableType] = [
        Text(
            f"{score.killed} of {score.faults} faults killed, {score.passed} of {score.variants} right "
            f"variants passed, by {len(all_checks())} checks in {seconds:.0f} s",
            style="bold",
        )
    ]
    for row in rows:
        if row.family == VARIANTS and row.kills:
            lines.append(Text(f"accused although right: {row.entry} by {', '.join(row.kills)}"))
        elif row.family != VARIANTS and not row.kills:
            lines.append(Text(f"not killed: {row.entry}"))
        lines += [Text(f"{row.entry}: {name} erred\n{text}") for name, text in row.errors.items()]
    cases = Counter(row.kills[row.first] for row in rows if row.first)
    several = ", ".join(f"{n} in {k}" for k, n in sorted(cases.items()))
    lines.append(Text(f"cases that the first kill took: {several}"))
    return Group(*lines, "", render_merits(rows))


def render_merits(rows: Sequence[Row]) -> RenderableType:
    """What each check is first or alone in killing, or why it stays."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in (
        "check",
        "kills",
        "first",
        "first without a reference",
        "alone",
        "stays because",
    ):
        table.add_column(heading, overflow="fold")
    for merit in merits(rows):
        counts = (merit.kills, merit.first, merit.first_alone, merit.only)
        table.add_row(merit.check.id, *(str(n or "") for n in counts), merit.check.stays)
    return table


def render_losses(before: Sequence[Row], now: Sequence[Row]) -> RenderableType:
    """What was killed before and is not any more."""
    lost = lost_kills(before, now)
    return Group(*(Text(f"no longer kills {fault}: {check}") for fault, check in lost))


def run_matrix(
    names: Sequence[str], json_file: Path | None, compare: Path | None, jobs: int
) -> int:
    """Run, with a progress bar; print the matrix and the score; 0 if it is full and nothing was lost."""
    try:
        entries = catalogue(names)
    except KeyError as error:
        raise UsageError(
            f"{error.args[0]}; `rnncheck faults --handbook FILE` has them all"
        ) from None
    before = read_matrix(compare) if compare else []
    before = [row for row in before if not names or row.entry in names]
    if json_file:
        require_folder(json_file)
    start, console = time.perf_counter(), Console(stderr=True)
    rows = list(
        track(
            kill_matrix(entries, jobs), "faults", len(entries), console=console, transient=True,
            disable=not console.is_terminal,
        )
    )  # fmt: skip
    seconds = time.perf_counter() - start
    print(plain_text(Group(render_matrix(rows), "", render_score(rows, seconds)), WIDTH))
    if json_file:
        write_matrix(json_file, rows)
    lost = lost_kills(before, rows)
    if lost:
        print(plain_text(render_losses(before, rows), WIDTH))
    full = Score.of(rows).is_full and not lost
    return int(ExitCode.CONFORMANT if full else ExitCode.FINDING)
