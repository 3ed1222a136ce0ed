"""Is each pair's sum larger than the one before, at every step? (scalar-autodiff, many to one)"""

import numpy as np

from rnncheck.case import Array
from rnncheck.initialisation import fan_in_uniform
from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import BinaryCrossEntropy
from rnncheck.training.optimizers import SGD
from rnncheck.training.sequential import Sequential
from rnncheck.training.tasks.task import Data, Examples, Figure, Setup, Short, Task

LENGTHS = (2, 3, 4, 5, 2, 3)
"""Pairs in each of the six sequences; every other one rises."""


def pairs(length: int, rises: bool, rng: np.random.Generator) -> Array:
    """A sequence (length, 2) of numbers in [0, 1), whose sums rise at every step, or not."""
    while True:
        drawn = rng.random((length, 2))
        if bool((np.diff(drawn.sum(axis=1)) > 0).all()) == rises:
            return drawn


def data(seed: int = 0) -> Data:
    """Six sequences: x (5, 6, 2) with lengths 2 to 5, y (1, 6, 1): 1 where the sums rise."""
    rng = np.random.default_rng((0, seed))
    x, y = np.zeros((max(LENGTHS), len(LENGTHS), 2)), np.zeros((1, len(LENGTHS), 1))
    for row, length in enumerate(LENGTHS):
        y[0, row] = row % 2 == 0
        x[:length, row] = pairs(length, row % 2 == 0, rng)
    return Data(Examples(x, y, np.array(LENGTHS)))


def build(implementation: str, rng: np.random.Generator) -> Sequential:
    """RecurrentLayer(2, 5, tanh), its last state, → Layer(5, 1, sigmoid)."""
    layers = (
        RNN(5, outputs="last", biases=1, initialise=fan_in_uniform),
        Linear(1, "sigmoid", initialise=fan_in_uniform),
    )
    return Sequential(layers, 2, implementation=implementation, rng=rng)


def evaluate(model: Sequential, given: Data) -> list[Figure]:
    """How many of the six are answered rightly."""
    answers = model.predict(given.train.x, given.train.lengths) > 0.5
    right = int((answers == (given.train.y > 0.5)).sum())
    return [Figure("sequences right, of 6", right, "6")]


TASK = Task(
    "rising_sums",
    "do the sums of the pairs rise at every step?",
    "Six sequences of 2 to 5 pairs, one at a time; cross-entropy on the last output, averaged over the six.",
    data,
    (Setup("", build, BinaryCrossEntropy(), SGD(0.3), epochs=101, batch_size=1),),
    "mean",
    Short(epochs=50),
    evaluate,
    published={0: 0.818, 10: 0.308, 100: 0.016},
)
