"""A kept case again, as a person reads it: what went in, and each result beside what it must be."""

from collections.abc import Iterator

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnncheck.events import Replayed, Side
from rnncheck.report import Report, Status
from rnncheck.reporting.text import grouped, printable, render_finding

MOST_GIVEN = 36
"""Entries of an array that is given, to be printed whole."""

MOST_ROWS = 8
"""Entries of a result, one a row; of more, the worst."""


def render_replay(replayed: Replayed | None, report: Report) -> Group:
    """The case, the numbers, the findings and the verdict; replayed: None if it did not live to tell."""
    parts: list[RenderableType] = []
    if replayed:
        parts = [
            Text(f"{replayed.implementation} on {replayed.sizes} ({replayed.origin})", "bold"),
            Padding(_given(replayed), (1, 0, 1, 0)),
        ]
        if replayed.trouble:
            parts.append(Text(printable(replayed.trouble), "bold red"))
        elif replayed.results:
            parts.append(_results(replayed))
    findings = [Padding(render_finding(*group), (1, 0, 0, 0)) for group in grouped(report)]
    errors = [Text(f"\n{c.note}") for c in report.checks if c.status is Status.ERROR]
    return Group(*parts, *findings, *errors, Text(), _verdict(report))


def _given(replayed: Replayed) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for side in replayed.given:
        if side.value is not None:
            table.add_row(f"  {side.name}", _whole(side.value))
    return table


def _whole(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> str:
    """A small array's entries; of a large one, what it is like."""
    if array.size <= MOST_GIVEN:
        return np.array2string(array, separator=", ", max_line_width=80, precision=6)
    finite = array[np.isfinite(array)]
    largest = float(np.max(np.abs(finite), initial=0.0))
    return f"{array.size} numbers of shape {array.shape}, the largest {largest:.3g}"


def _results(replayed: Replayed) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("result", no_wrap=True)
    for heading in ("expected", "actual", "error / allowed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for side in replayed.results:
        for row in _rows(side):
            wrong = row[-1] == "wrong"
            table.add_row(*row, style="bold red" if wrong else "")
    return table


def _rows(side: Side) -> Iterator[tuple[str, ...]]:
    """An entry a row, in order; of many, the worst, and what is left."""
    value, expected, allowed, off = side.value, side.expected, side.allowed, side.off
    if value is None or expected is None or allowed is None or off is None:
        return
    with np.errstate(all="ignore"):
        ratios = np.abs(value.astype(np.float64) - expected) / allowed
    ratios = np.where(np.isfinite(value) | ~off, ratios, np.inf)
    order = np.lexsort((-ratios.ravel(), ~off.ravel()))[:MOST_ROWS]
    for flat in sorted(order):
        index = np.unravel_index(int(flat), value.shape)
        name = f"{side.name}[{', '.join(str(int(i)) for i in index)}]"
        found, wanted = _pair(float(value[index]), float(expected[index]))
        yield name, wanted, found, f"{ratios[index]:.2g}", "wrong" if off[index] else ""
    if value.size > MOST_ROWS:
        left = int(off.sum()) - int(off.ravel()[order].sum())
        yield f"  and {value.size - MOST_ROWS} more", "", "", "", f"{left} wrong" if left else ""


def _pair(value: float, expected: float) -> tuple[str, str]:
    """Both numbers, in as many digits as it takes to see a difference."""
    short = f"{value:.9g}", f"{expected:.9g}"
    return (repr(value), repr(expected)) if short[0] == short[1] and value != expected else short


def _verdict(report: Report) -> Text:
    name = report.implementation
    failed = sum(check.status is Status.FAILED for check in report.checks)
    ran = sum(check.cases > 0 for check in report.checks)
    errors = [check.check for check in report.checks if check.status is Status.ERROR]
    if errors:
        words = f"rnncheck itself failed in {errors[0]}; the verdict on {name} is open"
        return Text(words, "bold red")
    if failed:
        return Text(f"WRONG: {name} fails {failed} of {ran} checks on this case", "bold red")
    if ran:
        every = "the check that applies" if ran == 1 else f"all {ran} checks that apply"
        return Text(f"RIGHT: {name} passes {every} to this case", "bold green")
    return Text(f"NOTHING TOLD: no check applies to {name} on this case", "bold yellow")
