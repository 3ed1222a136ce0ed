"""Events on a terminal: a progress bar while it runs (none in a pipe), each report as it ends."""

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rnncheck.events import Checked, Event, Finished, Replayed, Running, Started, Unusable
from rnncheck.report import Report
from rnncheck.reporting.replay import render_replay
from rnncheck.reporting.text import plain_text, render
from rnncheck.settings import REPLAY


def show(events: Iterable[Event]) -> tuple[list[Report], list[Unusable]]:
    """Follow the events to their end, print every report, and return them all.

    Also what could not be used; to be told after the last report, where it is seen.
    """
    console = Console(highlight=False)
    reports: list[Report] = []
    unusable: list[Unusable] = []
    replayed: Replayed | None = None
    progress = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=Console(stderr=True), transient=True,
        disable=not Console(stderr=True).is_terminal,
    )  # fmt: skip
    with progress:
        task = progress.add_task("")
        for event in events:
            match event:
                case Started(implementation, _, steps):
                    progress.reset(task, total=steps, description=implementation)
                case Running(check):
                    progress.update(task, description=check)
                case Checked():
                    progress.advance(task)
                case Replayed():
                    replayed = event
                case Finished(report):
                    reports.append(report)
                    again = report.profile == REPLAY.name
                    _print(console, render_replay(replayed, report) if again else render(report))
                    replayed = None
                case Unusable():
                    unusable.append(event)
    return reports, unusable


def _print(console: Console, what: RenderableType) -> None:
    if console.is_terminal:
        console.print(what, crop=False)
        console.print()
    else:
        print(plain_text(what), end="\n\n", flush=True)
