"""Up to five symbols are read, then said in reverse, and an end mark (sequence to sequence).

The answer is one longer than what was read, and the sequences are of different lengths.
"""

import itertools

import numpy as np

from rnncheck.training.clipping import ClipNorm
from rnncheck.training.layers import RNN
from rnncheck.training.losses import CrossEntropy
from rnncheck.training.optimizers import Adam
from rnncheck.training.schedules import Exponential
from rnncheck.training.sequential import Sequential
from rnncheck.training.tasks.task import (
    Data,
    Examples,
    Figure,
    Setup,
    Short,
    Task,
    one_hot,
    share_right,
)  # fmt: skip

SYMBOLS, LONGEST, MARK = 3, 5, 3
HIDDEN = 48


def dialogue(symbols: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """What is read and what is to be said at each step: `abc....` and `...cba.`, the mark being 3."""
    n = len(symbols)
    return [*symbols, *[MARK] * (n + 1)], [*[MARK] * n, *symbols[::-1], MARK]


def data(seed: int = 0) -> Data:
    """All sequences of one to five symbols, in random order, a fifth held out: x, y (11, B, 4)."""
    every = [
        symbols
        for n in range(1, LONGEST + 1)
        for symbols in itertools.product(range(SYMBOLS), repeat=n)
    ]
    order = np.random.default_rng((0, seed)).permutation(len(every))
    x = np.zeros((2 * LONGEST + 1, len(every), SYMBOLS + 1))
    y, lengths = x.copy(), np.zeros(len(every), int)
    for row, index in enumerate(order):
        read, said = dialogue(every[index])
        lengths[row] = len(read)
        x[: len(read), row] = one_hot(np.array(read), SYMBOLS + 1)
        y[: len(said), row] = one_hot(np.array(said), SYMBOLS + 1)
    everything, held = Examples(x, y, lengths), len(every) // 5
    return Data(everything.rows(slice(held, None)), everything.rows(slice(held)))


def build(implementation: str, rng: np.random.Generator) -> Sequential:
    """48 units with a softmax readout: it listens and answers with the same state."""
    layer = RNN(HIDDEN, output_size=SYMBOLS + 1, readout="softmax")
    return Sequential((layer,), SYMBOLS + 1, implementation=implementation, rng=rng)


def answered_rightly(model: Sequential, part: Examples) -> float:
    """The share of sequences of which every step is right."""
    assert part.lengths is not None
    output = model.predict(part.x, part.lengths)
    right = output.argmax(axis=-1) == part.y.argmax(axis=-1)
    padding = np.arange(len(output))[:, None] >= part.lengths
    return float((right | padding).all(axis=0).mean())


def evaluate(model: Sequential, given: Data) -> list[Figure]:
    """How many sequences are answered without a mistake."""
    assert given.held_out is not None
    held = given.held_out
    steps = share_right(model.predict(held.x, held.lengths), held.y, held.lengths)
    return [
        Figure("whole answers right, trained on", answered_rightly(model, given.train)),
        Figure("whole answers right, held out", answered_rightly(model, held)),
        Figure("steps right, held out", steps),
    ]


TASK = Task(
    "echo",
    "one to five symbols in, the same in reverse out, then an end mark",
    "The sequence-to-sequence form that the scalar-autodiff tutorial names; it has no published figures.",
    data,
    (
        Setup("", build, CrossEntropy(), Adam(5e-3), epochs=60, batch_size=16, shuffle=True,
              clip=ClipNorm(1.0), schedule=Exponential(0.97)),
    ),
    "mean",
    Short(epochs=5, rows=48),
    evaluate,
)  # fmt: skip
