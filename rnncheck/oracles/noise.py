"""Rounding errors to order: the local error bound of each operation, drawn at random."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]
"""Whatever arithmetic is judged, the samples of it are computed in float64."""

Mask = npt.NDArray[np.bool_]

SAMPLES = 12
COHERENT = 4
"""Of the samples, how many err the same way everywhere: up, down, away from 0, towards 0.

Independent errors average out over many steps; an activation that always rounds one way does not: on
a persistent state its error grows linearly in T where theirs grow like √T, and in a saturated
network the noise of 1 - h² has the same sign at every step, so that its product is the largest.
Going backward, `down` errs up and `towards 0` away from it: the errors that the two passes make in a
gradient may cancel in one sample of a pair, but then they add up in the other."""


Source = Literal[
    "pre-activation", "activation", "derivative", "carry", "sum over time", "readout", "result"
]
"""The operation that rounds; `only` one of them may be let loose, to see what it contributes.
`result` stands for the rounding of the result itself, which is in every envelope."""


class Noise:
    """Adds to a value an error within a given bound: the samples lie along the first axis.

    unit: the unit roundoff u of the arithmetic that is judged (2⁻⁵³ for float64).
    smallest: its smallest normal number, which any result may be off by (underflow, flush to 0).
    largest: what overflows it. The sizes of a bound are in units of u. exact_first: one sample more,
    the first, without errors: what the others are compared with, at the price of one among them.
    """

    def __init__(
        self,
        dtype: np.dtype[Any],
        seed: int = 0,
        quiet: bool = False,
        only: Source | None = None,
        exact_first: bool = False,
    ) -> None:
        info = np.finfo(dtype)
        self.unit = float(info.eps) / 2
        self.smallest = float(info.smallest_normal)
        self.largest = float(info.max)
        self.exact = int(exact_first and not quiet)
        self.samples = 1 if quiet else self.exact + SAMPLES
        self.quiet, self.only = quiet, only
        self.overflowed = False
        self._seed = seed
        self.restart()

    def restart(self, backward: bool = False) -> None:
        """Begin a pass: the same operations in the same order get the same errors."""
        self._second = 1.0 if backward else -1.0
        self._random = np.random.default_rng(self._seed)

    def add(self, source: Source, value: Samples, bound: Samples, operations: int = 1) -> Samples:
        """`value + e` with `|e| <= u·bound + operations·smallest`, e uniform or coherent."""
        if not np.all(np.abs(value) + bound < self.largest):
            self.overflowed = True
        if self.quiet or self.only not in (None, source):
            return value
        size = self.unit * bound + operations * self.smallest
        whole = np.broadcast_to(value, (self.samples, *size.shape[1:]))
        erring = whole[self.exact :]
        erring = erring + size[-len(erring) :] * self._directions(erring)
        return np.concatenate([whole[: self.exact], erring]) if self.exact else erring

    def _directions(self, value: Samples) -> Samples:
        directions: Samples = self._random.uniform(-1.0, 1.0, value.shape)
        directions[0], directions[1] = 1.0, self._second
        directions[2] = np.copysign(1.0, value[2])
        directions[3] = self._second * np.copysign(1.0, value[3])
        return directions
