"""Ball arithmetic on columns: the few operations of a network, each a rigorous enclosure.

A ball (`flint.arb`) is a midpoint and a radius; every operation rounds outwards, so the true
value of a formula lies in the ball that the formula gives (F. Johansson, "Arb: efficient
arbitrary-precision midpoint-radius interval arithmetic", 2017). A column is an `arb_mat` of one
column; NumPy's numbers enter exactly, for each is a dyadic rational.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np
import numpy.typing as npt
from flint import arb, arb_mat

from rnncheck.case import Array

Ball = arb
Matrix = arb_mat


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Compute with so many bits inside the block; the setting before it is restored."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def matrix(array: Array) -> Matrix:
    """An `arb_mat` with exactly the numbers of a 2-D array."""
    rows, columns = array.shape
    return arb_mat(rows, columns, [arb(float(v)) for v in array.ravel()])


def column(vector: Array) -> Matrix:
    """An `arb_mat` of one column with exactly the numbers of a 1-D array."""
    return arb_mat(vector.shape[0], 1, [arb(float(v)) for v in vector])


def entries_as_column(entries: list[Ball]) -> Matrix:
    """An `arb_mat` of one column of these balls."""
    return arb_mat(len(entries), 1, entries)


def zeros(rows: int, columns: int = 1) -> Matrix:
    """A matrix of exact zeros."""
    return arb_mat(rows, columns)


def elementwise(function: Callable[..., Ball], *matrices: Matrix) -> Matrix:
    """Apply a function of balls entry by entry."""
    entries = [function(*balls) for balls in zip(*(m.entries() for m in matrices), strict=True)]
    return arb_mat(matrices[0].nrows(), matrices[0].ncols(), entries)


def multiply(a: Matrix, b: Matrix) -> Matrix:
    """The entrywise product."""
    return elementwise(lambda x, y: x * y, a, b)


def stack(*columns: Matrix) -> Matrix:
    """One column of all the entries of several, in order."""
    entries = [ball for c in columns for ball in c.entries()]
    return arb_mat(len(entries), 1, entries)


def split(whole: Matrix, parts: int) -> list[Matrix]:
    """The equal parts of a column: `stack` undone."""
    entries = whole.entries()
    size = len(entries) // parts
    return [arb_mat(size, 1, entries[i * size : (i + 1) * size]) for i in range(parts)]


def side_by_side(columns: list[Matrix], rows: int) -> Matrix:
    """The matrix with these columns (none at all: `rows` by 0)."""
    lists = [c.entries() for c in columns]
    return arb_mat(rows, len(lists), [entries[r] for r in range(rows) for entries in lists])


def rounded(balls: list[Ball], shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """The midpoints as pairs of doubles `hi + lo` (106 bits), and the radii rounded up.

    The radius returned covers the ball and the part of the midpoint that `hi + lo` drops; it is 0
    only if `hi + lo` is the value exactly, and infinite (around 0) if no doubles are near the ball.
    """
    hi = np.array([float(ball.mid()) for ball in balls], dtype=np.float64)
    rests = [ball - arb(high) for ball, high in zip(balls, hi.tolist(), strict=True)]
    lo = np.array([float(rest.mid()) for rest in rests], dtype=np.float64)
    gaps = [abs(rest - arb(low)).upper() for rest, low in zip(rests, lo.tolist(), strict=True)]
    radii = np.array([0.0 if gap == 0 else np.nextafter(float(gap), np.inf) for gap in gaps])
    near = np.isfinite(hi) & np.isfinite(lo) & ~np.isnan(radii)
    parts = np.where(near, hi, 0.0), np.where(near, lo, 0.0), np.where(near, radii, np.inf)
    hi, lo, radii = (part.reshape(shape) for part in parts)
    return hi, lo, radii


def object_array(balls: list[Ball], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The balls themselves in a NumPy array of objects."""
    array = np.empty(len(balls), dtype=object)
    array[:] = balls
    return array.reshape(shape)
