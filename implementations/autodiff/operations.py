"""Functions of Tensors: the nonlinearities, the choice between two, and the joining of many.

As in `tensor`, a primitive's value stands beside its vector-Jacobian products; the others are
compositions of primitives, and need none.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .tensor import VJP, Operand, Tensor, record


def exp(x: Tensor) -> Tensor:
    """y = eˣ: dy = y dx."""
    return record(np.exp(x.value), (x, lambda g, y: g * y))


def log(x: Tensor) -> Tensor:
    """y = log x: dy = dx / x."""
    return record(np.log(x.value), (x, lambda g, y: g / x))


def tanh(x: Tensor) -> Tensor:
    """y = tanh x: dy = (1 - y²) dx."""
    return record(np.tanh(x.value), (x, lambda g, y: g * (1.0 - y * y)))


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
    tensors = [tensors[0].lift(tensor) for tensor in tensors]
    value = np.concatenate([tensor.value for tensor in tensors], axis=axis)
    before = (slice(None),) * (axis % value.ndim)
    ends = np.cumsum([tensor.shape[axis] for tensor in tensors]).tolist()

    def slice_of(start: int, end: int) -> VJP:
        return lambda g, y: g[(*before, slice(start, end))]

    vjps = map(slice_of, [0, *ends], ends)
    return record(value, *zip(tensors, vjps, strict=True))


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors, of one shape, along a new first axis. Raises ValueError for no Tensors.

    Joined in halves, as `unstack` parts them, and for its reason.
    """
    if not tensors:
        raise ValueError("stack needs at least one Tensor")
    if len(tensors) == 1:
        return tensors[0].reshape((1, *tensors[0].shape))
    half = len(tensors) // 2
    return concatenate([stack(tensors[:half]), stack(tensors[half:])])


def unstack(x: Tensor) -> list[Tensor]:
    """[x[0], ..., x[T-1]].

    The vjp of an index fills an array of x's size, so T of them cost T² in all. Parting x in
    halves, and these in halves, fills T per level and has log T levels: T log T.
    """
    if len(x) <= 1:
        return [x[t] for t in range(len(x))]
    half = len(x) // 2
    return unstack(x[:half]) + unstack(x[half:])
