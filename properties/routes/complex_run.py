"""A subject's own forward pass at a complex argument: the derivative along a direction, all at once."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.differences.complex_step import STEP
from rnncheck.oracles.following.reach import Reach
from rnncheck.properties.outcome import NotApplicable
from rnncheck.properties.trial import Trial
from rnncheck.results import tell


class ComplexCase(Case):
    """A case whose arrays hold complex numbers, for code that takes them."""

    kind: ClassVar[str] = "c"


def tangents(trial: Trial, along: Mapping[str, Array]) -> dict[str, Array]:
    """J v = Im f(θ + i·h·v) / h for `output`, and `h_n` if it is given, at h = 1e-30.

    along: v, by the names of the arrays that move. Whatever the subject remembers of the complex
    numbers is forgotten afterwards. Raises NotApplicable with the reason if its code does not take
    complex numbers, or gives none back.
    """
    case = _moved(trial.case, along)
    try:
        with _put_back(trial.subject), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            forward = trial.subject.forward(case)
    except (Exception, SystemExit) as error:
        raise NotApplicable(f"its code does not run on complex numbers: {tell(error)}") from None
    shapes = case.spec.array_shapes(case.T, case.B)
    given = {name: v for name, v in forward._asdict().items() if v is not None}
    return {name: _imaginary(name, value, shapes[name]) for name, value in given.items()}


@contextmanager
def _put_back(subject: object) -> Iterator[None]:
    """After the block, whatever the subject's code has written to its own state is as it was."""
    reach = Reach()
    reach.visit(subject)
    with ExitStack() as stack:
        for restore in reach.snapshots():
            stack.callback(restore)
        yield


def _moved(case: Case, along: Mapping[str, Array]) -> ComplexCase:
    """θ + i·h·v; a real number's imaginary part is 0."""
    made: dict[str, Any] = {}
    for name, array in case.arrays():
        made[name] = array if name == "lengths" else array.astype(np.complex128)
        if name in along:
            made[name].imag = STEP * along[name]
    parameters = {name: made.pop(name) for name in case.spec.parameter_shapes()}
    return ComplexCase(case.spec, parameters, origin=case.origin, **made)


def _imaginary(name: str, value: object, shape: tuple[int, ...]) -> Array:
    array = np.asarray(value)
    if array.dtype.kind != "c" or array.shape != shape:
        raise NotApplicable(f"{name} of complex numbers is {array.dtype}: it drops imaginary parts")
    found: Array = array.imag / STEP
    if not np.isfinite(found).all():
        raise NotApplicable(f"{name} of complex numbers is not finite")
    return found
