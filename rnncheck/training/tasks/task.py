"""`Task`: data from a seed, the networks that learn it, how, and what was published of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from rnncheck.case import Array, IntArray
from rnncheck.training.clipping import Clipping
from rnncheck.training.losses import Loss
from rnncheck.training.optimizers import Optimizer
from rnncheck.training.schedules import Schedule
from rnncheck.training.sequential import Sequential


@dataclass(frozen=True, eq=False)
class Examples:
    """x (T, B, I), the target y (T, B, O), and lengths (B,) or None."""

    x: Array
    y: Array
    lengths: IntArray | None = None

    def __len__(self) -> int:
        return int(self.x.shape[1])

    def rows(self, index: IntArray | slice) -> "Examples":
        """These rows of the batch alone."""
        lengths = None if self.lengths is None else self.lengths[index]
        return Examples(self.x[:, index], self.y[:, index], lengths)


class Data(NamedTuple):
    """What a network is trained on, and what is kept from it (None where nothing is)."""

    train: Examples
    held_out: Examples | None = None


class Figure(NamedTuple):
    """One number of an evaluation, in words, beside the published one ("" where there is none)."""

    words: str
    value: float
    published: str = ""


class Line(NamedTuple):
    """One line of a panel; dotted: what is only to be compared with."""

    label: str
    x: Array | IntArray
    y: Array
    dotted: bool = False


@dataclass(frozen=True)
class Panel:
    """What a picture shows beside the loss."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]


Build = Callable[[str, np.random.Generator], Sequential]
"""`build(implementation, rng)`: the network, its parameters drawn from rng."""


@dataclass(frozen=True)
class Setup:
    """One network, and how it is trained.

    name: what tells it from the others of its task. shuffle: whether each epoch has an order of its
    own. wrong: what its gradient is known to get wrong; such a network is trained to be seen beside the
    right one, and is kept out of lockstep.
    """

    name: str
    build: Build
    loss: Loss
    optimizer: Optimizer
    epochs: int
    batch_size: int | None = None
    shuffle: bool = False
    clip: Clipping | None = None
    schedule: Schedule | None = None
    wrong: str = ""


class Short(NamedTuple):
    """What of a task is trained in lockstep: the pure-Python reference is a thousand times slower."""

    epochs: int
    rows: int | None = None
    batch_size: int | None = None


@dataclass(frozen=True)
class Task:
    """One published network's task.

    about: what was published, and what was put right. data: from a seed. setups: the networks; the first
    is the one the figures are about. published: the loss by epoch, from 0, in `published_of`'s
    setup. total: whether an epoch's loss is the sum or the mean of its batches' losses. evaluate: what
    the trained network can do. panels: for the picture. short: for lockstep.
    """

    name: str
    title: str
    about: str
    data: Callable[[int], Data]
    setups: tuple[Setup, ...]
    total: Literal["sum", "mean"]
    short: Short
    evaluate: Callable[[Sequential, Data], list[Figure]]
    panels: Callable[[Sequential, Data], list[Panel]] = field(default=lambda model, data: [])
    published: Mapping[int, float] = field(default_factory=dict)

    def model(
        self, implementation: str = "manual", seed: int = 0, setup: Setup | None = None
    ) -> Sequential:
        """The untrained network of a setup (the first by default), drawn from the seed."""
        return (setup or self.setups[0]).build(implementation, np.random.default_rng((1, seed)))


def one_hot(symbols: IntArray, size: int) -> Array:
    """The symbols `(...)` as `(..., size)`."""
    return np.asarray(symbols[..., None] == np.arange(size), dtype=np.float64)


def share_right(output: Array, y: Array, lengths: IntArray | None = None) -> float:
    """The share of valid steps at which the largest feature is the target's."""
    right = output.argmax(axis=-1) == y.argmax(axis=-1)
    if lengths is None:
        return float(right.mean())
    valid = np.arange(len(output))[:, None] < lengths
    return float(right[valid].mean())
