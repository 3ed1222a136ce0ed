"""Rows of different lengths in one array: row b has n_b valid steps, the rest is padding.

The padding may hold anything, NaN and inf included, and 0 * NaN is NaN: a mask that multiplies
would let it through. So what comes in is selected by `zero_padding`, once, at the door; from there
on the padding is zero.

Everywhere, values (T, B, F) may have more axes before these, such as one for the networks of a fleet.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.implementations.manual.activations import Array

Lengths = npt.NDArray[np.integer[Any]]


def valid_steps(T: int, lengths: Lengths) -> npt.NDArray[np.bool_]:
    """Whether t < n_b, shape (T, B, 1), for lengths (B,)."""
    t = np.arange(T)[:, None, None]
    return np.less(t, lengths[:, None])


def zero_padding(values: Array, lengths: Lengths) -> Array:
    """A new array, equal to values (T, B, F) for t < n_b and exactly 0 from there on."""
    return np.where(valid_steps(values.shape[-3], lengths), values, 0)


def reverse_valid_steps(values: Array, lengths: Lengths) -> Array:
    """A new array (T, B, F): step t of row b is values[n_b - 1 - t, b]; the padding stays.

    Its own inverse. The reverse direction is the forward one between two of these.
    """
    t = np.arange(values.shape[-3])[:, None, None]
    source = np.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)
    return np.take_along_axis(values, source[(None,) * (values.ndim - 3)], axis=-3)


def last_step(values: Array, lengths: Lengths) -> Array:
    """A new array (B, F): values[n_b - 1, b] for values (T, B, F), and 0 where n_b = 0."""
    # In a row without steps the index is -1, that of the zeros appended.
    *more, _, B, F = values.shape
    nothing = np.zeros_like(values, shape=(*more, 1, B, F))
    row: Array = np.concatenate([values, nothing], axis=-3)[..., lengths - 1, np.arange(B), :]
    return row


def at_last_step(row: Array, T: int, lengths: Lengths) -> Array:
    """A new array (T, B, F): row (B, F) at t = n_b - 1, and 0 elsewhere; `last_step`'s transpose."""
    t = np.arange(T)[:, None, None]
    return np.where(t == lengths[:, None] - 1, row[..., None, :, :], 0)
