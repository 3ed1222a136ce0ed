"""The next element of a series s, s+k, s+2k, ... (the layered NumPy network with truncated BPTT)."""

import numpy as np

from rnncheck.case import IntArray
from rnncheck.initialisation import fan_in_uniform
from rnncheck.training.layers import RNN
from rnncheck.training.losses import CrossEntropy
from rnncheck.training.optimizers import Adam
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
    one_hot,
    share_right,
)  # fmt: skip

STEPS, SYMBOLS, HIDDEN, LINKS = 10, 61, 10, 5
FACTORS = range(2, 7)
ROWS = 1800
"""Of the 3000 series that were published, those that were trained on."""


def all_pairs() -> IntArray:
    """Every (start, k), (105, 2), whose 11 elements are among the 61 symbols."""
    return np.array([(s, k) for k in FACTORS for s in range(SYMBOLS - STEPS * k)])


def split_pairs(seed: int) -> tuple[IntArray, IntArray]:
    """The pairs that are trained on, and a fifth of all that is not."""
    pairs = np.random.default_rng((0, seed)).permutation(all_pairs())
    held = len(pairs) // 5
    return pairs[held:], pairs[:held]


def series(pairs: IntArray) -> Examples:
    """x and y (10, B, 61), one-hot: y is the next element at each step, the last one too."""
    elements = pairs[:, 0] + pairs[:, 1] * np.arange(STEPS + 1)[:, None]
    hot = one_hot(elements, SYMBOLS)
    return Examples(hot[:-1], hot[1:])


def data(seed: int = 0) -> Data:
    """1800 series of the pairs that are trained on, and one of each that is held out."""
    trained, held = split_pairs(seed)
    drawn = np.random.default_rng((1, seed)).integers(0, len(trained), ROWS)
    return Data(series(trained[drawn]), series(held))


def build(implementation: str, rng: np.random.Generator) -> Sequential:
    """Ten sigmoid units without biases, a softmax readout, and gradients over lags 0 to 5."""
    layer = RNN(
        HIDDEN, nonlinearity="sigmoid", bias=False, output_size=SYMBOLS, readout="softmax",
        readout_bias=False, truncation=LINKS, initialise=fan_in_uniform,
    )  # fmt: skip
    return Sequential((layer,), SYMBOLS, implementation=implementation, rng=rng)


def evaluate(model: Sequential, given: Data) -> list[Figure]:
    """The accuracy, step by step averaged; the first step cannot tell k."""
    assert given.held_out is not None
    figures = []
    for words, part in (("trained on", given.train), ("held out", given.held_out)):
        output = model.predict(part.x)
        figures += [
            Figure(
                f"accuracy at the first step, pairs {words}", share_right(output[:1], part.y[:1])
            ),
            Figure(
                f"accuracy at steps 2 to 10, pairs {words}", share_right(output[1:], part.y[1:])
            ),
        ]
    return figures


def panels(model: Sequential, given: Data) -> list[Panel]:
    """Accuracy at each step."""
    assert given.held_out is not None
    lines = []
    for words, part in (("trained on", given.train), ("held out", given.held_out)):
        output = model.predict(part.x)
        right = [share_right(output[t : t + 1], part.y[t : t + 1]) for t in range(STEPS)]
        lines.append(Line(f"pairs {words}", np.arange(1, STEPS + 1), np.array(right)))
    return [Panel("Accuracy at each step", "step", "", tuple(lines))]


TASK = Task(
    "multiplication",
    "the next element of s, s+k, s+2k, ...",
    "In the original every series starts at k, so that there are five and held-out ones are the same again; "
    "and the last target is two-hot. Here the start is random, a fifth of all (start, k) is held out whole, "
    "and the last target is the 11th element. The published softmax took only the diagonal of its "
    "Jacobian, with a loss that made up for it; here both are right. Adam at 0.01.",
    data,
    (Setup("", build, CrossEntropy(), Adam(1e-2), epochs=300, batch_size=512, shuffle=True),),
    "mean",
    Short(epochs=5, rows=32, batch_size=8),
    evaluate,
    panels,
)
