"""`rnncheck train`: a task is trained, its loss stands beside the published one, and is drawn."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from rnncheck.report import ExitCode
from rnncheck.reporting.json import finding_dict, require_folder
from rnncheck.reporting.text import WIDTH, plain_text, render_finding, shown
from rnncheck.results import UsageError
from rnncheck.settings import Settings
from rnncheck.training.picture import draw, require_matplotlib
from rnncheck.training.running import Lockstep, Trained, train_in_lockstep, train_setup
from rnncheck.training.tasks import find
from rnncheck.training.tasks.task import Task

HELD_OUT = {"sum": "held out (mean)", "mean": "held out"}

ROWS = 8
"""Epochs whose loss is printed, where none was published."""


def run_train(
    name: str, implementation: str = "manual", epochs: int | None = None, seed: int = 0,
    picture: Path | None = None, json_file: Path | None = None,
) -> ExitCode:  # fmt: skip
    """Train, print, draw and write.

    picture: None for `.rnncheck/TASK.png`, if matplotlib is there. Exit code: 0; 1 a finding in lockstep;
    5 if lockstep could say nothing of any array.
    """
    try:
        task = find(name)
    except ValueError as error:
        raise UsageError(str(error)) from None
    for file in filter(None, (picture, json_file)):
        require_folder(file)
    if picture:
        require_matplotlib()
    _print(Text(f"{task.name}: {task.title}\n{task.about}\n"))
    runs = []
    if implementation == "all":
        for run in train_in_lockstep(task, epochs=epochs, seed=seed, progress=True):
            runs.append(run)
            _print(Text(lockstep_line(run)))
            if run.lockstep and run.lockstep.finding:
                _print(Text(), render_finding(run.lockstep.finding))
    else:
        for setup in task.setups:
            run = train_setup(task, setup, implementation, epochs=epochs, seed=seed, progress=True)
            runs.append(run)
            _print(Text(trained_line(run)))
    _print(Text(), loss_table(task, runs), Text(), figure_table(runs))
    drawn = _draw(task, runs, picture)
    code = exit_code(runs)
    if json_file:
        _write(json_file, document(task, runs, seed, code, drawn))
    return code


def exit_code(runs: Sequence[Trained]) -> ExitCode:
    """1 a finding; 5 all steps were taken in lockstep and said nothing; 0 else."""
    tallies = [run.lockstep for run in runs if run.lockstep]
    if any(tally.finding for tally in tallies):
        return ExitCode.FINDING
    if tallies and all(tally.told_nothing for tally in tallies):
        return ExitCode.NOTHING_TOLD
    return ExitCode.CONFORMANT


def trained_line(run: Trained) -> str:
    """What was trained, where, how long."""
    where = run.model.backend.name
    name = f"{run.setup.name}: " if run.setup.name else ""
    wrong = f" (wrong: {run.setup.wrong})" if run.setup.wrong else ""
    return f"{name}{_count(len(run.losses), 'epoch')} on {where} in {run.seconds:.1f} s{wrong}"


def lockstep_line(run: Trained) -> str:
    """How many steps agreed, on what, how closely, and of what nothing could be said."""
    tally = run.lockstep
    assert tally is not None
    name = f"{run.setup.name}: " if run.setup.name else ""
    lines = [
        f"{name}{_count(tally.steps, 'step')} in lockstep on {', '.join(tally.implementations)}, "
        f"{tally.rows} of {len(run.data.train)} rows, in {run.seconds:.1f} s",
        f"{tally.compared:,} arrays compared, {_agreement(tally)}",
    ]
    if tally.silent:
        arrays = ", ".join(f"{name} ({n})" for name, n in tally.silent.most_common(5))
        more = ", ..." if len(tally.silent) > 5 else ""
        lines.append(
            f"of {tally.silent.total():,} nothing could be said, the envelope being as large as they "
            f"are: {arrays}{more}"
        )
    lines += [
        f"{_count(n, 'step')} of these said nothing at all: {why}"
        for why, n in tally.chaotic.items()
    ]
    return "\n".join(lines)


def _agreement(tally: Lockstep) -> str:
    if tally.finding:
        return "then the implementations disagree"
    return f"the largest difference {tally.worst:.2g} of what is allowed (two envelopes)"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def loss_table(task: Task, runs: Sequence[Trained]) -> Table:
    """The loss by epoch, from 1, beside the published one."""
    table = Table(box=None, padding=(0, 3, 0, 0))
    head = "loss" if task.total == "mean" else "loss, summed"
    table.add_column("epoch", justify="right")
    if task.published:
        table.add_column("published", justify="right")
    for run in runs:
        table.add_column(f"{head},\n{run.setup.name}" if run.setup.name else head, justify="right")
        if run.held_out:
            table.add_column(HELD_OUT[task.total], justify="right")
    longest = max(len(run.losses) for run in runs)
    for epoch in shown_epochs(task, longest):
        row = [str(epoch + 1)]
        if task.published:
            row.append(_number(task.published.get(epoch)))
        for run in runs:
            row.append(_number(_at(run.losses, epoch)))
            if run.held_out:
                row.append(_number(_at(run.held_out, epoch)))
        table.add_row(*row)
    return table


def shown_epochs(task: Task, count: int) -> list[int]:
    """Those that were published, the last, and, if that leaves few, others in equal steps."""
    epochs = {epoch for epoch in task.published if epoch < count} | {0, count - 1}
    if len(epochs) < 4:
        epochs |= {round(i * (count - 1) / (ROWS - 1)) for i in range(ROWS)}
    return sorted(epoch for epoch in epochs if epoch >= 0)


def figure_table(runs: Sequence[Trained]) -> Table:
    """What the network can do, before and after."""
    table = Table(box=None, padding=(0, 3, 0, 0))
    table.add_column("", overflow="fold")
    published = any(figure.published for figure in runs[0].after)
    if published:
        table.add_column("published", justify="right", no_wrap=True)
    for run in runs:
        name = f",\n{run.setup.name}" if run.setup.name else ""
        table.add_column(f"before{name}", justify="right", no_wrap=True)
        table.add_column(f"after{name}", justify="right", no_wrap=True)
    for row, figure in enumerate(runs[0].after):
        numbers = [_number(f.value) for run in runs for f in (run.before[row], run.after[row])]
        table.add_row(figure.words, *[figure.published] * published, *numbers)
    return table


def document(
    task: Task, runs: Sequence[Trained], seed: int, code: ExitCode, picture: Path | None
) -> dict[str, Any]:
    """The runs as plain data."""
    return {
        "format": 1,
        "task": task.name,
        "seed": seed,
        "exit_code": int(code),
        "published": {str(epoch + 1): loss for epoch, loss in task.published.items()},
        "picture": None if picture is None else shown(picture),
        "runs": [_run_dict(run) for run in runs],
    }


def _run_dict(run: Trained) -> dict[str, Any]:
    return {
        "setup": run.setup.name,
        "wrong": run.setup.wrong,
        "implementation": run.model.backend.name if run.lockstep is None else "all",
        "losses": [_finite(loss) for loss in run.losses],
        "held_out": [_finite(loss) for loss in run.held_out],
        "before": {figure.words: _finite(figure.value) for figure in run.before},
        "after": {figure.words: _finite(figure.value) for figure in run.after},
        "seconds": run.seconds,
        "lockstep": None if run.lockstep is None else _lockstep_dict(run.lockstep),
    }


def _lockstep_dict(tally: Lockstep) -> dict[str, Any]:
    return {
        "implementations": list(tally.implementations),
        "rows": tally.rows,
        "steps": tally.steps,
        "compared": tally.compared,
        "worst": _finite(tally.worst),
        "silent": dict(tally.silent),
        "chaotic": dict(tally.chaotic),
        "finding": None if tally.finding is None else finding_dict(tally.finding),
    }


def _draw(task: Task, runs: Sequence[Trained], picture: Path | None) -> Path | None:
    if not any(run.losses for run in runs):
        return None
    path = picture
    if path is None:
        try:
            require_matplotlib()
        except UsageError as missing:
            _print(Text(f"\nno picture: {missing}"))
            return None
        folder = Settings().folder
        if not folder.exists():
            folder.mkdir()
            (folder / ".gitignore").write_text("*\n")
        path = folder / f"{task.name}.png"
    draw(runs, path)
    _print(Text(f"\npicture: {shown(path)}"))
    return path


def _write(path: Path, content: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _at(losses: Sequence[float], epoch: int) -> float | None:
    return losses[epoch] if epoch < len(losses) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _print(*parts: RenderableType) -> None:
    console = Console(highlight=False)
    for part in parts:
        if console.is_terminal:
            console.print(part, crop=False)
        else:
            print(plain_text(part, WIDTH), flush=True)
