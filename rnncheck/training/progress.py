"""A bar for each epoch: how many batches, at what rate, and the loss so far."""

import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

KEPT = 10
"""So many epochs stay in sight; of thousands, nobody reads all."""


class Bars:
    """A context within which the bars are shown, if there is a terminal to show them on.

    where: True for the error stream, if it is a terminal, False for nowhere, or a `rich` console.
    """

    def __init__(self, epochs: int, batches: int, where: "bool | Console") -> None:
        self.epochs, self.batches = epochs, batches
        self._shown: list[TaskID] = []
        self._progress: Progress | None = None
        if where is not False and (where is not True or sys.stderr.isatty()):
            self._progress = _progress(None if where is True else where)

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress:
            self._progress.stop()

    def start(self, epoch: int) -> None:
        """Another epoch begins, counted from 0."""
        if self._progress:
            words = f"epoch {epoch + 1}/{self.epochs}"
            self._shown.append(self._progress.add_task(words, total=self.batches, rate="", loss=""))
            if len(self._shown) > KEPT:
                self._progress.remove_task(self._shown.pop(0))

    def advance(self, loss: float) -> None:
        """Another batch is done; the loss of the epoch so far."""
        if self._progress:
            task = self._progress.tasks[-1]
            done = task.completed + 1
            rate = f"{done / task.elapsed:.4g}/s" if task.elapsed else ""
            self._progress.update(task.id, advance=1, rate=rate, loss=f"loss {loss:.4g}")

    def finish(self, validation_loss: float) -> None:
        """The epoch is done, and so is the validation."""
        if self._progress:
            task = self._progress.tasks[-1]
            words = f"{task.fields['loss']} validation {validation_loss:.4g}"
            self._progress.update(task.id, loss=words)


def _progress(console: "Console | None") -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TextColumn("{task.fields[loss]}"),
        console=console or Console(stderr=True),
    )  # fmt: skip
