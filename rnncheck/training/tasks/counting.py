"""Counting on from n: n+1, ..., n+5, each output fed back (scalar-autodiff, one to many).

Two networks. The published one starts from zeros at every generated step: it carries no state, and
is one affine map, iterated. The correct one carries its state.
"""

import numpy as np

from rnncheck.case import Array
from rnncheck.initialisation import fan_in_uniform
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.losses import SquaredError
from rnncheck.training.optimizers import SGD, Adam
from rnncheck.training.schedules import Exponential
from rnncheck.training.sequential import Sequential
from rnncheck.training.tasks.task import (
    Data,
    Examples,
    Figure,
    Line,
    Panel,
    Setup,
    Short,
    Task,
)  # fmt: skip

NUMBERS, STEPS, HIDDEN = 100, 5, 4
BEYOND, FURTHER = range(100, 105), 8


def data(seed: int = 0) -> Data:
    """All n in 0..99: x (1, 100, 1), y (5, 100, 1); nothing about it is random."""
    n = np.arange(float(NUMBERS))
    y = n[None, :] + np.arange(1.0, STEPS + 1)[:, None]
    return Data(Examples(n[None, :, None], y[..., None]))


def build_stateless(implementation: str, rng: np.random.Generator) -> Sequential:
    """RecurrentLayer(1, 4, linear) → Layer(4, 1, linear), five times over, each time from zeros."""
    layers = (
        RNN(HIDDEN, nonlinearity="identity", outputs="last", biases=1, initialise=fan_in_uniform),
        Linear(1, initialise=fan_in_uniform),
    )
    return Sequential((Iterated(layers, STEPS),), 1, implementation=implementation, rng=rng)


def build_stateful(implementation: str, rng: np.random.Generator) -> Sequential:
    """The same parameters, with the state carried from step to step."""
    layer = RNN(
        HIDDEN, nonlinearity="identity", output_size=1, biases=1, generated=STEPS - 1,
        initialise=fan_in_uniform,
    )  # fmt: skip
    return Sequential((layer,), 1, implementation=implementation, rng=rng)


def count_on(model: Sequential) -> tuple[Array, Array]:
    """Eight steps from each of 100..104, and what they should be: both (8, 5)."""
    start = np.array(BEYOND, dtype=float)
    found = model.generate(start[None, :, None], FURTHER - 1)[..., 0]
    return found, start + np.arange(1.0, FURTHER + 1)[:, None]


def evaluate(model: Sequential, given: Data) -> list[Figure]:
    """The loss on what it was trained on, and how far off it is where it was not."""
    error = model.predict(given.train.x) - given.train.y
    found, wanted = count_on(model)
    return [
        Figure("mean squared error, n in 0..99", float(np.mean(error**2)), "2.75"),
        Figure("largest error of 8 steps from 100..104", float(np.abs(found - wanted).max())),
    ]


def panels(model: Sequential, given: Data) -> list[Panel]:
    """Eight steps from 100..104."""
    found, wanted = count_on(model)
    steps = np.arange(1, FURTHER + 1)
    lines = [Line(f"from {n}", steps, found[:, i]) for i, n in enumerate(BEYOND)]
    lines += [Line("true" if not i else "", steps, wanted[:, i], True) for i in range(len(BEYOND))]
    return [Panel("Counting on from numbers it has not seen", "step", "", tuple(lines))]


TASK = Task(
    "counting",
    "n is followed by n+1, ..., n+5",
    "As published the network carries no state: it is one affine map, iterated, and reaches the published "
    "loss. The correct one carries its state; with the published settings (7e-6, all numbers at once) it "
    "has learned little by then, so it has its own: Adam at 0.05, falling by 3% an epoch, ten numbers at "
    "a time.",
    data,
    (
        Setup("stateless", build_stateless, SquaredError(), SGD(7e-6), epochs=101),
        Setup("state carried", build_stateful, SquaredError(), Adam(0.05), epochs=101,
              batch_size=10, shuffle=True, schedule=Exponential(0.97)),
    ),
    "mean",
    Short(epochs=50, rows=20),
    evaluate,
    panels,
    {0: 3773.6, 40: 2957.0, 50: 1276.0, 60: 2.77, 100: 2.75},
)  # fmt: skip
