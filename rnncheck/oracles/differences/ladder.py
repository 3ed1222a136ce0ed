"""`central.py` for whole arrays: the same steps and the same error estimate, for many functions at once."""

import itertools
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.oracles.differences.central import RATIO, WIDEST
from rnncheck.oracles.noise import Mask

STEPS = tuple(WIDEST / 2.0 / RATIO**level for level in range(4))
"""2⁻⁶, 2⁻⁸, 2⁻¹⁰, 2⁻¹²: as few as `central_difference` stops with, and between the widest and the narrowest
of those that it tries: it can go on where it has not settled, and an array cannot."""


@dataclass(frozen=True)
class Cells:
    """One entry of Neville's table for each function: value, noise in it, estimated error."""

    value: Array
    noise: Array
    error: Array


def central_differences(
    middle: Array, ups: Array, downs: Array, noise: Array
) -> tuple[Array, Array]:
    """f'(0) of many functions, and the doubt about each (infinite: it says nothing).

    middle: f(0), of the functions' shape. ups, downs: f(h) and f(-h) for the `STEPS` h, a leading
    axis. noise: by how much a value of f may be off; broadcast. Neville's rule on
    D(h) = (f(h) - f(-h)) / 2h, the best entry of each row and the best row, as `central_difference` has
    it (C. Ridders, Adv. Eng. Software 4, 1982), but all of the steps always.
    """
    with np.errstate(all="ignore"):
        slopes = [(up - down) / (2 * h) for up, down, h in zip(ups, downs, STEPS, strict=True)]
        table: list[Cells] = []
        rows = []
        for slope, h in zip(slopes, STEPS, strict=True):
            table = _extend(table, slope, np.broadcast_to(noise / h, slope.shape))
            rows.append(_least(table))
        value, error = _confirmed(rows)
        bends = [(u - 2.0 * middle + d) / h for u, d, h in zip(ups, downs, STEPS, strict=True)]
        left = [np.abs(a - RATIO * b) for a, b in itertools.pairwise(bends)]
        error = error + np.minimum.reduce(left) / 3.0
        useless = ~_resolved(slopes, noise) | _stays(left, 68.0 * noise / STEPS[-2])
        says_nothing = useless | ~np.isfinite(value) | np.isnan(error)
    return value, np.where(says_nothing, np.inf, error)


def _extend(above: list[Cells], slope: Array, noise: Array) -> list[Cells]:
    """The next row of Neville's table."""
    row = [Cells(slope, noise, np.full_like(slope, np.inf))]
    for j, old in enumerate(above, start=1):
        power, last = RATIO ** (2 * j), row[-1]
        value = last.value + (last.value - old.value) / (power - 1.0)
        weight = (power * last.noise + old.noise) / (power - 1.0)
        spread = np.maximum(np.abs(value - last.value), np.abs(value - old.value))
        row.append(Cells(value, weight, spread + weight))
    return row


def _least(cells: list[Cells]) -> Cells:
    """Of each function, the entry with the least estimated error."""
    best = cells[0]
    for other in cells[1:]:
        less = other.error < best.error
        pairs = ((best.value, other.value), (best.noise, other.noise), (best.error, other.error))
        best = Cells(*(np.where(less, new, old) for old, new in pairs))
    return best


def _confirmed(rows: list[Cells]) -> tuple[Array, Array]:
    """The best row, where each is at least as far off as a later one says (`estimate.confirmed`)."""
    best = Cells(
        np.full_like(rows[0].value, np.nan), rows[0].noise, np.full_like(rows[0].value, np.inf)
    )
    for i, row in enumerate(rows):
        error = row.error
        for later in rows[i + 1 :]:
            gap = np.abs(row.value - later.value)
            says = gap > row.error + later.noise
            error = np.where(says, np.maximum(error, gap + later.noise), error)
        best = _least([best, Cells(row.value, row.noise, error)])
    return best.value, best.error


def _resolved(slopes: list[Array], noise: Array) -> Mask:
    """Whether D(h) settles: its last change is noise, or at most a quarter of the one before."""
    before, change = np.abs(slopes[-2] - slopes[-3]), np.abs(slopes[-1] - slopes[-2])
    found: Mask = change <= before / RATIO + 2.0 * noise / STEPS[-1]
    return found


def _stays(left: list[Array], floor: Array) -> Mask:
    """Whether what is left of the bend is above the noise and does not fall by 4 or more."""
    found: Mask = (left[-1] > floor) & (left[-1] > left[-2] / 4.0)
    return found
