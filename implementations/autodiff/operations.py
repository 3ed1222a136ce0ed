"""Functions of Tensors: the nonlinearities, the choice between two, and the joining of many.

As in `tensor`, a primitive has its vector-Jacobian products, which stand before it; the others are
compositions of primitives, and need none. What a vjp calls takes arrays as well as Tensors.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .shares import Index, Part, Product
from .tensor import AT, Array, Either, Shape, Tensor, VJPs, record, sum_to

EXP: VJPs = (lambda g, y, x: g * y,)


def exp(x: Tensor) -> Tensor:
    """y = eˣ: dy = y dx."""
    return record(np.exp(x.value), (x,), EXP)


LOG: VJPs = (lambda g, y, x: g / x,)


def log(x: Tensor) -> Tensor:
    """y = log x: dy = dx / x."""
    return record(np.log(x.value), (x,), LOG)


TANH: VJPs = (lambda g, y, x: g * one_minus_square(y),)


def tanh(x: Tensor) -> Tensor:
    """y = tanh x: dy = (1 - y²) dx."""
    return record(np.tanh(x.value), (x,), TANH)


ONE_MINUS_SQUARE: VJPs = (lambda g, y, x: -2.0 * g * x,)


def one_minus_square(x: Either) -> Either:
    """y = 1 - x²: dy = -2 x dx."""
    if isinstance(x, Tensor):
        return record(one_minus_square(x.value), (x,), ONE_MINUS_SQUARE)
    return 1.0 - x * x


SIGMOID: VJPs = (lambda g, y, x: g * (y * (1.0 - y)),)


def sigmoid(x: Tensor) -> Tensor:
    """y = 1 / (1 + e⁻ˣ): dy = y (1 - y) dx.

    The value is computed as e^min(x, 0) / (1 + e^-|x|), which is the same and cannot overflow.
    """
    value = np.exp(np.minimum(x.value, 0)) / (1 + np.exp(-np.abs(x.value)))
    return record(value, (x,), SIGMOID)


def relu(x: Tensor) -> Tensor:
    """y = max(x, 0), with the derivative 0 at 0. NaN stays NaN: it is not <= 0."""
    return where(~np.asarray(x.value <= 0), x, 0.0)


def identity(x: Tensor) -> Tensor:
    """y = x."""
    return x


def softmax(x: Tensor) -> Tensor:
    """y_i = e^x_i / Σ_j e^x_j along the last axis, which must not be empty.

    A constant c subtracted from every x_i cancels, whatever it is; c = max x lets nothing
    overflow. As y does not depend on c, c may be a constant to the gradient as well.
    """
    e = exp(x - x.value.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


AFFINE: VJPs = (
    lambda g, y, x, W, *_: g.dot(W),
    lambda g, y, x, W, *_: Product(g, x),
    lambda g, y, x, W, b: sum_to(g, b.shape),
)


def affine(x: Tensor, weight: Tensor, b: Tensor | None = None) -> Tensor:
    """y = x Wᵀ + b for matrices x (N, I), W (O, I) and whatever b broadcasts to (N, O), or None.

    dy = dx Wᵀ + x dWᵀ + db, and <g, dx Wᵀ> = <g W, dx>, <g, x dWᵀ> = <gᵀ x, dW>.
    """
    W = x.lift(weight)
    value = x.value.dot(W.value.T)
    if b is None:
        return record(value, (x, W), AFFINE)
    value += x.lift(b).value
    return record(value, (x, W, b), AFFINE)


def affine_steps(x: Tensor, weight: Tensor, b: Tensor | None = None) -> Tensor:
    """`affine` of every step of x (T, B, I): the rows of all steps are those of one matrix."""
    T, B, features = x.shape
    y = affine(x.reshape((T * B, features)), weight, b)
    return y.reshape((T, B, len(weight)))


WHERE: VJPs = (
    lambda g, y, a, b, condition: where(condition, g, 0.0),
    lambda g, y, a, b, condition: where(~condition, g, 0.0),
)


def where(condition: npt.NDArray[np.bool_], a: Either, b: Either | float) -> Either:
    """y = a where the constant condition holds, else b; all three broadcast.

    A cotangent follows the value it belongs to, and the other argument's is exactly 0 there. It
    is chosen, not multiplied by the condition: 0 * NaN would be NaN.
    """
    if not isinstance(a, Tensor):
        return np.where(condition, a, b)
    other = a.lift(b)
    shape = np.broadcast_shapes(condition.shape, a.shape, other.shape)
    both = a.broadcast_to(shape), other.broadcast_to(shape)
    return record(np.where(condition, *(x.value for x in both)), both, WHERE, condition)


def concatenate(pieces: Sequence[Either], axis: int = 0) -> Either:
    """One after another along the axis; each is given its own slice of g.

    Raises ValueError for no pieces or shapes that differ elsewhere, TypeError for mixed dtypes.
    """
    if not pieces:
        raise ValueError("there is nothing to concatenate")
    first = pieces[0]
    if len(pieces) == 1:
        return first
    if not isinstance(first, Tensor):
        return np.concatenate(pieces, axis)
    tensors = tuple([first.lift(piece) for piece in pieces])
    value = np.concatenate([tensor.value for tensor in tensors], axis)
    lengths = [tensor.shape[axis] for tensor in tensors]
    return record(value, tensors, _slices(lengths, axis % value.ndim))


def _slices(lengths: Sequence[int], axis: int) -> list[Index]:
    """The indices of pieces of these lengths that lie one after another along the axis."""
    before, ends = (slice(None),) * axis, [0, *accumulate(lengths)]
    return [(*before, slice(start, end)) for start, end in pairwise(ends)]


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors, of one shape, along a new first axis. Raises ValueError for no Tensors."""
    if not tensors:
        raise ValueError("a stack needs at least one Tensor")
    value = np.array([tensor.value for tensor in tensors])
    return record(value, tuple(tensors), range(len(tensors)))


def unstack(x: Tensor) -> list[Tensor]:
    """[x[0], ..., x[T-1]]."""
    return [record(x_t, (x,), AT, t) for t, x_t in enumerate(x.value)]


def place(parts: Sequence[Part], shape: Shape) -> Any:  # noqa: ANN401 - a Tensor if the parts are
    """Zeros of the shape given, with each part's g added at its index: the transpose of indexing."""
    pieces, indices = zip(*parts, strict=True)
    if isinstance(pieces[0], Tensor):
        return record(_place([g.value for g in pieces], indices, shape), pieces, indices)
    return _place(pieces, indices, shape)


def _place(pieces: Sequence[Array], indices: tuple[Index, ...], shape: Shape) -> Array:
    T = len(pieces)
    if shape[:1] == (T,) and indices == tuple(range(T))[::-1]:
        return np.array(pieces[::-1])  # each step once, the last one first, as the sweep goes
    total = np.zeros(shape, pieces[0].dtype)
    for g, index in zip(pieces, indices, strict=True):
        total[index] += g
    return total
