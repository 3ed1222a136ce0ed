"""How far each of NumPy's functions may round, in units of the unit roundoff u.

    + - × ÷ √ of computed values        u·|result|
    exp, log, tanh, powers, ...         8u·|result|          (4 ulp, as an activation)
    a sum of n terms, in any order      n·u·Σ|terms|         (matmul, mean and einsum too)
    comparisons, where, max, moves      nothing

(N. Higham, "Accuracy and Stability of Numerical Algorithms", §2.2 and §3.1.)
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnncheck.oracles.noise import Noise, Samples

Function = Callable[..., Any]

ONE = 1.0
LIBRARY = 8.0

ROUNDED: dict[np.ufunc, float] = {
    **dict.fromkeys(
        (np.add, np.subtract, np.multiply, np.divide, np.sqrt, np.square, np.reciprocal), ONE
    ),
    **dict.fromkeys(
        (np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.power, np.float_power,
         np.cbrt, np.hypot, np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2,
         np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh), LIBRARY
    ),
}  # fmt: skip
"""Relative bounds of what is computed entry by entry."""

EXACT: frozenset[np.ufunc] = frozenset(
    (np.negative, np.positive, np.absolute, np.fabs, np.sign, np.copysign, np.maximum, np.minimum,
     np.fmax, np.fmin, np.floor, np.ceil, np.rint, np.trunc, np.equal, np.not_equal, np.less,
     np.less_equal, np.greater, np.greater_equal, np.logical_and, np.logical_or, np.logical_not,
     np.logical_xor, np.bitwise_and, np.bitwise_or, np.invert, np.isfinite, np.isinf, np.isnan,
     np.signbit)
)  # fmt: skip

MOVES: frozenset[Function] = frozenset(
    (np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze,
     np.concatenate, np.stack, np.split, np.array_split, np.broadcast_to, np.take,
     np.take_along_axis, np.where, np.flip, np.roll, np.repeat, np.tile, np.copy, np.diagonal,
     np.tril, np.triu, np.zeros_like, np.ones_like, np.full_like, np.empty_like, np.max, np.min,
     np.amax, np.amin, np.clip, np.any, np.all, np.atleast_1d, np.atleast_2d)
)  # fmt: skip
"""What takes entries from place to place, or picks among them."""

SUMS: frozenset[Function] = frozenset(
    (np.sum, np.cumsum, np.mean, np.trace, np.matmul, np.dot, np.vdot, np.inner, np.outer,
     np.tensordot, np.einsum)
)  # fmt: skip
"""What adds up products of entries: linear in each operand, so that the same function of |entries|
is Σ|terms|, and of ones the number of terms."""

PRODUCTS: frozenset[Function] = frozenset((np.prod, np.linalg.norm))
"""n operations, of which none cancels."""

REDUCTIONS: dict[np.ufunc, Function] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip


def off(values: Samples, bound: Samples, noise: Noise) -> Samples:
    """The samples with errors of up to u·bound; ±inf where that exceeds the dtype's range."""
    over = np.abs(values) + noise.unit * bound >= noise.largest
    values = np.where(over, np.copysign(np.inf, values), values)
    finite = np.isfinite(values) & np.isfinite(bound)
    erring = noise.add("result", np.where(finite, values, 0.0), np.where(finite, bound, 0.0), 0)
    return np.where(finite, erring, values)


def off_relatively(values: Samples, units: float, noise: Noise) -> Samples:
    """The samples with errors of up to units·u of themselves, or by underflow; no sign changes."""
    size = np.abs(values)
    bound = np.minimum(units * size + noise.smallest / noise.unit, size / noise.unit)
    return off(values, bound, noise)
