"""Functions of Tensors: the nonlinearities, the choice between two, and the joining of many.

As in `tensor`, a primitive's value stands beside its vector-Jacobian products; the others are
compositions of primitives, and need none.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .shares import Index, Part, Product
from .tensor import VJP, Operand, Shape, Tensor, record


def exp(x: Tensor) -> Tensor:
    """y = eˣ: dy = y dx."""
    return record(np.exp(x.value), (x, lambda g, y: g * y))


def log(x: Tensor) -> Tensor:
    """y = log x: dy = dx / x."""
    return record(np.log(x.value), (x, lambda g, y: g / x))


def tanh(x: Tensor) -> Tensor:
    """y = tanh x: dy = (1 - y²) dx."""
    return record(np.tanh(x.value), (x, lambda g, y: g * one_minus_square(y)))


def one_minus_square(x: Tensor) -> Tensor:
    """y = 1 - x²: dy = -2 x dx."""
    return record(1.0 - x.value * x.value, (x, lambda g, y: -2.0 * g * x))


def sigmoid(x: Tensor) -> Tensor:
    """y = 1 / (1 + e⁻ˣ): dy = y (1 - y) dx.

    The value is computed as e^min(x, 0) / (1 + e^-|x|), which is the same and cannot overflow.
    """
    value = np.exp(np.minimum(x.value, 0)) / (1 + np.exp(-np.abs(x.value)))
    return record(value, (x, lambda g, y: g * (y * (1.0 - y))))


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


def affine(x: Tensor, weight: Tensor, b: Tensor | None = None) -> Tensor:
    """y = x Wᵀ + b for matrices x (N, I), W (O, I) and whatever b broadcasts to (N, O), or None.

    dy = dx Wᵀ + x dWᵀ + db, and <g, dx Wᵀ> = <g W, dx>, <g, x dWᵀ> = <gᵀ x, dW>.
    """
    W = x.lift(weight)
    value = x.value @ W.value.T
    parents: list[tuple[Tensor, VJP]] = [
        (x, lambda g, y: g @ W),
        (W, lambda g, y: Product(g, x)),
    ]
    if b is not None:
        value += x.lift(b).value
        parents.append((b, lambda g, y: g.sum_to(b.shape)))
    return record(value, *parents)


def affine_steps(x: Tensor, weight: Tensor, b: Tensor | None = None) -> Tensor:
    """`affine` of every step of x (T, B, I): the rows of all steps are those of one matrix."""
    T, B, features = x.shape
    y = affine(x.reshape((T * B, features)), weight, b)
    return y.reshape((T, B, len(weight)))


def where(condition: npt.NDArray[np.bool_], a: Tensor, b: Operand) -> Tensor:
    """y = a where the constant condition holds, else b; all three broadcast.

    A cotangent follows the value it belongs to, and the other argument's is exactly 0 there. It
    is chosen, not multiplied by the condition: 0 * NaN would be NaN.
    """
    b = a.lift(b)
    shape = np.broadcast_shapes(condition.shape, a.shape, b.shape)
    a, b = a.broadcast_to(shape), b.broadcast_to(shape)
    return record(
        np.where(condition, a.value, b.value),
        (a, lambda g, y: where(condition, g, 0.0)),
        (b, lambda g, y: where(~condition, g, 0.0)),
    )


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """The Tensors one after another along the axis; each is given its own slice of g.

    Raises ValueError for no Tensors or shapes that differ elsewhere, TypeError for mixed dtypes.
    """
    if len(tensors) == 1:
        return tensors[0]
    tensors = [tensors[0].lift(tensor) for tensor in tensors]
    value = np.concatenate([tensor.value for tensor in tensors], axis=axis)
    before = (slice(None),) * (axis % value.ndim)
    ends = np.cumsum([tensor.shape[axis] for tensor in tensors]).tolist()
    slices = [(*before, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    return record(value, *zip(tensors, map(_at, slices), strict=True))


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors, of one shape, along a new first axis. Raises ValueError for no Tensors."""
    value = np.stack([tensor.value for tensor in tensors])
    return record(value, *zip(tensors, map(_at, range(len(tensors))), strict=True))


def unstack(x: Tensor) -> list[Tensor]:
    """[x[0], ..., x[T-1]]."""
    return [x.at(t) for t in range(len(x))]


def place(parts: Sequence[Part], shape: Shape) -> Tensor:
    """Zeros of the shape given, with each part's g added at its index: the transpose of indexing."""
    value = np.zeros(shape, parts[0].g.dtype)
    for g, index in parts:
        value[index] += g.value
    return record(value, *((g, _at(index)) for g, index in parts))


def _at(index: Index) -> VJP:
    return lambda g, y: g.at(index)
