"""Float64 central differences: extrapolated, with a step chosen for each entry."""

import itertools
import math
from dataclasses import dataclass

from rnncheck.oracles.differences.estimate import Estimate, Function, Row, confirmed

WIDEST, RATIO, FEWEST, LEVELS = 2.0**-5, 4.0, 4, 6
"""The steps tried: 2⁻⁵·max(|x|, 1), a quarter of it, and so on, four to six in all, down to 2⁻¹⁵."""


@dataclass(frozen=True)
class Ladder:
    """Values of f at x and at x ± h for the steps h, widest first."""

    x: float
    steps: tuple[float, ...]
    middle: float
    ups: tuple[float, ...]
    downs: tuple[float, ...]

    @property
    def slopes(self) -> list[float]:
        """D(h) = (f(x+h) - f(x-h)) / 2h, with the steps as they were really taken."""
        widths = [(self.x + h) - (self.x - h) for h in self.steps]
        return [(u - d) / w for u, d, w in zip(self.ups, self.downs, widths, strict=True)]

    def is_resolved(self, noise: float) -> bool:
        """Whether D(h) settles: its last change is noise, or at most a quarter of the one before.

        It should fall to a 16th; it does not fall while the steps are wider than what f does.
        """
        before, change = (abs(b - a) for a, b in itertools.pairwise(self.slopes[-3:]))
        return change <= before / RATIO + 2.0 * noise / self.steps[-1]

    @property
    def bends(self) -> list[float]:
        """S(h) = (f(x+h) - 2f(x) + f(x-h)) / h: of order h, or the jump of f' at a kink."""
        triples = zip(self.ups, self.downs, self.steps, strict=True)
        return [(u - 2.0 * self.middle + d) / h for u, d, h in triples]

    @property
    def bends_left(self) -> list[float]:
        """B(h) = |S(h) - 4 S(h/4)|, where a smooth f leaves little and a kink leaves its jump.

        S(h) = h f'' + h³ f⁗/12 + ... loses its first term, and what is left falls by 64 from one
        step to the next. A kink at a distance c adds J(1 - c/h) to S(h), so B stays about 3J
        as long as c is much smaller than h. A value off by `noise` moves B by 68·noise/h at most.
        """
        return [abs(a - RATIO * b) for a, b in zip(self.bends, self.bends[1:], strict=False)]


def widest_step(x: float) -> float:
    """The widest step that a difference at x takes."""
    return WIDEST * max(abs(x), 1.0)


def first_values(x: float) -> list[float]:
    """Where a difference at x takes the values that it always takes."""
    steps = [widest_step(x) / RATIO**level for level in range(FEWEST)]
    return [x, *[x + h for h in steps], *[x - h for h in steps]]


def central_difference(f: Function, x: float, noise: float) -> Estimate:
    """f'(x) by Ridders' method: narrower steps until D settles and its estimated error stops falling.

    With D(h) = f' + c₂h² + c₄h⁴ + ..., Neville's rule on steps in ratio 4 removes one term a
    column: N_{k,j} = N_{k,j-1} + (N_{k,j-1} - N_{k-1,j-1}) / (16ʲ - 1). The error of an entry is
    taken as its distance from both of the entries it is made of, which is the size of the term
    that was removed last and so above the one that is left (C. Ridders, Adv. Eng. Software 4,
    1982), plus what the noise of f does to it through the weights of the differences; and the best
    entry must be `confirmed` by the rows below it.

    noise: by how much a value of f may be off. If D does not settle, or the bend B of
    `Ladder.bends_left` is above its noise and does not fall at the narrowest steps (f' jumps within
    them), the error is infinite; otherwise a jump J leaves B ≥ 3J there, and B/3 is added. What f
    does within less than 2⁻¹⁵·max(|x|, 1) no difference can see. 9 to 13 values of f.
    """
    middle = f(x)
    steps: list[float] = []
    ups: list[float] = []
    downs: list[float] = []
    table: list[Row] = []
    rows: list[Row] = []
    for level in range(LEVELS):
        h = widest_step(x) / RATIO**level
        steps.append(h)
        ups.append(f(x + h))
        downs.append(f(x - h))
        ladder = Ladder(x, tuple(steps), middle, tuple(ups), tuple(downs))
        table = _extend(table, ladder.slopes[-1], noise / h)
        rows.append(min(table, key=lambda row: row.error))
        if (
            level + 1 >= FEWEST
            and confirmed(rows).error < rows[-1].error
            and ladder.is_resolved(noise)
        ):
            break
    best, bends = confirmed(rows), ladder.bends_left
    if not ladder.is_resolved(noise) or _stays(bends, 68.0 * noise / steps[len(bends) - 1]):
        return Estimate(best.value, math.inf)
    return Estimate(best.value, best.error + min(bends) / 3.0)


def _extend(above: list[Row], slope: float, noise: float) -> list[Row]:
    """The next row of Neville's table."""
    row = [Row(slope, noise, math.inf)]
    for j, old in enumerate(above, start=1):
        power, last = RATIO ** (2 * j), row[-1]
        value = last.value + (last.value - old.value) / (power - 1.0)
        weight = (power * last.noise + old.noise) / (power - 1.0)
        spread = max(abs(value - last.value), abs(value - old.value))
        row.append(Row(value, weight, spread + weight))
    return row


def _stays(bends: list[float], floor: float) -> bool:
    """Whether what is left of the bend is above the noise and does not fall by 4 or more."""
    return bends[-1] > floor and bends[-1] > bends[-2] / 4.0
