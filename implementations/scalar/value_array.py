"""`ValueArray`: an n-dimensional container of `Value`s. It holds them, and does no arithmetic."""

import random
from collections.abc import Iterator, Sequence
from copy import copy
from importlib import import_module
from itertools import count, product
from typing import TYPE_CHECKING, Self, TypeAlias

from rnncheck.implementations.scalar.nested import (
    ArrayLike,
    Nested,
    SupportsToList,
    check_shape,
    elements,
    full,
    map_nested,
    shape_of,
    to_lists,
)
from rnncheck.implementations.scalar.value import Value
from rnncheck.spec import Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Index = int | slice
Entries: TypeAlias = "Nested[Value | float] | SupportsToList | ValueArray"


class ValueArray:
    """Values in rows and columns, and on as many axes as there are; those of one shape.

    entries: nested lists of numbers or Values. label: the number at [i, j] becomes a new Value
    of the label `{label}_{i}_{j}`; a Value stays the very same. shape: what the lists cannot say
    where a size is 0. Raises ValueError for ragged lists, or another shape than that.

    `array[i]`, `array[i, j]`, `array[1:, 0]`, ... is one Value, if every axis is given a number,
    or else a view: setting its elements sets those of the array.
    """

    def __init__(
        self, entries: Nested[Value | float], label: str = "", shape: Shape | None = None
    ) -> None:
        """Put the entries in, row after row."""
        if shape is not None:
            check_shape("entries", entries, shape)
        self.label = label
        self.shape = shape_of("entries", entries) if shape is None else shape
        indices = product(*map(range, self.shape))
        flat: Iterator[Value | float] = elements(entries)
        self._storage = [
            _as_value(entry, "_".join([label, *map(str, index)]) if label else "")
            for entry, index in zip(flat, indices, strict=True)
        ]
        self._places: Sequence[int] = range(len(self._storage))

    @classmethod
    def zeros(cls, shape: Shape, label: str = "") -> Self:
        """An array of this shape, each element 0."""
        return cls(full(shape, float), label, shape)

    @classmethod
    def random_normal(
        cls, shape: Shape, mean: float, std: float, rng: random.Random, label: str = ""
    ) -> Self:
        """An array of this shape, each element drawn from the normal distribution N(mean, std²)."""
        return cls(full(shape, lambda: rng.gauss(mean, std)), label, shape)

    @classmethod
    def random_uniform(
        cls, shape: Shape, low: float, high: float, rng: random.Random, label: str = ""
    ) -> Self:
        """An array of this shape, each element uniform in low..high."""
        return cls(full(shape, lambda: rng.uniform(low, high)), label, shape)

    @classmethod
    def from_numpy(cls, array: ArrayLike, label: str = "") -> Self:
        """The numbers of `array`: a NumPy array, or anything with `tolist()`, or nested lists."""
        shape: Shape | None = getattr(array, "shape", None)
        return cls(to_lists(array), label, None if shape is None else tuple(shape))

    def to_numpy(self) -> "NDArray[np.float64]":
        """The numbers as a NumPy array of float64. Raises ImportError without NumPy."""
        numpy = import_module("numpy")  # here and by name: nothing else of `scalar` needs it
        array: NDArray[np.float64] = numpy.array([value.data for value in self.flatten()], float)
        return array.reshape(self.shape)

    def to_list(self) -> Nested[float]:
        """The numbers in nested lists."""
        return map_nested(lambda value: value.data, self.values)

    @property
    def values(self) -> Nested[Value]:
        """The Values in nested lists."""
        return full(self.shape, iter(self.flatten()).__next__)

    def flatten(self) -> list[Value]:
        """The Values in one list, the last index running fastest."""
        return [self._storage[place] for place in self._places]

    def dim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        """The size of the first axis."""
        if not self.shape:
            raise TypeError("an array without axes has no len()")
        return self.shape[0]

    def __iter__(self) -> "Iterator[Value | ValueArray]":
        """`array[0], array[1], ...`."""
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Index | tuple[Index, ...]) -> "Value | ValueArray":
        """One Value, or a view. IndexError for an index out of range, or too many of them."""
        shape, places = self._select(key)
        if not shape:
            return self._storage[places[0]]
        view = copy(self)
        view.shape, view._places = shape, places
        return view

    def __setitem__(self, key: Index | tuple[Index, ...], entries: Entries) -> None:
        """Put in other Values, or numbers, which become new Values with the labels of the old.

        One number (or Value) goes to every place; else ValueError, unless the shapes are equal.
        """
        shape, places = self._select(key)
        if isinstance(entries, ValueArray):
            entries = entries.values
        elif isinstance(entries, SupportsToList):
            entries = entries.tolist()
        new: list[Value | float] = list(elements(entries))
        if isinstance(entries, Sequence):
            check_shape("entries", entries, shape)
        else:
            new *= len(places)
        values = [
            _as_value(entry, self._storage[place].label)
            for entry, place in zip(new, places, strict=True)
        ]
        for place, value in zip(places, values, strict=True):
            self._storage[place] = value

    def __repr__(self) -> str:
        """The label, the shape, and the numbers to six digits, a row a line."""
        label = f"{self.label!r}, " if self.label else ""
        space = "\n  " if self.dim() > 1 else " "
        return f"ValueArray({label}shape={self.shape},{space}{_brackets(self.to_list(), '   ')})"

    def _select(self, key: Index | tuple[Index, ...]) -> tuple[Shape, list[int]]:
        """The shape of what `key` selects, and the places of its elements in the storage."""
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > self.dim():
            raise IndexError(f"{len(keys)} indices for an array of {self.dim()} axes")
        keys += (slice(None),) * (self.dim() - len(keys))
        picked = [_pick(*triple) for triple in zip(count(), self.shape, keys, strict=False)]
        shape = tuple(len(indices) for indices in picked if isinstance(indices, range))
        places = []
        for index in product(*([i] if isinstance(i, int) else i for i in picked)):
            offset = 0
            for size, i in zip(self.shape, index, strict=True):
                offset = offset * size + i
            places.append(self._places[offset])
        return shape, places


def _pick(axis: int, size: int, key: Index) -> int | range:
    """The index or the indices that `key` picks from an axis of this size, counted from 0."""
    try:
        return range(size)[key]
    except IndexError:
        message = f"index {key} is out of range for axis {axis} of size {size}"
        raise IndexError(message) from None


def _as_value(entry: Value | float, label: str) -> Value:
    return entry if isinstance(entry, Value) else Value(entry, label=label)


def _brackets(numbers: Nested[float], indent: str) -> str:
    """Nested lists as text, an innermost list a line."""
    if not isinstance(numbers, Sequence):
        return f"{numbers:.6g}"
    parts = [_brackets(item, indent + " ") for item in numbers]
    nested = any(isinstance(item, Sequence) for item in numbers)
    return "[" + (f",\n{indent}" if nested else ", ").join(parts) + "]"
