"""Which steps of an output a loss counts, and its targets there, with what is wrong said in words."""

from typing import Literal

import numpy as np

from rnncheck.case import Array, IntArray
from rnncheck.oracles.noise import Mask

Steps = Literal["all", "last"]


def counted_steps(output: Array, lengths: IntArray | None, steps: Steps) -> Mask:
    """`(T, B, 1)`: True at the valid steps, or at the last one of each row.

    One output a row (T = 1) counts in every row. A row of length 0 among several has no step.
    ValueError unless output is `(T, B, O)` and lengths `(B,)` within 0..T, TypeError for lengths
    that are no integers.
    """
    if output.ndim < 3:
        raise ValueError(f"output has shape {output.shape}; a loss needs (T, B, O): 3 dimensions")
    T, B = output.shape[-3:-1]
    if lengths is not None and np.shape(lengths) != (B,):
        raise ValueError(
            f"lengths has shape {np.shape(lengths)}; it must have one for each of the {B} rows "
            f"of output {output.shape}: ({B},)"
        )
    if lengths is None or T == 1:
        lengths = np.full(B, T)
    if not np.issubdtype(lengths.dtype, np.integer):
        raise TypeError(f"lengths must be integers, not {lengths.dtype}")
    if lengths.size and (lengths.min() < 0 or lengths.max() > T):
        raise ValueError(f"lengths must lie in 0..T = 0..{T}, not {lengths.tolist()}")
    t = np.arange(T)[:, None]
    counted: Mask = t == lengths - 1 if steps == "last" else t < lengths
    return counted[..., None]


def same_shape_targets(output: Array, target: Array | IntArray, counted: Mask) -> Array:
    """The target, 0 where nothing counts, in output's dtype. ValueError unless shaped like output."""
    if target.shape != output.shape[-3:]:
        raise ValueError(
            f"target has shape {target.shape}; it must have that of output, {output.shape[-3:]}"
        )
    return np.where(counted, target, 0.0).astype(output.dtype)


def class_targets(output: Array, target: Array | IntArray, counted: Mask) -> Array:
    """The target as weights of the classes `(T, B, O)`: class numbers `(T, B)` become one-hot.

    ValueError for another shape or a class number outside 0..O-1 where it counts, TypeError for
    class numbers that are no integers.
    """
    T, B, classes = output.shape[-3:]
    if target.shape == (T, B, classes):
        return same_shape_targets(output, target, counted)
    if target.shape != (T, B):
        raise ValueError(
            f"target has shape {target.shape}; it must have that of output, {(T, B, classes)}, "
            f"or {(T, B)} with class numbers"
        )
    if not np.issubdtype(target.dtype, np.integer):
        raise TypeError(f"class numbers (a target of shape {(T, B)}) must be integers, not "
                        f"{target.dtype}; one-hot targets have shape {(T, B, classes)}")  # fmt: skip
    wrong = counted[..., 0] & ((target < 0) | (target >= classes))
    if wrong.any():
        raise ValueError(
            f"class numbers must lie in 0..{classes - 1}, for the {classes} features of output; "
            f"target holds {target[wrong][0]}"
        )
    one_hot: Array = (counted & (target[..., None] == np.arange(classes))).astype(output.dtype)
    return one_hot
