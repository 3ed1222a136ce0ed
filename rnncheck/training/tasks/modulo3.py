"""Symbol by symbol (x + 1) mod 3 (the softmax network by hand), with the gradient as published beside it."""

from typing import Any

import numpy as np

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.implementations.faulty.carry import CarryWithoutTranspose
from rnncheck.implementations.faulty.cell import CellTape
from rnncheck.implementations.faulty.published import RecurrentGradientIsOneNumber
from rnncheck.initialisation import standard_normal
from rnncheck.spec import RNNSpec
from rnncheck.training.backends.manual import Manual
from rnncheck.training.layers import RNN
from rnncheck.training.losses import CrossEntropy
from rnncheck.training.optimizers import SGD
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

SYMBOLS, SEQUENCES, STEPS, HIDDEN = 3, 10, 10, 10


def data(seed: int = 0) -> Data:
    """Ten random sequences of ten symbols, one-hot: x and y (10, 10, 3)."""
    symbols = np.random.default_rng((0, seed)).integers(0, SYMBOLS, (STEPS, SEQUENCES))
    x, y = one_hot(symbols, SYMBOLS), one_hot((symbols + 1) % SYMBOLS, SYMBOLS)
    return Data(Examples(x, y))


def build(implementation: str, rng: np.random.Generator) -> Sequential:
    """H = 10, one bias, a softmax readout; everything N(0, 1) at the start."""
    layer = RNN(
        HIDDEN, output_size=SYMBOLS, readout="softmax", biases=1, initialise=standard_normal
    )
    return Sequential((layer,), SYMBOLS, implementation=implementation, rng=rng)


class PublishedGradient(CarryWithoutTranspose):
    """W_hh where its transpose belongs, and the number δ·h in every entry of dW_hh."""

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """As in the second of its faults."""
        return RecurrentGradientIsOneNumber().d_weight_hh(tape, delta)


class Published(Manual):
    """The network with that gradient."""

    name = "published gradient"

    def run_rnn(
        self, spec: RNNSpec, own: dict[str, Array], x: Array, h0: Array, lengths: IntArray | None
    ) -> tuple[Array, Array, Any]:
        """The right forward pass."""
        return PublishedGradient().run(spec, own, x, h0, lengths)

    def rnn_back(self, tape: Any, d_output: Array, d_h_n: Array) -> Gradients:  # noqa: ANN401
        """The wrong way back."""
        return PublishedGradient().run_backward(tape, d_output, d_h_n)


def build_published(implementation: str, rng: np.random.Generator) -> Sequential:
    """The same network and start; its gradient is the published one on every implementation."""
    model = build("manual", rng)
    model.backend = Published(model.links, model.dtype.name)
    return model


def evaluate(model: Sequential, given: Data) -> list[Figure]:
    """How many of the 100 symbols are right."""
    right = share_right(model.predict(given.train.x), given.train.y)
    return [Figure("symbols right, of 100", 100.0 * right, "98")]


_LOSS, _RATE = CrossEntropy(reduction="sum"), SGD(1e-4)

TASK = Task(
    "modulo3",
    "(x + 1) mod 3, symbol by symbol",
    "Published with 10 units (the 100 that are asked for get lost), W_hh for its transpose in the carry, "
    "and a number for the outer product in dW_hh: that gradient is trained beside the right one. "
    "30 of 100 symbols were right at the start. The loss is summed over steps and sequences.",
    data,
    (
        Setup("right gradient", build, _LOSS, _RATE, epochs=5000, batch_size=1),
        Setup("published gradient", build_published, _LOSS, _RATE, epochs=5000, batch_size=1,
              wrong="the carry lacks its transpose, dW_hh is one number"),
    ),
    "sum",
    Short(epochs=20),
    evaluate,
    published={0: 202.8, 100: 110.3, 1000: 42.7, 4900: 8.7},
)  # fmt: skip
