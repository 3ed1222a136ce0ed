"""Layouts, defaults and validation: every caller's arrays into the one form of a case, and back.

What a caller may pass is what `torch.nn.RNN` takes: `x` time-major `(T, B, I)`, batch-first
`(B, T, I)` or unbatched `(T, I)`; `h0` `(L·D, B, H)`, unbatched `(L·D, H)`, or None for zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array, IntArray, require_lengths, require_names
from rnncheck.spec import Outputs, RNNSpec, require_shape


@dataclass(frozen=True)
class Layout:
    """How a caller's arrays are laid out: with a batch axis or not, and where."""

    batched: bool = True
    batch_first: bool = False

    def sequence_in(self, array: Array) -> Array:
        """The caller's `x`, `output` or cotangent of it, as `(T, B, ·)`."""
        if not self.batched:
            return array[:, None]
        return array.swapaxes(0, 1) if self.batch_first else array

    def sequence_out(self, array: Array) -> Array:
        """`(T, B, ·)` in the caller's layout."""
        if not self.batched:
            return array[:, 0]
        return array.swapaxes(0, 1) if self.batch_first else array

    def output_in(self, array: Array, outputs: Outputs) -> Array:
        """The caller's cotangent of `output` as `(T, B, ·)`; without a time axis unless it is all."""
        if outputs == "all":
            return self.sequence_in(array)
        return array[None] if self.batched else array[None, None]

    def output_out(self, array: Array, outputs: Outputs) -> Array:
        """`output` in the caller's layout; without a time axis unless it is all of the steps."""
        if outputs == "all":
            return self.sequence_out(array)
        only: Array = array[0] if self.batched else array[0, 0]
        return only

    def output_shape(self, shape: tuple[int, ...], outputs: Outputs) -> tuple[int, ...]:
        """The shape `(T, B, ·)` of an output in the caller's layout."""
        T, B, features = shape
        batch = (B,) if self.batched else ()
        if outputs != "all":
            return (*batch, features)
        return (*batch, T, features) if self.batch_first else (T, *batch, features)

    def state_in(self, array: Array) -> Array:
        """The caller's `h0` or cotangent of `h_n`, as `(L·D, B, H)`."""
        return array if self.batched else array[:, None]

    def state_out(self, array: Array) -> Array:
        """`(L·D, B, H)` in the caller's layout."""
        return array if self.batched else array[:, 0]

    def axes(self) -> str:
        """The axes of `x` in words, for messages."""
        if not self.batched:
            return "time, input"
        return "batch, time, input" if self.batch_first else "time, batch, input"


_layout = cache(Layout)
TIME_MAJOR = _layout(True, False)
"""The layout of a case: what has it need not be laid out, which small networks notice."""


def floats(name: str, array: npt.ArrayLike, dtype: np.dtype[Any]) -> Array:
    """The array in the network's dtype. TypeError if its own is another (a list has none)."""
    if isinstance(array, np.ndarray):
        if array.dtype != dtype:
            raise TypeError(f"{name} is {array.dtype}; this network computes in {dtype}")
        return array
    return _converted(name, array, dtype)


def _converted(name: str, array: npt.ArrayLike, dtype: np.dtype[Any]) -> Array:
    try:
        return np.asarray(array, dtype=dtype)  # not np.array: it warns of torch's tensors
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array of numbers: {error}") from None


def canonical_inputs(
    spec: RNNSpec,
    x: npt.ArrayLike,
    h0: npt.ArrayLike | None,
    lengths: npt.ArrayLike | None,
    *,
    batch_first: bool,
    dtype: np.dtype[Any],
) -> tuple[Layout, Array, Array, IntArray | None]:
    """Validate what a caller passed and bring it into a case's form: layout, x, h0, lengths.

    Raises ValueError or TypeError naming the argument, the shape it has and the one it must have.
    """
    array = floats("x", x, dtype)
    if array.ndim not in (2, 3):
        raise ValueError(f"x has shape {array.shape}; it must have 3 axes, or 2 without a batch")
    layout = _layout(array.ndim == 3, batch_first)
    if array.shape[-1] != spec.input_size:
        require_shape("x", array.shape, (*array.shape[:-1], spec.input_size), layout.axes())
    time_major = layout.sequence_in(array)
    T, B, _ = time_major.shape
    state = canonical_state(layout, "h0", h0, (spec.num_states, B, spec.hidden_size), dtype)
    return layout, time_major, state, canonical_lengths(lengths, T, B)


def canonical_state(
    layout: Layout,
    name: str,
    state: npt.ArrayLike | None,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Array:
    """A caller's state (or None for zeros) as `(L·D, B, H)`."""
    if state is None:
        return np.zeros(shape, dtype)
    array = floats(name, state, dtype)
    expected = shape if layout.batched else (shape[0], shape[2])
    if array.shape != expected:
        axes = "batch, hidden" if layout.batched else "hidden"
        require_shape(name, array.shape, expected, f"layers x directions, {axes}")
    return layout.state_in(array)


def canonical_output(
    layout: Layout,
    name: str,
    array: npt.ArrayLike,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    outputs: Outputs = "all",
) -> Array:
    """A caller's cotangent of the output as `(T, B, ·)`."""
    given = floats(name, array, dtype)
    expected = layout.output_shape(shape, outputs)
    if given.shape != expected:
        words = layout.axes().replace("input", "output") if outputs == "all" else "no time axis"
        require_shape(name, given.shape, expected, words)
    return layout.output_in(given, outputs)


def canonical_lengths(lengths: npt.ArrayLike | None, T: int, B: int) -> IntArray | None:
    """Lengths as an integer array `(B,)`, each in 0..T."""
    if lengths is None:
        return None
    array = np.asarray(lengths)
    if array.size == 0:
        array = array.astype(np.intp)
    require_shape("lengths", array.shape, (B,), "one for each batch row")
    require_lengths(array, T)
    return array


def checked_state_dict(
    spec: RNNSpec, state: Mapping[str, npt.ArrayLike], dtype: np.dtype[Any]
) -> dict[str, Array]:
    """A state dict's arrays, copied, in the spec's order. ValueError for a wrong name or shape."""
    require_names(spec, state, "state_dict")
    arrays = {}
    for name, shape in spec.parameter_shapes().items():
        array = _converted(name, state[name], dtype).copy()
        require_shape(name, array.shape, shape)
        arrays[name] = array
    return arrays
