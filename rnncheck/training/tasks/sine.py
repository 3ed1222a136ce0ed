"""The next point of sin(i), i = 0..199, from the 50 before it (the array-autodiff library)."""

from collections.abc import Callable

import numpy as np

from rnncheck.case import Array
from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import SquaredError
from rnncheck.training.optimizers import RMSProp
from rnncheck.training.sequential import Sequential
from rnncheck.training.tasks.task import Data, Examples, Figure, Line, Panel, Setup, Short, Task

POINTS, WINDOW, TRAINED_ON, CONTINUED = 200, 50, 50, 100


def curve(i: Array) -> Array:
    """sin(i)."""
    return np.sin(i)


def windows(f: Callable[[Array], Array]) -> Examples:
    """All windows of the curve: x (50, 150, 1), and the point after each, y (1, 150, 1)."""
    points = f(np.arange(float(POINTS)))
    x = np.stack([points[start : start + WINDOW] for start in range(POINTS - WINDOW)], axis=1)
    return Examples(x[..., None], points[None, WINDOW:, None])


def data(seed: int = 0) -> Data:
    """The first 50 windows, and the other 100; nothing about them is random."""
    return split(windows(curve))


def split(all_windows: Examples) -> Data:
    """The first 50, which are trained on, and the rest."""
    return Data(all_windows.rows(slice(TRAINED_ON)), all_windows.rows(slice(TRAINED_ON, None)))


def build(implementation: str, rng: np.random.Generator) -> Sequential:
    """RNN(32, hidden 32, all steps) → RNN(hidden 32, its last state) → Linear 8 → Linear 1."""
    layers = (RNN(32, output_size=32), RNN(32, outputs="final"), Linear(8), Linear(1))
    return Sequential(layers, 1, implementation=implementation, rng=rng)


def evaluate_curve(f: Callable[[Array], Array], model: Sequential, given: Data) -> list[Figure]:
    """How well it predicts all windows, and goes on by itself."""
    everything = windows(f)
    error = model.predict(everything.x) - everything.y
    beyond = continuation(model, everything)
    true = f(np.arange(float(POINTS), POINTS + CONTINUED))
    return [
        Figure("mean squared error over all 150 windows", float(np.mean(error**2))),
        Figure("the same over the 100 it was not trained on", float(np.mean(error[:, 50:] ** 2))),
        Figure(f"and over {CONTINUED} points further, on its own predictions",
               float(np.mean((beyond - true) ** 2))),
    ]  # fmt: skip


def continuation(model: Sequential, everything: Examples) -> Array:
    """The points after the last known one, each predicted from the 50 before, predicted or not."""
    last = np.concatenate([everything.x[1:, -1:], everything.y[:, -1:]])
    return np.asarray(model.generate(last, CONTINUED - 1)[:, 0, 0])


def curve_panels(f: Callable[[Array], Array], model: Sequential, given: Data) -> list[Panel]:
    """True curve, prediction and continuation."""
    everything = windows(f)
    known = np.arange(WINDOW, POINTS)
    further = np.arange(POINTS, POINTS + CONTINUED)
    i = np.arange(float(POINTS + CONTINUED))
    lines = (
        Line("true", i, f(i), dotted=True),
        Line("predicted from 50 true points", known, model.predict(everything.x)[0, :, 0]),
        Line("continued from its own predictions", further, continuation(model, everything)),
    )
    return [Panel("The curve", "i", "", lines)]


def curve_task(
    name: str, title: str, about: str, f: Callable[[Array], Array],
    published: dict[int, float],
) -> Task:  # fmt: skip
    """The task for any curve."""
    setup = Setup("", build, SquaredError(), RMSProp(5e-4), epochs=10, batch_size=8)
    return Task(
        name, title, about, lambda seed: split(windows(f)), (setup,), "sum",
        Short(epochs=1),
        lambda model, given: evaluate_curve(f, model, given),
        lambda model, given: curve_panels(f, model, given), published,
    )  # fmt: skip


TASK = curve_task(
    "sine",
    "sin(i), i = 0..199: the next point from the 50 before it",
    "The published loss reads as the sum of an epoch's 7 batch means; so it is summed here.",
    curve,
    {0: 3.32, 1: 2.75, 2: 2.27, 8: 0.074, 9: 0.064},
)
