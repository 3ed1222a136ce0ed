"""Nested lists as arrays: their shapes, and the checks of the arguments.

Nested lists cannot say every empty shape: (0, B, H) is `[]` whatever B and H are. Shapes are
therefore compared as far as the first size of 0.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from rnncheck.spec import RNNSpec, Shape, require_shape

A = TypeVar("A")
R = TypeVar("R")
Nested: TypeAlias = A | Sequence["Nested[A]"]
"""A number (or a `Value`), or a sequence of such, or a sequence of those, ..."""

Array2 = Sequence[Sequence[float]]
Array3 = Sequence[Array2]
Array4 = Sequence[Array3]
Rows = Sequence[Sequence[float]]


@runtime_checkable
class SupportsToList(Protocol):
    """Arrays, of NumPy, PyTorch, `array`, ..., all of which turn into nested lists."""

    def tolist(self) -> Nested[float]:
        """The elements in nested lists."""


ArrayLike: TypeAlias = Nested[float] | SupportsToList


def to_lists(array: ArrayLike) -> Nested[float]:
    """A fresh copy of `array` in nested lists."""
    return map_nested(float, array.tolist() if isinstance(array, SupportsToList) else array)


def map_nested(function: Callable[[A], R], nested: Nested[A]) -> Nested[R]:
    """`function` of every element, in lists nested like `nested`."""
    if isinstance(nested, Sequence):
        return [map_nested(function, item) for item in nested]
    return function(nested)


def elements(nested: Nested[A]) -> Iterator[A]:
    """Every element, in order."""
    if isinstance(nested, Sequence):
        for item in nested:
            yield from elements(item)
    else:
        yield nested


def full(shape: Shape, element: Callable[[], A]) -> Nested[A]:
    """Nested lists of this shape, filled in order, each element from a call of `element`."""
    if not shape:
        return element()
    return [full(shape[1:], element) for _ in range(shape[0])]


def shape_of(name: str, nested: object) -> Shape:
    """The shape of `nested`, down to its first size of 0.

    Raises ValueError, with this name, if lists side by side differ in shape.
    """
    if not isinstance(nested, Sequence):
        return ()
    shapes = {shape_of(name, item) for item in nested}
    if len(shapes) > 1:
        raise ValueError(f"{name} is ragged: in one list stand shapes {sorted(shapes)}")
    return (len(nested), *next(iter(shapes), ()))


def check_shape(name: str, nested: object, expected: Shape, meaning: str = "") -> None:
    """Raise `require_shape`'s ValueError unless `nested` has the shape `expected`."""
    if expected and plain_rows(nested, expected) is not None:
        return
    visible = expected[: expected.index(0) + 1] if 0 in expected else expected
    shape = shape_of(name, nested)
    if shape != visible:
        require_shape(name, shape, expected, meaning)


def plain_rows(nested: Any, shape: Shape) -> Rows | None:  # noqa: ANN401 - whatever somebody handed in
    """What stands on the last axis of an array of plain numbers, as nearly all are; or None.

    It is taken to pieces an axis at a time, which is much faster than number by number.
    """
    rows: list[Any] = []
    items: list[Any] = [nested]
    try:
        for size in shape:
            rows = items
            for row in rows:
                if len(row) != size:
                    return None
            items = [*chain.from_iterable(rows)]
    except TypeError:  # there are fewer axes
        return None
    types = set(map(type, items))
    if types <= {float}:
        return rows
    return [[*map(float, row)] for row in rows] if types <= {float, int} else None


def rows_of(name: str, nested: Nested[float], shape: Shape) -> Rows:
    """What stands on the last axis, in floats, row after row; maybe the very lists it came in.

    Raises `check_shape`'s ValueError.
    """
    rows = plain_rows(nested, shape)
    if rows is not None:
        return rows
    check_shape(name, nested, shape)
    numbers = map(float, elements(nested))
    return [[*islice(numbers, shape[-1])] for _ in range(math.prod(shape[:-1]))]


def check_parameters(spec: RNNSpec, parameters: Mapping[str, Nested[float]]) -> None:
    """Raise ValueError for a name that is missing or unknown, or a wrong shape."""
    shapes = spec.parameter_shapes()
    check_names(shapes, parameters)
    for name, shape in shapes.items():
        check_shape(name, parameters[name], shape)


def check_names(shapes: Mapping[str, Shape], parameters: Mapping[str, Nested[float]]) -> None:
    """Raise ValueError for a name that is missing or unknown."""
    if shapes.keys() != parameters.keys():
        for problem, names in (
            ("missing", [name for name in shapes if name not in parameters]),
            ("unknown", [name for name in parameters if name not in shapes]),
        ):
            if names:
                raise ValueError(f"{problem} parameters: {', '.join(names)}")


def check_arrays(spec: RNNSpec, T: int, B: int, **arrays: Nested[float] | None) -> None:
    """Raise ValueError for an array of another shape than `spec.array_shapes` has for its name."""
    shapes = spec.array_shapes(T, B)
    for name, array in arrays.items():
        if array is not None:
            check_shape(name, array, shapes[name])


def batch_size(h0: Array3) -> int:
    """B, from h0, as an x of no steps does not tell; 0 for what is no such array."""
    try:
        return len(h0[0])
    except (TypeError, LookupError):
        return 0


def lengths_of(spec: RNNSpec, lengths: Sequence[int] | None, T: int, B: int) -> Sequence[int]:
    """The number of steps of each row: `lengths`, or T for all.

    Raises ValueError unless they are B numbers, each within 0..T. Generated steps have to follow a
    given one, and the same one in every row: T, at least 1.
    """
    if spec.generated and T == 0:
        raise ValueError("x has no steps; generated steps need at least one before them")
    if lengths is None:
        return [T] * B
    check_shape("lengths", lengths, (B,), "batch")
    for b, n in enumerate(lengths):
        if not 0 <= n <= T:
            raise ValueError(f"lengths[{b}] is {n}; it must be within 0..{T}, the steps of x")
        if spec.generated and n < T:
            raise ValueError(
                f"lengths[{b}] is {n}; before generated steps it must be {T}, all of x"
            )
    return lengths
