"""Which of the outputs are right: what `fit` and `evaluate` take the mean of."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array, IntArray
from rnncheck.training.counting import Steps, class_targets, counted_steps, same_shape_targets

Hits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Categorical:
    """Whether the largest feature of a step is that of its target. steps: as of a loss.

    Called with output (T, B, O), target (T, B, O) or class numbers (T, B), and lengths (B,) or None,
    gives a bool for each step that counts, in any order. Of equally large features it is the first.
    """

    steps: Steps = "all"

    def __call__(
        self, output: Array, target: Array | IntArray, lengths: IntArray | None = None
    ) -> Hits:
        """Right or wrong, for each step that counts."""
        counted = counted_steps(output, lengths, self.steps)
        classes = class_targets(output, target, counted)
        hits: Hits = output.argmax(axis=-1) == classes.argmax(axis=-1)
        return hits[counted[..., 0]]


@dataclass(frozen=True)
class Binary:
    """Whether an entry is on its target's side of the threshold. steps: as of a loss.

    Called with output and target (T, B, O) and lengths (B,) or None, gives a bool for each entry that
    counts, in any order. The threshold itself is on the upper side, in both.
    """

    steps: Steps = "all"
    threshold: float = 0.5

    def __call__(
        self, output: Array, target: Array | IntArray, lengths: IntArray | None = None
    ) -> Hits:
        """Right or wrong, for each entry that counts."""
        counted = counted_steps(output, lengths, self.steps)
        y = same_shape_targets(output, target, counted)
        hits: Hits = (output >= self.threshold) == (y >= self.threshold)
        return hits[np.broadcast_to(counted, hits.shape)]
