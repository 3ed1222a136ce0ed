"""Cases whose arrays hold other numbers, and reading what a subject returns for them."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from rnncheck.case import Case
from rnncheck.implementation import Forward
from rnncheck.oracles.following.numbers import Objects, Unfollowed, converted
from rnncheck.spec import Shape


class ObjectCase(Case):
    """A case whose arrays hold numbers that are not floats, for somebody's code to run on."""

    kind: ClassVar[str] = "O"


def case_of(case: Case, convert: Callable[[str, Objects], Objects]) -> ObjectCase:
    """The case with every array but `lengths` converted to an array of objects."""
    made = {n: a if n == "lengths" else convert(n, a) for n, a in case.arrays()}
    parameters = {name: made.pop(name) for name in case.spec.parameter_shapes()}
    return ObjectCase(case.spec, parameters, origin=case.origin, **made)


def results(forward: Forward, case: Case, convert: Callable[[Any], Any]) -> dict[str, Objects]:
    """`output`, and `h_n` if it is given, as arrays of numbers; Unfollowed for a wrong shape."""
    shapes = case.spec.array_shapes(case.T, case.B)
    return {
        name: read_objects(value, name, shapes[name], convert)
        for name, value in forward._asdict().items()
        if value is not None
    }


def read_objects(value: object, what: str, shape: Shape, convert: Callable[[Any], Any]) -> Objects:
    """A result as an array of numbers of this shape. Raises Unfollowed if it is none."""
    array = converted(np.asarray(value, dtype=object), convert)
    if array.shape != shape:
        raise Unfollowed(f"{what} has shape {array.shape}, not {shape}")
    return array
