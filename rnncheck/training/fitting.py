"""`fit`: batch after batch, epoch after epoch, and the record of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rnncheck.canonical import canonical_lengths
from rnncheck.case import Array, IntArray
from rnncheck.training.clipping import Clipping
from rnncheck.training.counting import counted_steps
from rnncheck.training.layers import require_count
from rnncheck.training.losses import Loss
from rnncheck.training.optimizers import Optimizer, State
from rnncheck.training.progress import Bars
from rnncheck.training.schedules import Schedule

if TYPE_CHECKING:
    from rich.console import Console

    from rnncheck.training.sequential import Sequential

Accuracy = Callable[[Array, Array | IntArray, IntArray | None], npt.ArrayLike]
"""Of output, target and lengths: right or wrong for each thing that is judged, or a share of a batch."""

Validation = tuple[Any, Any] | tuple[Any, Any, Any]
"""x, y, and perhaps the lengths of the rows."""


class Evaluation(NamedTuple):
    """The loss, and the accuracy if one was asked for."""

    loss: float
    accuracy: float | None


@dataclass
class History:
    """What `fit` saw, an entry for each epoch; a list is empty if nothing of it was asked for.

    loss, accuracy: over the batches of the epoch, each with the parameters that it found: for a loss
    of reduction "mean" the mean over all that counted in the epoch, for "sum" the sum.
    validation_loss, validation_accuracy: with the parameters after the epoch.
    batch_losses: those of the single batches, in the order in which they were taken.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    batch_losses: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """The options of `fit`."""

    loss: Loss
    optimizer: Optimizer
    epochs: int
    batch_size: int | None = None
    shuffle: bool = True
    accuracy: Accuracy | None = None
    clip: Clipping | None = None
    schedule: Schedule | None = None
    validation: Validation | None = None

    def __post_init__(self) -> None:
        require_count("epochs", self.epochs)
        if self.batch_size is not None:
            require_count("batch_size", self.batch_size)
        if self.validation is not None and len(self.validation) not in (2, 3):
            raise ValueError(
                f"validation has {len(self.validation)} parts; it must be (x, y) or (x, y, lengths)"
            )

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch."""
        return self.optimizer.lr * (1.0 if self.schedule is None else self.schedule(epoch))


@dataclass
class _Tally:
    """The batches of one epoch so far, each with its weight."""

    loss: Loss
    losses: list[float] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    hits: list[tuple[float, int]] = field(default_factory=list)

    def mean_loss(self) -> float:
        """The loss of all batches as one."""
        if self.loss.reduction == "sum":
            return float(np.sum(self.losses))
        return float(np.average(self.losses, weights=self.weights))

    def mean_accuracy(self) -> float:
        """The share of what was right in all batches; 0 if nothing was judged."""
        judged = sum(size for _, size in self.hits)
        return sum(share * size for share, size in self.hits) / max(judged, 1)


def fit(
    model: "Sequential",
    x: npt.ArrayLike,
    y: Array | IntArray,
    lengths: npt.ArrayLike | None,
    plan: Plan,
    rng: np.random.Generator | int | None,
    progress: "bool | Console",
) -> History:
    """See `Sequential.fit`."""
    array = np.asarray(x)
    n = canonical_lengths(lengths, *_sizes(array, y))
    batches = Batches(array.shape[1], plan, rng)
    history, states = History(), dict[str, State]()
    with Bars(plan.epochs, len(batches), progress) as bars:
        for epoch in range(plan.epochs):
            tally = _Tally(plan.loss)
            bars.start(epoch)
            for rows in batches:
                some = None if n is None else n[rows]
                step = model.train_step(
                    array[:, rows], y[:, rows], plan.loss, plan.optimizer, states,
                    lengths=some, lr=plan.rate(epoch), clip=plan.clip,
                )  # fmt: skip
                states = step.states
                _count(tally, plan, step.loss, step.output, y[:, rows], model.output_lengths(some))
                bars.advance(tally.mean_loss())
            _record(history, tally, plan)
            if plan.validation is not None:
                bars.finish(_validate(history, model, plan))
    return history


def evaluate(
    model: "Sequential",
    x: npt.ArrayLike,
    y: Array | IntArray,
    loss: Loss,
    lengths: npt.ArrayLike | None,
    accuracy: Accuracy | None,
) -> Evaluation:
    """See `Sequential.evaluate`."""
    T, B = _sizes(np.asarray(x), y)
    n = model.output_lengths(canonical_lengths(lengths, T, B))
    output = model.predict(x, lengths)
    value = float(loss.value(output, y, n))
    if accuracy is None:
        return Evaluation(value, None)
    return Evaluation(value, float(np.asarray(accuracy(output, y, n)).mean()))


def target(y: npt.ArrayLike) -> Array | IntArray:
    """y as an array, of floats or class numbers: a loss says whether it is one."""
    array: Array | IntArray = np.asarray(y)
    return array


class Batches:
    """The rows of each batch of an epoch: every time it is gone through, another order."""

    def __init__(self, rows: int, plan: Plan, rng: np.random.Generator | int | None) -> None:
        self.rows, self.size = rows, plan.batch_size or rows
        self.shuffled = plan.shuffle and self.size < rows
        if self.shuffled and rng is None:
            raise ValueError(
                "shuffle=True needs an rng, a seed or a numpy.random.Generator, to draw the order of "
                "the rows from; or shuffle=False"
            )
        self.rng = np.random.default_rng(rng)

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def __iter__(self) -> Iterator[IntArray]:
        order = self.rng.permutation(self.rows) if self.shuffled else np.arange(self.rows)
        return (order[start : start + self.size] for start in range(0, self.rows, self.size))


def _sizes(x: Array, y: Array | IntArray) -> tuple[int, int]:
    """T and B, if x and y have as many rows, and any."""
    if x.ndim != 3:
        raise ValueError(f"x has shape {x.shape}; it must have 3 axes: time, batch, input")
    if y.ndim < 2 or y.shape[1] != x.shape[1]:
        raise ValueError(
            f"y has shape {y.shape}; it must have as many rows as x, {x.shape[1]}, on axis 1: "
            "(time, batch, ...)"
        )
    if x.shape[1] == 0:
        raise ValueError(f"x has shape {x.shape}; there must be at least one row")
    return x.shape[0], x.shape[1]


def _count(
    tally: _Tally,
    plan: Plan,
    loss: float,
    output: Array,
    target: Array | IntArray,
    lengths: IntArray | None,
) -> None:
    tally.losses.append(loss)
    tally.weights.append(int(counted_steps(output, lengths, plan.loss.steps).sum()))
    if plan.accuracy is not None:
        hits = np.asarray(plan.accuracy(output, target, lengths))
        size = hits.size if hits.ndim else output.shape[1]
        tally.hits.append((float(hits.mean()) if size else 0.0, size))


def _record(history: History, tally: _Tally, plan: Plan) -> None:
    history.loss.append(tally.mean_loss())
    history.batch_losses.append(tally.losses)
    if plan.accuracy is not None:
        history.accuracy.append(tally.mean_accuracy())


def _validate(history: History, model: "Sequential", plan: Plan) -> float:
    assert plan.validation is not None
    x, y, lengths = (*plan.validation, None)[:3]
    found = evaluate(model, x, target(y), plan.loss, lengths, plan.accuracy)
    history.validation_loss.append(found.loss)
    if found.accuracy is not None:
        history.validation_accuracy.append(found.accuracy)
    return found.loss
