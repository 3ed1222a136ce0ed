"""Loss curves, and what the network has learned to do, as a picture. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnncheck.results import UsageError
from rnncheck.training.running import Trained
from rnncheck.training.tasks.task import Line, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by those who see no red or no green (M. Okabe, K. Ito)."""

PUBLISHED, TRUE = "#000000", "#000000"


def require_matplotlib() -> None:
    """UsageError unless matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "a picture needs matplotlib, which is not installed: pip install matplotlib"
        ) from error


def draw(runs: Sequence[Trained], path: Path) -> Path:
    """Write the picture of a task's runs to a file; the ending says in which format.

    Beside the loss there is a row for each network whose task has panels. UsageError without matplotlib, or
    where the file cannot be written.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [(run, panel) for run in runs for panel in run.task.panels(run.model, run.data)]
    figure = Figure(figsize=(9.0, 3.2 * (1 + len(panels))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1 + len(panels), squeeze=False)[:, 0]
    _losses(axes[0], runs)
    for where, (run, panel) in zip(axes[1:], panels, strict=True):
        _panel(where, panel, run.setup.name)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {path}: {error}") from error
    return path


def _losses(axes: "Axes", runs: Sequence[Trained]) -> None:
    task = runs[0].task
    mean = " (mean)" if task.total == "sum" else ""
    for run, colour in zip(runs, COLOURS, strict=False):
        words = run.setup.name or "loss"
        epochs = range(1, len(run.losses) + 1)
        axes.plot(epochs, run.losses, color=colour, label=words, marker=_marker(len(epochs)))
        if run.held_out:
            axes.plot(
                epochs, run.held_out, color=colour, linestyle="--", label=f"{words}, held out{mean}"
            )
    shown = {e: v for e, v in task.published.items() if any(e < len(r.losses) for r in runs)}
    if shown:
        x = [epoch + 1 for epoch in shown]
        axes.scatter(
            x, list(shown.values()), color=PUBLISHED, marker="x", label="published", zorder=3
        )
    axes.set_title(f"{task.name}: {task.title}", pad=24)
    axes.set(xlabel="epoch", ylabel=_loss_in_words(task.total))
    axes.set_yscale("log")
    _finish(axes)


def _loss_in_words(total: str) -> str:
    return "loss, sum of the epoch" if total == "sum" else "loss"


def _marker(count: int) -> str:
    return "." if count <= 20 else ""


def _panel(axes: "Axes", panel: Panel, setup: str) -> None:
    colours = iter(COLOURS * (1 + len(panel.lines) // len(COLOURS)))
    for line in panel.lines:
        _line(axes, line, TRUE if line.dotted else next(colours))
    axes.set_title(f"{panel.title} ({setup})" if setup else panel.title, pad=24)
    axes.set(xlabel=panel.x, ylabel=panel.y)
    _finish(axes)


def _line(axes: "Axes", line: Line, colour: str) -> None:
    """What is only to be compared with: dashes, or dots over the line where there are many points."""
    marker, style, width = _marker(len(line.x)), "-", 1.2
    if line.dotted:
        marker, style = (".", "") if not marker else ("", "--")
    axes.plot(
        line.x, line.y, color=colour, label=line.label or None, linestyle=style, marker=marker,
        linewidth=width, markersize=4.0, zorder=3 if line.dotted else 2,
    )  # fmt: skip


def _finish(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=6
    )
