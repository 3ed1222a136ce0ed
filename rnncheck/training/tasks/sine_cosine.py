"""The next point of sin(i)·cos(i), i = 0..199, by the network and the settings of `sine`."""

import numpy as np

from rnncheck.case import Array
from rnncheck.training.tasks.sine import build as build
from rnncheck.training.tasks.sine import curve_task, split, windows
from rnncheck.training.tasks.task import Data


def curve(i: Array) -> Array:
    """sin(i)·cos(i)."""
    return np.asarray(np.sin(i) * np.cos(i))


def data(seed: int = 0) -> Data:
    """The first 50 windows, and the other 100; nothing about them is random."""
    return split(windows(curve))


TASK = curve_task(
    "sine_cosine",
    "sin(i)·cos(i), i = 0..199: the next point from the 50 before it",
    "No loss was published; an epoch's is the sum of its 7 batch means, as for the sine.",
    curve,
    {},
)
