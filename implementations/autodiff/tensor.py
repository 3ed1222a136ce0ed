"""`Tensor`: an array that remembers which Tensors it was computed from, and how.

Let y = f(a, b) and let g = ∂loss/∂y be y's cotangent. By the chain rule a's share of it is

    ∂loss/∂a = (∂y/∂a)ᵀ g,

a vector-Jacobian product (vjp). No Jacobian is ever formed: each operation below records, beside
its value, the function g ↦ (∂y/∂a)ᵀ g of each argument, and `sweep.gradient` calls these
functions from the last operation back to the first.

Every vjp is itself written in Tensor operations. A gradient is therefore a Tensor with a history
of its own, and can be differentiated again. What a vjp gives may
also be one of the `shares` that are summed later.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .shares import Index, Part, Product

Array: TypeAlias = npt.NDArray[np.floating]
Shape: TypeAlias = tuple[int, ...]
Operand: TypeAlias = "Tensor | float | Array"
Share: TypeAlias = "Tensor | Part | Product"
VJP: TypeAlias = Callable[["Tensor", "Tensor"], Share]  # (cotangent g of y, y) -> of a parent

_births = count()
_recording: ContextVar[bool] = ContextVar("_recording", default=True)


@contextmanager
def recording(on: bool) -> Iterator[None]:
    """Within the block, operations record their history (on) or only compute values (off)."""
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)


def record(value: npt.ArrayLike, *parents: tuple["Tensor", VJP]) -> "Tensor":
    """The Tensor y of an operation: its value; for each parent its vjp (g, y) ↦ (∂y/∂parent)ᵀ g.

    y is handed to the vjp, not closed over by it: a y that refers to itself would be a cycle, and
    whole graphs would wait for the garbage collector.
    """
    kept = tuple([pair for pair in parents if pair[0].tracked]) if _recording.get() else ()
    y = Tensor.__new__(Tensor)
    y._begin(np.asarray(value), kept, bool(kept))
    return y


class Tensor:
    """An array of floats and its place in the graph of computations.

    value: the array, read-only. parents: (Tensor, vjp) of each tracked argument; () for a leaf.
    tracked: whether gradients flow here; False for a constant. birth: later than its parents', so
    that the order of birth is the tape: played backwards, it meets each Tensor after all its uses.

    `Tensor(array)` is a leaf to differentiate by. The array is not copied and must not be written
    to while the graph is in use. Floats keep their precision; integers become float64. Operators
    broadcast as NumPy does; numbers and arrays among the operands become constants of the
    Tensor's dtype. Raises TypeError where Tensors of two dtypes meet.
    """

    __slots__ = ("__weakref__", "birth", "parents", "tracked", "value")
    __array_ufunc__ = None  # `array * tensor` must reach Tensor.__rmul__, not loop over elements

    def __init__(self, value: npt.ArrayLike, tracked: bool = True) -> None:
        """A leaf, or a constant."""
        array = np.asarray(value)
        if array.dtype.kind in "biu":
            array = array.astype(np.float64)
        self._begin(array.view(), (), tracked)  # the caller's own array stays as it is

    def _begin(
        self, array: Array, parents: tuple[tuple["Tensor", VJP], ...], tracked: bool
    ) -> None:
        array.flags.writeable = False
        self.value = array
        self.parents = parents
        self.tracked = tracked
        self.birth = next(_births)

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

    def lift(self, other: Operand) -> "Tensor":
        """The operand as a Tensor of this dtype; TypeError for a Tensor of another one."""
        if not isinstance(other, Tensor):
            return Tensor(np.asarray(other, dtype=self.dtype), tracked=False)
        if other.dtype != self.dtype:
            raise TypeError(f"one graph has one dtype; here {self.dtype} meets {other.dtype}")
        return other

    def _pair(self, other: Operand) -> tuple["Tensor", "Tensor"]:
        """Both operands in their common shape, so that no elementwise vjp has to undo it.

        A constant number may stay one: nobody asks for its vjp.
        """
        a, b = self, self.lift(other)
        if a.value.shape == b.value.shape or a._is_number() or b._is_number():
            return a, b
        shape = np.broadcast_shapes(a.shape, b.shape)
        return a.broadcast_to(shape), b.broadcast_to(shape)

    def _is_number(self) -> bool:
        return not self.tracked and self.value.ndim == 0

    # Elementwise arithmetic.

    def __add__(self, other: Operand) -> "Tensor":
        """y = a + b: dy = da + db, so each gets g."""
        a, b = self._pair(other)
        return record(a.value + b.value, (a, lambda g, y: g), (b, lambda g, y: g))

    def __sub__(self, other: Operand) -> "Tensor":
        """y = a - b: dy = da - db."""
        a, b = self._pair(other)
        return record(a.value - b.value, (a, lambda g, y: g), (b, lambda g, y: -g))

    def __mul__(self, other: Operand) -> "Tensor":
        """y = a b: dy = b da + a db."""
        a, b = self._pair(other)
        return record(a.value * b.value, (a, lambda g, y: g * b), (b, lambda g, y: g * a))

    def __truediv__(self, other: Operand) -> "Tensor":
        """y = a / b: y b = a, hence b dy + y db = da and dy = da / b - (y / b) db."""
        a, b = self._pair(other)
        return record(a.value / b.value, (a, lambda g, y: g / b), (b, lambda g, y: -(g * y / b)))

    def __neg__(self) -> "Tensor":
        """y = -a."""
        return record(-self.value, (self, lambda g, y: -g))

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

    # Linear algebra.

    def __matmul__(self, other: "Tensor") -> "Tensor":
        """y = a b for matrices: dy = da b + a db, <g, da b> = <g bᵀ, da>, <g, a db> = <aᵀ g, db>.

        Raises ValueError for operands that are not matrices.
        """
        a, b = self, self.lift(other)
        if len(a.shape) != 2 or len(b.shape) != 2:
            raise ValueError(f"@ takes two matrices, not shapes {a.shape} and {b.shape}")
        return record(a.value @ b.value, (a, lambda g, y: g @ b.T), (b, lambda g, y: Product(a, g)))

    @property
    def T(self) -> "Tensor":
        """The transpose: all axes reversed."""
        return record(self.value.T, (self, lambda g, y: g.T))

    # Shapes. Each of these is linear, y = A x, so its vjp is Aᵀ; they come in pairs A, Aᵀ.

    def reshape(self, shape: Shape) -> "Tensor":
        """The same elements in another shape; Aᵀ shapes them back."""
        return record(self.value.reshape(shape), (self, lambda g, y: g.reshape(self.shape)))

    def broadcast_to(self, shape: Shape) -> "Tensor":
        """Copies along new axes and axes of size 1; Aᵀ adds the copies' cotangents up."""
        if shape == self.shape:
            return self
        value = np.broadcast_to(self.value, shape)
        return record(value, (self, lambda g, y: g.sum_to(self.shape)))

    def sum_to(self, shape: Shape) -> "Tensor":
        """The sum over what `broadcast_to` copies from `shape`: its transpose, and vice versa."""
        if shape == self.shape:
            return self
        new = len(self.shape) - len(shape)
        copied = (new + i for i, n in enumerate(shape) if n == 1 and self.shape[new + i] != 1)
        value = self.value.sum(axis=(*range(new), *copied), keepdims=True).reshape(shape)
        return record(value, (self, lambda g, y: g.broadcast_to(self.shape)))

    def sum(self, axis: int | None = None, keepdims: bool = False) -> "Tensor":
        """The sum over one axis, or over all of them; IndexError for an axis that is not there."""
        kept = [1] * len(self.shape) if axis is None else list(self.shape)
        if axis is not None:
            kept[axis] = 1
        total = self.sum_to(tuple(kept))
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
        return self.at(index)

    def at(self, index: Index) -> "Tensor":
        """x[index], for an index that is known to be one of integers and slices."""
        return record(self.value[index], (self, lambda g, y: Part(g, index)))
