"""Inputs that are none: each a case's arrays by name with one of them spoilt, and what is wrong in words."""

from collections.abc import Iterator, Mapping

import numpy as np

from rnncheck.case import Array, Case

Spoilt = Iterator[tuple[str, Mapping[str, Array]]]


def good(case: Case, with_lengths: bool = False) -> dict[str, Array]:
    """The arrays of a case under their names, as `Entry.enter` takes them."""
    return {n: array.copy() for n, array in case.arrays() if with_lengths or n != "lengths"}


def wrong_shapes(case: Case) -> Spoilt:
    """Every array with every axis longer by one, of size 1, or an axis too many or too few."""
    arrays = good(case)
    free = {"x": (0, 1)}  # T and B are whatever x says they are
    for name, array in arrays.items():
        for wrong in _reshaped(array, free.get(name, ())):
            told = f"{name} of shape {wrong.shape} where {array.shape} belongs"
            yield told, arrays | {name: wrong}


def wrong_dtypes(case: Case) -> Spoilt:
    """x and h0 in integers, and in the other floating-point type."""
    arrays = good(case)
    other = np.float32 if case.dtype == np.float64 else np.float64
    for name in ("x", "h0"):
        for dtype in (np.dtype(np.int64), np.dtype(other)):
            told = f"{name} of {dtype} where the parameters are {case.dtype}"
            yield told, arrays | {name: np.ones(arrays[name].shape, dtype)}


def wrong_lengths(case: Case) -> Spoilt:
    """Lengths too long, negative, of floats, too many or too few."""
    arrays = good(case)
    arrays["x"] = np.ones_like(arrays["x"])
    T, B = case.T, case.B
    full = np.full(B, T)
    wrong = {
        "a length of T + 1": np.where(np.arange(B) == B - 1, T + 1, full),
        "a length of -1": np.where(np.arange(B) == B - 1, -1, full),
        "lengths of floats": full - 0.5,
        "a length too many": np.full(B + 1, T),
        "a length too few": np.full(B - 1, T),
        "lengths with two axes": full[:, None],
    }
    if B > 2:
        wrong["one length for all"] = np.full(1, T)
    for told, lengths in wrong.items():
        yield (
            f"lengths={lengths.tolist()} for T = {T}, B = {B} ({told})",
            (arrays | {"lengths": lengths}),
        )


def _reshaped(array: Array, free: tuple[int, ...]) -> Iterator[Array]:
    for axis, size in enumerate(array.shape):
        if axis in free:
            continue
        yield np.concatenate([array, array.take([0], axis)], axis)
        if size > 1:
            yield array.take([0], axis)
        if size > 2:
            yield array.take(range(size - 1), axis)
    yield array[None]
    yield array[0] if array.ndim > 1 else np.stack([array, array])
