"""The same numbers in other memory layouts."""

import re

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Layout
from rnncheck.results import SubjectError


def fortran(array: Array) -> Array:
    """The first index runs quickest."""
    return np.array(array, order="F")


def backwards(array: Array) -> Array:
    """Every other entry of a larger buffer, from its end: negative strides; NaN stands in between."""
    buffer = np.full([2 * n + 1 for n in array.shape], np.nan, array.dtype)
    view = buffer[tuple(slice(-1, 0, -2) for _ in array.shape)]
    view[...] = array
    return view


def read_only(array: Array) -> Array:
    """Nothing can be written into it; its first two axes are swapped in memory."""
    own = array.copy()
    if array.ndim > 1:
        own = own.swapaxes(0, 1).copy().swapaxes(0, 1)
    own.flags.writeable = False
    return own


def broadcast(array: Array) -> Array:
    """Stride 0, read-only, along every axis along which all is the same."""
    small = array.copy()
    for axis in range(array.ndim):
        first = small.take([0], axis) if small.shape[axis] else small
        if small.shape[axis] and (small == first).all():
            small = first
    return np.broadcast_to(small, array.shape)


LAYOUTS: dict[str, Layout] = {
    "Fortran-ordered arrays": fortran,
    "arrays with negative strides": backwards,
    "read-only arrays with swapped axes": read_only,
}
BROADCAST: Layout = broadcast

_REFUSAL = re.compile(r"contiguous|stride|buffer source array is read-only", re.IGNORECASE)


def refuses(error: SubjectError) -> bool:
    """Whether it raised, and said that it is the layout that it does not take."""
    return error.__cause__ is not None and bool(_REFUSAL.search(str(error.__cause__)))


def constant_over_rows(case: Case) -> Case:
    """The case with its first row in every row, and its first cotangent at every step."""

    def repeated(array: Array, *, steps: bool = False) -> Array:
        first = array[:1, :1] if steps else array[:, :1]
        return np.broadcast_to(first, array.shape).copy()

    return case.replace(
        x=repeated(case.x),
        h0=repeated(case.h0),
        d_output=repeated(case.d_output, steps=True),
        d_h_n=repeated(case.d_h_n),
    )
