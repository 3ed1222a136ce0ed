"""What gradcheck is given, read once: parameters as float64 arrays, or one clear message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnncheck.results import describe

Array = npt.NDArray[np.float64]
Arrays = dict[str, Array]
LossAndGradients = Callable[..., object]
Given = Mapping[str, object] | Sequence[object]


@dataclass(frozen=True)
class Parameters:
    """The parameters by name, and what they look like to the function.

    is_mapping: whether the function gets a dict, otherwise a list. numbers: the names of those
    that are given, and handed on, as a plain number.
    """

    arrays: Arrays
    is_mapping: bool
    numbers: frozenset[str]

    def place(self, name: str) -> str:
        """A parameter in the words of a message about the argument."""
        return f"parameters[{name!r}]" if self.is_mapping else name

    def gradient_place(self, name: str) -> str:
        """Its gradient in the words of a message about what the function returned."""
        return (
            f"gradients[{name!r}]" if self.is_mapping else name.replace("parameters", "gradients")
        )

    def copies(self, arrays: Arrays) -> dict[str, object] | list[object]:
        """Arrays (or numbers) as the function is to get them: memory of its own, every time."""
        new: dict[str, object] = {
            name: float(array) if name in self.numbers else np.array(array)
            for name, array in arrays.items()
        }
        return new if self.is_mapping else list(new.values())


def read_parameters(parameters: Given) -> Parameters:
    """Check the argument `parameters`. TypeError or ValueError, naming it and what it must be."""
    if isinstance(parameters, Mapping):
        given, is_mapping = dict(parameters), True
        for name in given:
            if not isinstance(name, str):
                raise TypeError(
                    f"the names of parameters must be strings; {name!r} is {describe(name)}"
                )
    elif isinstance(parameters, Sequence) and not isinstance(parameters, str | bytes):
        given = {f"parameters[{i}]": value for i, value in enumerate(parameters)}
        is_mapping = False
    else:
        raise TypeError(
            f"parameters is {describe(parameters)}; it must be a mapping from names to float64 arrays, "
            "or a list of them (for one array: [array])"
        )
    if not given:
        raise ValueError("parameters is empty: there is no gradient to check")
    places = {name: f"parameters[{name!r}]" if is_mapping else name for name in given}
    arrays = {name: _array(value, places[name]) for name, value in given.items()}
    numbers = frozenset(name for name, v in given.items() if isinstance(v, float | int))
    return Parameters(arrays, is_mapping, numbers)


def _array(value: object, place: str) -> Array:
    """A float64 copy of one parameter."""
    wanted = "it must be an array (or a number) of float64"
    if isinstance(value, bool) or not isinstance(value, np.ndarray | np.floating | float | int):
        raise TypeError(f"{place} is {describe(value)}; {wanted}")
    array = np.array(value, np.float64) if isinstance(value, int) else np.array(value)
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        raise TypeError(
            f"{place} is {array.dtype}; {wanted}: the steps of a difference drown in the rounding of "
            f"{array.dtype}. Convert it with .astype(numpy.float64), and let the function compute in it"
        )
    if array.dtype != np.float64:
        raise TypeError(
            f"{place} is {array.dtype}; {wanted}: convert it with .astype(numpy.float64)"
        )
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))[0].tolist()
        raise ValueError(
            f"{place} is not finite (first at {bad}): there is no derivative to check there"
        )
    return array


def read_entries(entries: int | None) -> int | None:
    """Check the argument `entries`."""
    if entries is None:
        return None
    if isinstance(entries, bool) or not isinstance(entries, int | np.integer):
        raise TypeError(
            f"entries is {describe(entries)}; it must be an integer (how many entries of each array to "
            "check), or None for all"
        )
    if entries < 1:
        raise ValueError(f"entries is {entries}; it must be at least 1, or None for all")
    return int(entries)
