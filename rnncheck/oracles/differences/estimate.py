"""What every difference returns: a value, and how far off it may be."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Function = Callable[[float], float]


@dataclass(frozen=True)
class Estimate:
    """A derivative and a bound on its error (infinite: it says nothing)."""

    value: float
    error: float

    @property
    def says_something(self) -> bool:
        """Whether both numbers are finite."""
        return math.isfinite(self.value) and math.isfinite(self.error)

    def allows(self, claimed: float, slack: float = 0.0) -> bool:
        """Whether a claimed derivative lies within the error and a slack of its own."""
        return not abs(claimed - self.value) > self.error + slack


@dataclass(frozen=True)
class Row:
    """One of several values at narrower and narrower steps.

    noise: what the noise of f does to it, which is a part of its estimated error.
    """

    value: float
    noise: float
    error: float


def confirmed(rows: Sequence[Row]) -> Estimate:
    """The best row, where each is at least as far off as a later one says; widest steps first.

    A row's estimated error can be small by coincidence (two terms of the remainder cancel, or f
    repeats itself from step to step); the rows of narrower steps do not share it.
    """
    best = Estimate(math.nan, math.inf)
    for i, row in enumerate(rows):
        gaps = ((abs(row.value - later.value), later.noise) for later in rows[i + 1 :])
        wrong = (gap + noise for gap, noise in gaps if gap > row.error + noise)
        error = max(row.error, *wrong, 0.0)
        if error < best.error:
            best = Estimate(row.value, error)
    return best


def noise_level(f: Function, x: float) -> float:
    """How far values of f near x are off by rounding, estimated from the values themselves.

    A table of differences over points a few ulp of max(|x|, 1) apart: the k-th differences of
    a smooth function vanish there, those of the noise grow by √((2k)!)/k!, so noise is read off as
    max |Δᵏ| · k!/√((2k)!) (J. Moré, S. Wild, "Estimating computational noise", SIAM J. Sci.
    Comput. 33, 2011). The largest reading over k = 1..6 is taken, and at least half an ulp of f(x).
    """
    spacing = max(abs(x), 1.0) * 2.0**-44
    points = [x + i * spacing for i in range(-3, 4)]
    row = [f(point) for point in points]
    level = math.ulp(max(abs(v) for v in row)) / 2 if all(map(math.isfinite, row)) else math.inf
    slope = (row[-1] - row[0]) / 6.0
    row = [v - i * slope for i, v in enumerate(row)]
    for k in range(1, 7):
        row = [b - a for a, b in itertools.pairwise(row)]
        scale = math.factorial(k) / math.sqrt(math.factorial(2 * k))
        level = max(level, scale * max(abs(v) for v in row))
    return level
