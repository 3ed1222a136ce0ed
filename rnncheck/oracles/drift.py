"""A recurrence in ball arithmetic: boxes, and, for long ones, points that are known to drift little.

The enclosure of a vector is a box, a ball for each of its numbers. Turned by W it must be put into a
box again, which is wider by |W|'s spectral radius though the numbers are only turned (the wrapping effect:
R. E. Moore, "Interval Analysis", 1966). So every step costs digits, √2 times the width for 2 units,
until none are left. A long recurrence runs on points m_t instead, and of the true v_t is known how far,
by Euclid's distance, it is from m_t. For v_t = φ(c_t + W v_{t-1}),

    m_t = mid p_t,  p_t = φ(c_t + W m_{t-1})        ‖v_t - m_t‖ ≤ s_t ‖W‖ ‖v_{t-1} - m_{t-1}‖ + Σ rad p_t

with ‖W‖ the largest factor by which W stretches a vector and s_t the largest slope of φ on the way
(mean value theorem, entry by entry). Where W only turns, the distance grows by a rounding a step.
"""

from collections.abc import Callable
from functools import reduce
from typing import Final, Protocol

import numpy as np
from flint import arb, ctx

from rnncheck.case import Array
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball, Matrix

ENOUGH_BITS: Final = 128
"""With so many left at the end, of what is computed with, boxes are narrow."""
SQUARINGS: Final = 10
"""Of WᵀW: ‖(WᵀW)^1024‖^(1/2048) is above ‖W‖ by at most the 2048th part of log H."""
FEW_SQUARINGS: Final = 5
"""Of |W|."""
FEW_STEPS: Final = 16
"""With no more, boxes do not widen far."""


class Recurrence(Protocol):
    """How v_0, v_1, ... are enclosed, each from what the one before was computed to be."""

    def argument(self, computed: Matrix) -> Matrix:
        """c_t + W v_{t-1}, from what it is computed to be."""
        ...

    def step(self, computed: Matrix, steepest: Callable[[Matrix], Ball]) -> tuple[Matrix, Matrix]:
        """What the next step is to start from, and an enclosure of v_t.

        computed: p_t. steepest: a bound of |φ'| for all values of φ in an enclosure.
        """
        ...


class Boxes:
    """Each step starts from the enclosure that the last one gave."""

    def argument(self, computed: Matrix) -> Matrix:
        """As it is."""
        return computed

    def step(self, computed: Matrix, _steepest: Callable[[Matrix], Ball]) -> tuple[Matrix, Matrix]:
        """As it is."""
        return computed, computed


class Drift:
    """Each step starts from a point; distance: how far from it, at most, the true one is."""

    def __init__(self, weight: Matrix) -> None:
        self.stretch = stretch(weight)
        self.distance = arb(0)

    def _around(self, column: Matrix, distance: Ball) -> Matrix:
        n = column.nrows()
        return column + balls.entries_as_column([arb(0, distance)] * n)

    def argument(self, computed: Matrix) -> Matrix:
        """No entry of W (v_{t-1} - m_{t-1}) is larger than its length."""
        return self._around(computed, (self.stretch * self.distance).upper())

    def step(self, computed: Matrix, steepest: Callable[[Matrix], Ball]) -> tuple[Matrix, Matrix]:
        """m_t, and what is as near to it as v_t is; φ is nowhere steeper than 1."""
        arrived = (self.stretch * self.distance).upper()
        slope = steepest(self._around(computed, arrived))
        own: Ball = sum((p.rad() for p in computed.entries()), arb(0))
        self.distance = (slope * arrived + own).upper()
        point = computed.mid()
        return point, self._around(point, self.distance)


def recurrence(weight: Matrix, floats: Array, steps: int) -> Recurrence:
    """Points where boxes would lose too many of the digits that are computed with, and points do not.

    floats: the weight once more; of what is to be expected no bound is needed, but an idea.
    """
    if steps <= FEW_STEPS:
        return Boxes()
    most = (ctx.prec - ENOUGH_BITS) / steps
    return Drift(weight) if widening(floats) > most >= lengthening(floats) else Boxes()


def widening(weight: Array) -> float:
    """About how many bits wider a step makes a box: log2 of |W|'s spectral radius (Gelfand)."""
    power, bits = np.abs(weight.astype(np.float64)), 0.0
    for _ in range(FEW_SQUARINGS):
        largest_sum = power.sum(axis=1).max()
        if largest_sum == 0:
            return -np.inf
        power /= largest_sum
        power, bits = power @ power, 2 * (bits + np.log2(largest_sum))
    with np.errstate(divide="ignore"):
        return float(bits + np.log2(power.sum(axis=1).max())) / 2**FEW_SQUARINGS


def lengthening(weight: Array) -> float:
    """How many bits further a step makes a distance, at most: log2 of ‖W‖."""
    scale = np.abs(weight).max()
    if scale == 0:
        return -np.inf
    return float(np.log2(scale) + np.log2(np.linalg.norm(weight.astype(np.float64) / scale, 2)))


def stretch(weight: Matrix) -> Ball:
    """A bound of ‖W v‖ / ‖v‖: its square is ‖WᵀW‖, and ‖A‖^n = ‖A^n‖ ≤ the largest row sum of |A^n|."""
    power = weight.transpose() * weight
    for _ in range(SQUARINGS):
        power = power * power
    bound = _row_sum(power)
    for _ in range(SQUARINGS + 1):
        bound = bound.sqrt()
    return bound.upper()


def largest(column: Matrix) -> Ball:
    """A bound of the size of a column's numbers."""
    return reduce(lambda a, b: a if a > b else b, (v.abs_upper() for v in column.entries()))


def _row_sum(matrix: Matrix) -> Ball:
    """The largest sum of a row's sizes."""
    sums = (sum((v.abs_upper() for v in row), arb(0)).upper() for row in matrix.tolist())
    return reduce(lambda a, b: a if a > b else b, sums)
