"""Taylor's remainder: for a right gradient it vanishes like h², for a wrong one like h."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from rnncheck.oracles.differences.estimate import Estimate, Row, confirmed

WIDEST, RUNGS = 2.0**-3, 14


@dataclass(frozen=True)
class Taylor:
    """The outcome of a Taylor test along one direction.

    order: log₂ R(h)/R(h/2) at the narrowest pair of rungs above the noise (about 2 for a right
    gradient, 1 for a wrong one; None if fewer than two rungs were above it: f is linear
    there, as far as can be seen). missing: the part of the slope that the claimed gradient lacks,
    with its error; right if that is compatible with 0. rungs: those used.
    """

    order: float | None
    missing: Estimate
    rungs: int

    @property
    def is_wrong(self) -> bool:
        """Whether the missing slope is more than its error: only then is the gradient accused."""
        return abs(self.missing.value) > self.missing.error


def taylor_test(f: Callable[[float], float], claimed: float, noise: float) -> Taylor:
    """R(h) = |f(h) - f(0) - h·g| for h = 2⁻³, 2⁻⁴, ..., with f along a direction and g = <grad, v>.

    The usual four-rung test reads the order off fixed steps; where they are too wide, or below
    the noise of f, it accuses right gradients (43 of 300). Here only rungs with R(h) > 8·noise are
    used, and the order is never the verdict: r(h)/h = (f' - g) + c₂h + c₃h² is
    extrapolated to h = 0 by 2 r(h/2)/(h/2) - r(h)/h, at the rung whose estimated error is least and
    `confirmed` by the narrower ones: the change from the rung before, which is 3 times the term
    c₃h²/2 that is left, or a quarter of the change before that, should the two terms of this one
    cancel; and 10·noise/h.
    """
    middle = f(0.0)
    steps = [WIDEST / 2.0**k for k in range(RUNGS)]
    remainders = [f(h) - middle - h * claimed for h in steps]
    above = [(h, abs(r)) for h, r in zip(steps, remainders, strict=True) if abs(r) > 8.0 * noise]
    order = None
    if len(above) > 1:
        (h_wide, wide), (h_narrow, narrow) = above[-2:]
        order = math.log(wide / narrow) / math.log(h_wide / h_narrow)
    slopes = [r / h for r, h in zip(remainders, steps, strict=True)]
    lines = [2.0 * narrow - wide for wide, narrow in itertools.pairwise(slopes)]
    changes = [abs(b - a) for a, b in itertools.pairwise(lines)]
    rows = []
    triples = zip(lines[2:], itertools.pairwise(changes), steps[3:], strict=True)
    for value, (before, change), h in triples:
        rows.append(Row(value, 5.0 * noise / h, max(change, before / 4.0) + 10.0 * noise / h))
    return Taylor(order, confirmed(rows), len(above))
