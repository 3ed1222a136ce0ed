"""What a number must offer to be taken for a NumPy float by code that was written for floats."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Objects: TypeAlias = npt.NDArray[Any]
"""An array of dtype object."""

Result = TypeVar("Result")
Operand: TypeAlias = "Number | float | int | np.generic"


class Unfollowed(Exception):
    """The code does something that these numbers cannot do; the message says what."""


class ControlFlow(Exception):
    """Raised by numbers to end a run and make it again in another way; no fault of the code."""


class Number(ABC):
    """A number with a float's operators and a NumPy scalar's attributes; immutable.

    What a subclass defines: `lift`, the four operations on its own kind, `order`, and the functions.
    It cannot become a float: what came of it then would be followed no further.
    """

    __slots__ = ()
    dtype: ClassVar[np.dtype[Any]] = np.dtype(object)
    shape: ClassVar[tuple[int, ...]] = ()
    ndim: ClassVar[int] = 0
    size: ClassVar[int] = 1

    @abstractmethod
    def lift(self, other: object) -> Any:  # noqa: ANN401 - its own kind, or NotImplemented
        """A plain number as one of this kind; NotImplemented for anything else."""

    @abstractmethod
    def order(self, other: object, relation: str) -> int:
        """-1, 0 or 1: whether this number is less than, equal to or greater than the other."""

    @abstractmethod
    def approximate(self) -> float:
        """A float near it, to be shown or to decide on; nothing may be computed from it."""

    # What NumPy's scalars have.

    @property
    def T(self) -> "Number":
        """A scalar is its own transpose."""
        return self

    @property
    def real(self) -> "Number":
        """All of these numbers are real."""
        return self

    def item(self) -> "Number":
        """The number itself."""
        return self

    def sum(self, *args: object, **kwargs: object) -> "Number":
        """The sum of one number."""
        return self

    mean = max = min = copy = conjugate = squeeze = ravel = sum

    def astype(self, dtype: npt.DTypeLike, *args: object, **kwargs: object) -> "Number":
        """Itself: whatever precision is asked for, it is exact."""
        return self

    def any(self) -> bool:
        """Whether it is not 0."""
        return bool(self)

    all = any

    def reshape(self, *shape: Any, **kwargs: object) -> Objects:  # noqa: ANN401 - NumPy's
        """An array of one."""
        return as_array(self).reshape(*shape)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - NumPy's own
        """NumPy's scalars take `[()]`, `[None]` and `[...]`."""
        return as_array(self)[index]

    # Order.

    def __lt__(self, other: object) -> bool:
        """Whether it is less."""
        return self.order(other, "<") < 0

    def __le__(self, other: object) -> bool:
        """Whether it is less or equal."""
        return self.order(other, "<=") <= 0

    def __gt__(self, other: object) -> bool:
        """Whether it is greater."""
        return self.order(other, ">") > 0

    def __ge__(self, other: object) -> bool:
        """Whether it is greater or equal."""
        return self.order(other, ">=") >= 0

    def __eq__(self, other: object) -> bool:
        """Whether it is equal; never to what is no number."""
        return self.lift(other) is not NotImplemented and self.order(other, "==") == 0

    def __ne__(self, other: object) -> bool:
        """Whether it is not equal."""
        return not self == other

    def __bool__(self) -> bool:
        """Whether it is not 0."""
        return self.order(0, "!= 0") != 0

    __hash__ = None  # type: ignore[assignment]  # equality is not decided by identity

    def __abs__(self) -> Any:  # noqa: ANN401 - its own kind
        """Its distance from 0."""
        return -self if self.order(0, "abs") < 0 else self  # type: ignore[operator]

    def __copy__(self) -> "Number":
        """Itself: it is immutable."""
        return self

    def __deepcopy__(self, memo: object) -> "Number":
        """Itself: a copy of the run it belongs to would have oracles of its own."""
        return self

    def __pos__(self) -> "Number":
        """Itself."""
        return self

    # What it cannot become.

    def __float__(self) -> float:
        """Raises Unfollowed."""
        raise Unfollowed("a value is turned into a float, where it cannot be followed")

    def __int__(self) -> int:
        """Raises Unfollowed."""
        raise Unfollowed("a value is turned into an int, where it cannot be followed")

    __index__ = __int__

    def __round__(self, digits: int | None = None) -> float:
        """Raises Unfollowed."""
        raise Unfollowed("a value is rounded")

    def __format__(self, spec: str) -> str:
        """As the float near it: what is printed is not computed with."""
        return format(self.approximate(), spec)

    def __repr__(self) -> str:
        """As the float near it."""
        return repr(self.approximate())


def as_array(number: object) -> Objects:
    """An array without axes that holds one object."""
    array = np.empty((), dtype=object)
    array[()] = number
    return array


class CastArray(np.ndarray[Any, Any]):
    """An array of objects that stays one whatever float type its method `astype` is told by name."""

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
        """A copy, if it is a floating type."""
        if np.dtype(dtype).kind in "fO":
            return self.copy()
        return super().astype(dtype, *args, **kwargs)


_array_type: ContextVar[type[Objects]] = ContextVar("_array_type", default=np.ndarray)


def either_way(run: Callable[[], Result]) -> Result:
    """Run code on plain arrays of objects, and if it cannot be followed, on `CastArray`s.

    Plain ones first: code may ask whether `type(x) is np.ndarray`. Raises Unfollowed with the
    reason of the first run if neither will do.
    """
    try:
        return run()
    except Unfollowed as reason:
        token = _array_type.set(CastArray)
        try:
            return run()
        except Unfollowed:
            raise reason from None
        finally:
            _array_type.reset(token)


def converted(values: object, convert: Callable[[Any], object]) -> Objects:
    """Every entry of an array (or a number, or nested lists) that is no Number, converted."""
    array = np.asarray(values, dtype=object)
    flat = [v if isinstance(v, Number) else convert(v) for v in array.ravel()]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(array.shape).view(_array_type.get())


def plain(number: object) -> float | int | None:
    """A Python or NumPy number (or an array of one) as a Python number; None for anything else."""
    if isinstance(number, bool | int | float):
        return number
    if isinstance(number, np.ndarray) and number.size == 1 and number.dtype != object:
        number = number.reshape(())[()]
    if isinstance(number, np.floating):
        return float(number)
    if isinstance(number, np.integer | np.bool_):
        return operator.index(int(number))
    return None
