"""Losses of an output `(T, B, O)`, each with its derivative, in torch's meaning of sum and mean.

    SquaredError            Σ (output - target)²
    BinaryCrossEntropy      -Σ y log p + (1 - y) log(1 - p)     of probabilities p in [0, 1]
    CrossEntropy            -Σ y log p                          of probabilities p, by class
    SoftmaxCrossEntropy     -Σ y log softmax(z)                 of logits z, by class

Padding and, with `steps="last"`, every step but the last valid one of each row count nowhere: what
stands there, be it NaN, changes nothing. A leading axis of samples passes through.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from rnncheck.case import Array, IntArray
from rnncheck.oracles.noise import Mask
from rnncheck.training.counting import Steps, class_targets, counted_steps, same_shape_targets

Reduction = Literal["mean", "sum"]

_LEAST_SLOPE = float(np.float32(1e-12))  # torch holds it in float32, whatever the dtype


@dataclass(frozen=True)
class Loss(ABC):
    """A number for how far `output` is from `target`, and its derivative.

    reduction: "sum", or "mean" over what counts: entries for the squared error and the binary
    cross-entropy, steps of rows for the two cross-entropies by class. steps: "all" valid ones, or
    only the "last" of each row. An output with one step a row counts whatever the row's length.

    Raises ValueError for an unknown option, and for a mean over nothing.
    """

    reduction: Reduction = "mean"
    steps: Steps = "all"

    by_class: ClassVar[bool] = False
    probabilities: ClassVar[bool] = False
    unread: ClassVar[float] = 0.0
    """What is put where nothing counts, so that no logarithm meets what stands there."""

    def __post_init__(self) -> None:
        for name, known in (("reduction", Reduction), ("steps", Steps)):
            if getattr(self, name) not in get_args(known):
                words = " or ".join(map(repr, get_args(known)))
                raise ValueError(f"{name} must be {words}, not {getattr(self, name)!r}")

    def value(
        self, output: Array, target: Array | IntArray, lengths: IntArray | None = None
    ) -> np.floating[Any]:
        """The loss: a number.

        output `(T, B, O)`. target like output, or, for a cross-entropy by class, class numbers
        `(T, B)`. lengths `(B,)`: valid steps of each row, None for all.

        Raises ValueError for a wrong shape, a class number outside 0..O-1 or a probability
        outside [0, 1], TypeError for class numbers or lengths that are no integers.
        """
        counted, output, y = self._read(output, target, lengths)
        with np.errstate(divide="ignore"):
            terms = np.where(counted, self._terms(output, y), 0.0)
        total: np.floating[Any] = np.sum(terms, axis=(-3, -2, -1))
        return total / self._count(counted, output) if self.reduction == "mean" else total

    def cotangent(
        self, output: Array, target: Array | IntArray, lengths: IntArray | None = None
    ) -> Array:
        """d loss / d output, of output's shape: 0 where nothing counts. Raises as `value` does."""
        counted, output, y = self._read(output, target, lengths)
        with np.errstate(divide="ignore"):
            slopes: Array = np.where(counted, self._slopes(output, y), 0.0)
        return slopes / self._count(counted, output) if self.reduction == "mean" else slopes

    @abstractmethod
    def _terms(self, output: Array, y: Array) -> Array:
        """What is summed, entry by entry."""

    @abstractmethod
    def _slopes(self, output: Array, y: Array) -> Array:
        """The derivative of the sum."""

    def _read(
        self, output: Array, target: Array | IntArray, lengths: IntArray | None
    ) -> tuple[Mask, Array, Array]:
        """What counts `(T, B, 1)`, and both sides with nothing left of what does not."""
        counted = counted_steps(output, lengths, self.steps)
        targets = class_targets if self.by_class else same_shape_targets
        y = targets(output, target, counted)
        output = np.where(counted, output, self.unread)
        if self.probabilities:
            self._require_probabilities(output)
            output = np.clip(output, 0.0, 1.0)  # samples that err may be outside by u
        return counted, output, y

    def _require_probabilities(self, output: Array) -> None:
        if not isinstance(output, np.ndarray):
            return
        wrong = (output < 0) | (output > 1)
        if wrong.any():
            raise ValueError(
                f"output must hold probabilities, in [0, 1], for {type(self).__name__}; it holds "
                f"{output[wrong][0]}: give the network a softmax or a sigmoid readout"
            )

    def _count(self, counted: Mask, output: Array) -> int:
        steps = int(np.count_nonzero(counted))
        if not steps:
            raise ValueError(
                "a mean over no steps is undefined: no row has a valid step; "
                'leave such batches out, or take reduction="sum"'
            )
        return steps if self.by_class else steps * output.shape[-1]


@dataclass(frozen=True)
class SquaredError(Loss):
    """Σ (output - target)²; `torch.nn.MSELoss`. Its derivative is 2(output - target)."""

    def _terms(self, output: Array, y: Array) -> Array:
        difference = output - y
        return difference * difference

    def _slopes(self, output: Array, y: Array) -> Array:
        return 2.0 * (output - y)


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """-Σ y log p + (1 - y) log(1 - p); `torch.nn.BCELoss`. Its derivative is (p - y)/(p(1 - p)).

    As in torch no logarithm is below -100, and p(1 - p) is at least 1e-12, so that an output of
    exactly 0 or 1, which a sigmoid rounds to, costs much and not infinitely much.
    """

    probabilities: ClassVar[bool] = True
    unread: ClassVar[float] = 0.5

    def _terms(self, output: Array, y: Array) -> Array:
        one = np.maximum(np.log(output), -100.0)
        zero = np.maximum(np.log1p(-output), -100.0)
        return (y - 1.0) * zero - y * one

    def _slopes(self, output: Array, y: Array) -> Array:
        return (output - y) / np.maximum(output * (1.0 - output), _LEAST_SLOPE)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-Σ y log p, for a network with a softmax readout. Its derivative is -y/p.

    A class that occurs with probability 0 costs inf. `SoftmaxCrossEntropy` never does.
    """

    by_class: ClassVar[bool] = True
    probabilities: ClassVar[bool] = True
    unread: ClassVar[float] = 1.0

    def _terms(self, output: Array, y: Array) -> Array:
        return -y * np.log(np.where(y == 0, 1.0, output))

    def _slopes(self, output: Array, y: Array) -> Array:
        return -y / np.where(y == 0, 1.0, output)


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """-Σ y log softmax(z) over the last axis; `torch.nn.CrossEntropyLoss`.

    With Σ y = 1, as a one-hot y has, the derivative is softmax(z) - y; it is softmax(z) Σy - y.
    """

    by_class: ClassVar[bool] = True

    def _terms(self, output: Array, y: Array) -> Array:
        z = output - np.max(output, axis=-1, keepdims=True)
        log_softmax: Array = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))
        return -y * log_softmax

    def _slopes(self, output: Array, y: Array) -> Array:
        e = np.exp(output - np.max(output, axis=-1, keepdims=True))
        softmax: Array = e / np.sum(e, axis=-1, keepdims=True)
        slopes: Array = softmax * np.sum(y, axis=-1, keepdims=True) - y
        return slopes
