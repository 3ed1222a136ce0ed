"""`Tensor`: an array that remembers which Tensors it was computed from, and how.

Let y = f(a, b) and let g = ∂loss/∂y be y's cotangent. By the chain rule a's share of it is

    ∂loss/∂a = (∂y/∂a)ᵀ g,

a vector-Jacobian product (vjp). No Jacobian is ever formed: each operation below has, beside its
value, the function (g, y, a, b) ↦ (∂y/∂a)ᵀ g of each argument, and `sweep.gradient` calls these
functions from the last operation back to the first.

Every vjp is written in what arrays and Tensors have in common, and is handed either the ones or
the others. From arrays it computes an array, and nothing is recorded. From Tensors it computes a
Tensor with a history of its own: a gradient that can be differentiated again. What a vjp gives may
also be one of the `shares` that are summed later.

A vjp is handed all it needs, and closes over nothing. So there is one function for all Tensors of
a kind, and what is kept of an operation is a Tensor and the tuple of its parents. Python's garbage
collector goes through all objects again and again that refer to others: with a handful of functions
for every operation, it would take longer over a long sequence than the arithmetic does.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from .shares import Index, Part, Product

Array: TypeAlias = npt.NDArray[np.floating]
Shape: TypeAlias = tuple[int, ...]
Operand: TypeAlias = "Tensor | float | Array"
Share: TypeAlias = "Tensor | Array | Part | Product"
Either = TypeVar("Either", "Tensor", Array)
"""What goes into a vjp, and what comes out: always the one or always the other."""

VJP: TypeAlias = Callable[..., Share]
"""(cotangent g of y, y, the parents of y, what else it was computed from) -> a parent's share."""
VJPs: TypeAlias = Sequence[VJP | Index]
"""One of each parent; an index stands for g ↦ g[index], where y is made of its parents' entries."""

_births = count()
_new = object.__new__


def record(
    value: npt.ArrayLike, parents: tuple["Tensor", ...], vjps: VJPs, *others: object
) -> "Tensor":
    """The Tensor y of an operation: its value, the Tensors it was computed from, the vjp of each.

    others: whatever else the vjps are handed, after the parents.
    """
    y = _new(Tensor)
    y.value = array = np.asarray(value)
    array.setflags(False)  # type: ignore[call-arg]  # read-only; naming it takes as long again
    y.birth = next(_births)
    for parent in parents:
        if parent.tracked:
            y.tracked = True
            y.parents = parents
            y.vjps = vjps
            y.others = others
            return y
    y.tracked = False
    y.parents = y.vjps = y.others = ()
    return y


# The vjps of the operations of class Tensor, where each says why its are right.
PLUS: VJPs = (lambda g, y, a, b: g, lambda g, y, a, b: g)
MINUS: VJPs = (lambda g, y, a, b: g, lambda g, y, a, b: -g)
TIMES: VJPs = (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
OVER: VJPs = (lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * y / b))
NEGATE: VJPs = (lambda g, y, a: -g,)
DOT: VJPs = (lambda g, y, a, b: g.dot(b.T), lambda g, y, a, b: Product(a, g))
TRANSPOSE: VJPs = (lambda g, y, x: g.T,)
RESHAPE: VJPs = (lambda g, y, x: g.reshape(x.shape),)
SAME: VJPs = (lambda g, y, x: g,)
AT: VJPs = (lambda g, y, x, index: Part(g, index),)


