"""A task from data to evaluation, on one implementation or on several in lockstep.

from rnncheck.training.running import train
run = train("sine", seed=0)[0]
run.losses, run.after, run.model
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnncheck.report import Finding
from rnncheck.training.fitting import Plan
from rnncheck.training.lockstep import Agreed, lockstep
from rnncheck.training.progress import Bars
from rnncheck.training.sequential import Sequential
from rnncheck.training.tasks import find
from rnncheck.training.tasks.task import Data, Examples, Figure, Setup, Task

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Lockstep:
    """How many steps the implementations took together, and what was compared.

    worst: the largest difference, as a fraction of two envelopes. silent: how often nothing could be
    said of an array, by its name; chaotic: steps of which nothing could be said at all, by the reason.
    rows: how many rows of the data were trained on.
    """

    implementations: tuple[str, ...]
    rows: int
    steps: int = 0
    compared: int = 0
    worst: float = 0.0
    silent: Counter[str] = field(default_factory=Counter)
    chaotic: Counter[str] = field(default_factory=Counter)
    finding: Finding | None = None

    @property
    def told_nothing(self) -> bool:
        """Whether there was no array of which anything could be said."""
        return self.finding is None and self.silent.total() == self.compared

    def add(self, step: Agreed) -> None:
        """Count a step."""
        self.steps += 1
        self.compared += step.compared
        self.worst = max(self.worst, step.worst)
        self.silent.update(step.silent)
        if step.why:
            self.chaotic[step.why] += 1


@dataclass
class Trained:
    """A network that has been trained.

    losses: of each epoch, as published: the sum or the mean of its batches'. held_out: the loss on what was
    kept from it, after each epoch. before, after: the evaluation. lockstep: if it was trained so.
    """

    task: Task
    setup: Setup
    data: Data
    model: Sequential
    losses: list[float]
    held_out: list[float]
    before: list[Figure]
    after: list[Figure]
    seconds: float
    lockstep: Lockstep | None = None


def train(
    task: Task | str,
    implementation: str = "manual",
    *,
    epochs: int | None = None,
    seed: int = 0,
    progress: "bool | Console" = False,
) -> list[Trained]:
    """Train every network of a task, from data and parameters drawn from the seed.

    implementation: scalar, manual, autodiff or torch. epochs: None for the published number. progress: a
    bar for each epoch on the error stream, if that is a terminal, or on a `rich` console.
    Raises ValueError for the name of no task or implementation, UsageError if torch is not installed.
    """
    found = find(task) if isinstance(task, str) else task
    return [
        train_setup(found, setup, implementation, epochs=epochs, seed=seed, progress=progress)
        for setup in found.setups
    ]


def train_setup(
    task: Task, setup: Setup, implementation: str = "manual", *, epochs: int | None = None,
    seed: int = 0, progress: "bool | Console" = False,
) -> Trained:  # fmt: skip
    """Train one network of a task; see `train`."""
    data, model = task.data(seed), task.model(implementation, seed, setup)
    part, held = data
    before, start = task.evaluate(model, data), time.perf_counter()
    history = model.fit(
        part.x, part.y, lengths=part.lengths, loss=setup.loss, optimizer=setup.optimizer,
        epochs=setup.epochs if epochs is None else epochs, batch_size=setup.batch_size,
        rng=np.random.default_rng((2, seed)), shuffle=setup.shuffle, clip=setup.clip,
        schedule=setup.schedule, progress=progress,
        validation=None if held is None else (held.x, held.y, held.lengths),
    )  # fmt: skip
    seconds = time.perf_counter() - start
    losses = [epoch_loss(task, losses) for losses in history.batch_losses]
    after = task.evaluate(model, data)
    return Trained(
        task, setup, data, model, losses, history.validation_loss, before, after, seconds
    )


def epoch_loss(task: Task, losses: Sequence[float]) -> float:
    """An epoch's loss as it was published."""
    return float(np.sum(losses) if task.total == "sum" else np.mean(losses))


def train_in_lockstep(
    task: Task | str,
    *,
    epochs: int | None = None,
    seed: int = 0,
    implementations: tuple[str, ...] = ("manual", "autodiff", "scalar", "torch"),
    progress: "bool | Console" = False,
    folder: Path | None = None,
) -> Iterator[Trained]:
    """Train every network of a task whose gradient is right, on all implementations at once.

    epochs: None for the task's short form, a few epochs on a part of the rows; else so many, on all. The
    last run's `lockstep.finding` says where they stopped to agree; nothing is trained after it.
    """
    found = find(task) if isinstance(task, str) else task
    for setup in found.setups:
        if setup.wrong:
            continue
        run = _lockstep(found, setup, epochs, seed, implementations, progress, folder)
        yield run
        if run.lockstep and run.lockstep.finding:
            return


def _lockstep(
    task: Task, setup: Setup, epochs: int | None, seed: int, implementations: tuple[str, ...],
    progress: "bool | Console", folder: Path | None,
) -> Trained:  # fmt: skip
    data = task.data(seed)
    part, plan = _part(task, setup, data.train, epochs)
    model = task.model(implementations[0], seed, setup)
    models = [model, *(model.on(name) for name in implementations[1:])]
    before, start = task.evaluate(model, data), time.perf_counter()
    tally, losses = Lockstep(implementations, len(part)), list[list[float]]()
    batches = -(-len(part) // (plan.batch_size or len(part)))
    with Bars(plan.epochs, batches, progress) as bars:
        rng = np.random.default_rng((2, seed))
        for step in lockstep(models, part, plan, rng, name=_file_name(task, setup), folder=folder):
            if isinstance(step, Finding):
                tally.finding = step
                break
            if step.where.batch == 0:
                bars.start(step.where.epoch)
                losses.append([])
            losses[-1].append(step.loss)
            bars.advance(epoch_loss(task, losses[-1]))
            tally.add(step)
    seconds = time.perf_counter() - start
    epoch_losses = [epoch_loss(task, batch) for batch in losses]
    after = task.evaluate(model, data)
    return Trained(task, setup, data, model, epoch_losses, [], before, after, seconds, tally)


def _part(task: Task, setup: Setup, train: Examples, epochs: int | None) -> tuple[Examples, Plan]:
    """What is trained on in lockstep, and how."""
    size, rows = setup.batch_size, len(train)
    if epochs is None:
        epochs, rows = task.short.epochs, task.short.rows or rows
        size = task.short.batch_size or size
    plan = Plan(
        setup.loss, setup.optimizer, epochs, size, setup.shuffle, clip=setup.clip,
        schedule=setup.schedule,
    )  # fmt: skip
    return train.rows(slice(rows)), plan


def _file_name(task: Task, setup: Setup) -> str:
    return " ".join([task.name, *setup.name.split()])
