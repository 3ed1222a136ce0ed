"""Reading what a subject returned: an array of the right shape, or one clear message."""

import os
import sysconfig
import traceback
from collections.abc import Iterable

import numpy as np

from rnncheck.case import Array
from rnncheck.spec import Shape

Symptom = tuple[object, ...]


class SubjectError(Exception):
    """The subject did something from which no result can be read; the message says what.

    symptom: the same for every author's names and layout, so that two subjects can be compared: the
    message up to its details if nothing better is known.
    """

    def __init__(self, message: str, symptom: Symptom = ()) -> None:
        super().__init__(message)
        self.symptom = symptom or (message.partition(":")[0],)


class UsageError(Exception):
    """What the user asked for cannot be done; the message says why and what would work."""


def read_array(
    value: object, what: str, shape: Shape, axes: str = "", objects: bool = False, name: str = ""
) -> Array:
    """The value as a floating-point array of this shape.

    An empty array is taken for any empty shape: there is nothing in it to be wrong; and the number 0,
    which is what Python's `sum` makes of no steps, for zeros. objects:
    whether the subject was given arrays of objects or complex numbers, which it then may return. name: the
    canonical one, if `what` has another (an error's symptom is told by it; which axes were merged is part
    of it only where none has size 1, as all have that are the same without a batch axis).
    Raises SubjectError naming what was returned and what was expected.
    """
    expected = f"a NumPy array of shape {shape}" + (f" = ({axes})" if axes else "")
    if type(value) is int and value == 0:
        return np.zeros(shape)
    if not isinstance(value, np.ndarray | np.floating):
        raise SubjectError(f"{what} is {describe(value)}; expected {expected}")
    array = np.asarray(value)
    if array.dtype.kind not in ("fiucO" if objects else "fiu"):
        raise SubjectError(f"{what} is an array of {array.dtype}; expected {expected}, of floats")
    if array.shape != shape and not (array.size == 0 and 0 in shape):
        lost = len(shape) - array.ndim
        sizes = tuple(sorted(array.shape)) if lost and len(shape) == 3 and 1 not in shape else ()
        symptom = ("shape", name or what.rpartition(" ")[2], lost, array.size, *sizes)
        raise SubjectError(f"{what} has shape {array.shape}; expected {expected}", symptom)
    keeps = array.dtype.kind in "fcO"
    floats: Array = array.reshape(shape) if keeps else array.astype(np.float64)
    return floats


def lacking(names: Iterable[str]) -> Symptom:
    """The symptom of gradients that are not given: a second bias counts with the first."""
    return ("lacks", frozenset(name.replace("bias_hh", "bias_ih") for name in names))


def describe(value: object) -> str:
    """What a value is, in the words of a message."""
    if value is None:
        return "None (is a return statement missing?)"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, dict):
        return f"a dict with {', '.join(map(repr, value)) or 'nothing'}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"{type(value).__name__} {value!r}"[:120]


_OURS = os.path.dirname(os.path.abspath(__file__))
_LIBRARIES = (*(sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib")), _OURS)


def tell(error: BaseException, kind: bool = True) -> str:
    """An exception in one line: its type (if asked for), its text, the line of the subject's file."""
    try:
        text = str(error).partition("\n")[0]
    except Exception:
        text = "(its text cannot be had)"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not os.path.abspath(f.filename).startswith(_LIBRARIES)]
    where = (
        f" ({os.path.basename(theirs[-1].filename)}, line {theirs[-1].lineno})" if theirs else ""
    )
    words = [type(error).__name__] if kind or not text else []
    return ": ".join([*words, text] if text else words) + where