class Tensor:
    """An array of floats and its place in the graph of computations.

    value: the array, read-only. parents: the Tensors that it was computed from, vjps: of each, its
    vjp, others: what else those need; all () for a leaf or a constant. tracked: whether gradients
    flow here; False for a constant. birth: later than its parents', so that the order of birth is
    the tape: played backwards, it meets each Tensor after all its uses.

    `Tensor(array)` is a leaf to differentiate by. The array is not copied and must not be written
    to while the graph is in use. Floats keep their precision; integers become float64. Operators
    broadcast as NumPy does; numbers and arrays among the operands become constants of the
    Tensor's dtype. Raises TypeError where Tensors of two dtypes meet.
    """

    __slots__ = ("__weakref__", "birth", "others", "parents", "tracked", "value", "vjps")
    __array_ufunc__ = None  # `array * tensor` must reach Tensor.__rmul__, not loop over elements

    value: Array
    parents: tuple["Tensor", ...]
    vjps: VJPs
    others: tuple[Any, ...]
    tracked: bool
    birth: int

    def __init__(self, value: npt.ArrayLike, tracked: bool = True) -> None:
        """A leaf, or a constant."""
        array = np.asarray(value)
        if array.dtype.kind in "biu":
            array = array.astype(np.float64)
        self.value = array.view()  # the caller's own array can still be written to
        self.value.setflags(write=False)
        self.birth = next(_births)
        self.tracked, self.parents, self.vjps, self.others = tracked, (), (), ()

    @property
    def shape(self) -> Shape:
        """The shape of the array."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The dtype of the array."""
        return self.value.dtype

    def __repr__(self) -> str:
        """The value, and whether it is tracked."""
        return f"Tensor({self.value!r}, tracked={self.tracked})"

    def __len__(self) -> int:
        """The length of the first axis."""
        return len(self.value)

    def detach(self) -> "Tensor":
        """The same value as a constant: no gradient flows through it."""
        return Tensor(self.value, tracked=False)

    def with_value(self, value: Array) -> "Tensor":
        """y = x, but for the rounding of its value: dy = dx."""
        return record(value.view(), (self,), SAME)

    def lift(self, other: Operand) -> "Tensor":
        """The operand as a Tensor of this dtype; TypeError for a Tensor of another one."""
        dtype = self.value.dtype
        if not isinstance(other, Tensor):
            return Tensor(np.asarray(other, dtype), tracked=False)
        if other.value.dtype != dtype:
            raise TypeError(f"one graph has one dtype; here {dtype} meets {other.dtype}")
        return other

    def _pair(self, other: Operand) -> tuple["Tensor", "Tensor"]:
        """Both operands in their common shape, so that no elementwise vjp has to undo it.

        A constant number may stay one: nobody asks for its vjp.
        """
        a, b = self, self.lift(other)
        if a.value.shape == b.value.shape or a._is_number() or b._is_number():
            return a, b
        shape = np.broadcast_shapes(a.shape, b.shape)
        return broadcast_to(a, shape), broadcast_to(b, shape)

    def _is_number(self) -> bool:
        return not self.tracked and self.value.ndim == 0

    # Elementwise arithmetic.

    def __add__(self, other: Operand) -> "Tensor":
        """y = a + b: dy = da + db, so each gets g."""
        a, b = self._pair(other)
        return record(a.value + b.value, (a, b), PLUS)

    def __sub__(self, other: Operand) -> "Tensor":
        """y = a - b: dy = da - db."""
        a, b = self._pair(other)
        return record(a.value - b.value, (a, b), MINUS)

    def __mul__(self, other: Operand) -> "Tensor":
        """y = a b: dy = b da + a db."""
        a, b = self._pair(other)
        return record(a.value * b.value, (a, b), TIMES)

    def __truediv__(self, other: Operand) -> "Tensor":
        """y = a / b: y b = a, hence b dy + y db = da and dy = da / b - (y / b) db."""
        a, b = self._pair(other)
        return record(a.value / b.value, (a, b), OVER)

    def __neg__(self) -> "Tensor":
        """y = -a."""
        return record(-self.value, (self,), NEGATE)

    def __radd__(self, other: float | Array) -> "Tensor":
        """Number or array + Tensor."""
        return self + other

    def __rmul__(self, other: float | Array) -> "Tensor":
        """Number or array * Tensor."""
        return self * other

    def __rsub__(self, other: float | Array) -> "Tensor":
        """Number or array - Tensor."""
        return self.lift(other) - self

    def __rtruediv__(self, other: float | Array) -> "Tensor":
        """Number or array / Tensor."""
        return self.lift(other) / self

    # Linear algebra. For small matrices NumPy's `dot` takes less than half the time of its `@`.

    def dot(self, other: "Tensor") -> "Tensor":
        """y = a b for matrices: dy = da b + a db, <g, da b> = <g bᵀ, da>, <g, a db> = <aᵀ g, db>.

        Raises ValueError for operands that are not matrices.
        """
        a, b = self, self.lift(other)
        if a.value.ndim != 2 or b.value.ndim != 2:
            raise ValueError(f"@ takes two matrices, not shapes {a.shape} and {b.shape}")
        return record(a.value.dot(b.value), (a, b), DOT)

    __matmul__ = dot

    @property
    def T(self) -> "Tensor":
        """The transpose: all axes reversed."""
        return record(self.value.T, (self,), TRANSPOSE)

    # Shapes. Each of these is linear, y = A x, so its vjp is Aᵀ; they come in pairs A, Aᵀ.

    def reshape(self, shape: Shape) -> "Tensor":
        """The same elements in another shape; Aᵀ shapes them back."""
        return record(self.value.reshape(shape), (self,), RESHAPE)

    def broadcast_to(self, shape: Shape) -> "Tensor":
        """See the function `broadcast_to`."""
        return broadcast_to(self, shape)

    def sum_to(self, shape: Shape) -> "Tensor":
        """See the function `sum_to`."""
        return sum_to(self, shape)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> "Tensor":
        """The sum over one axis, or over all of them; IndexError for an axis that is not there."""
        kept = [1] * len(self.shape) if axis is None else list(self.shape)
        if axis is not None:
            kept[axis] = 1
        total = sum_to(self, tuple(kept))
        if keepdims:
            return total
        return total.reshape(() if axis is None else self.shape[:axis] + self.shape[axis:][1:])

    def __getitem__(self, index: Index) -> "Tensor":
        """x[index] for integers and slices; Aᵀ places g at the index, among zeros.

        Raises TypeError for an array as index: it could name a place twice, and `place` would not
        add the two.
        """
        parts = index if isinstance(index, tuple) else (index,)
        if not all(isinstance(part, int | slice) for part in parts):
            raise TypeError(f"a Tensor is indexed by integers and slices, not by {index!r}")
        return record(self.value[index], (self,), AT, index)


# Functions of a Tensor or an array, for the vjps: an array has no such methods.

BROADCAST: VJPs = (lambda g, y, x: sum_to(g, x.shape),)
SUM: VJPs = (lambda g, y, x: broadcast_to(g, x.shape),)


def broadcast_to(x: Either, shape: Shape) -> Either:
    """Copies along new axes and axes of size 1; Aᵀ adds the copies' cotangents up."""
    if shape == x.shape:
        return x
    if isinstance(x, Tensor):
        return record(np.broadcast_to(x.value, shape), (x,), BROADCAST)
    return np.broadcast_to(x, shape)


def sum_to(x: Either, shape: Shape) -> Either:
    """The sum over what `broadcast_to` copies from `shape`: its transpose, and vice versa."""
    if shape == x.shape:
        return x
    if isinstance(x, Tensor):
        return record(_sum_to(x.value, shape), (x,), SUM)
    return _sum_to(x, shape)


def _sum_to(array: Array, shape: Shape) -> Array:
    new = len(array.shape) - len(shape)
    copied = (new + i for i, n in enumerate(shape) if n == 1 and array.shape[new + i] != 1)
    total: Array = array.sum(axis=(*range(new), *copied), keepdims=True)
    return total.reshape(shape)
