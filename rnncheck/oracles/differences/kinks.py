"""Is a point smooth, a kink or a jump of f? So that a kink of ReLU is told from a wrong gradient."""

import itertools
from dataclasses import dataclass
from enum import StrEnum

from rnncheck.oracles.differences.estimate import Estimate, Function, Row, confirmed

NARROWEST, LEVELS = 2.0**-20, 8
"""Steps from 2⁻²⁰·max(|x|, 1) upwards by 2: narrow, to see this point and not its neighbours."""


class Shape(StrEnum):
    """What f does at a point."""

    SMOOTH = "smooth"
    KINK = "kink"
    JUMP = "jump"


@dataclass(frozen=True)
class Sides:
    """The slope of f on either side of a point, and what that makes of the point.

    At a kink every derivative between the two slopes is right.
    """

    shape: Shape
    left: Estimate
    right: Estimate

    def allows(self, claimed: float, slack: float = 0.0) -> bool:
        """Whether a claimed derivative lies between the slopes, give or take their errors."""
        low, high = sorted((self.left, self.right), key=lambda side: side.value)
        return low.value - low.error - slack <= claimed <= high.value + high.error + slack


def sides(f: Function, x: float, noise: float) -> Sides:
    """The slopes on both sides of x, each by one-sided differences with an error estimate.

    A jump of f: a one-sided difference quotient that grows like 1/h as h shrinks. A kink: slopes
    that differ by more than both errors. noise: by how much a value of f may be off.
    """
    right, jumps_right = _one_sided(f, x, 1.0, noise)
    left, jumps_left = _one_sided(f, x, -1.0, noise)
    if jumps_left or jumps_right:
        return Sides(Shape.JUMP, left, right)
    apart = abs(right.value - left.value) > right.error + left.error
    return Sides(Shape.KINK if apart else Shape.SMOOTH, left, right)


def _one_sided(f: Function, x: float, sign: float, noise: float) -> tuple[Estimate, bool]:
    """The slope on one side, and whether f jumps there.

    Q(h) = (f(x ± h) - f(x)) / ±h = f'± + c₁h + c₂h² + ...; 2Q(h) - Q(2h) drops c₁. The difference
    of two such values, at neighbouring steps, is 3 times the term c₂ that is left, or more.
    """
    middle = f(x)
    steps = [NARROWEST * max(abs(x), 1.0) * 2.0**k for k in range(LEVELS)]
    taken = [abs((x + sign * h) - x) for h in steps]
    quotients = [(f(x + sign * h) - middle) / (sign * t) for h, t in zip(steps, taken, strict=True)]
    lines = [2.0 * a - b for a, b in itertools.pairwise(quotients)]
    rows = []
    for value, wider, h in zip(lines, lines[1:], steps, strict=False):
        rows.append(Row(value, 5.0 * noise / h, abs(value - wider) + 6.0 * noise / h))
    growth = [abs(q) * t for q, t in zip(quotients, taken, strict=True)]
    still = growth[0] > 8.0 * noise and 2.0 * growth[0] > max(growth)
    return confirmed(rows[::-1]), still
