"""The function under test, called with copies; what it returns, read or told in one message."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnncheck.black_box.arguments import Array, Arrays, LossAndGradients, Parameters
from rnncheck.results import SubjectError, describe


@dataclass(frozen=True)
class Values:
    """What one call gave: the loss, and a gradient for every parameter."""

    loss: float
    gradients: Arrays


class _Raised(Exception):
    """The function raised; its exception is the cause."""


class Function:
    """`loss_and_gradients` at any parameters; `calls` counts its calls, `seconds` is their time."""

    def __init__(self, subject: LossAndGradients, parameters: Parameters, name: str) -> None:
        self.subject, self.parameters, self.name = subject, parameters, name
        self.calls = 0
        self.seconds = 0.0
        self.outside: str | None = None

    def at(self, arrays: Arrays) -> Values:
        """Call it. SubjectError if it raises or returns anything that cannot be read."""
        try:
            return self._call(arrays)
        except _Raised as error:
            raise SubjectError(f"{self.name} raised {error}") from error.__cause__

    def near(self, arrays: Arrays) -> Values:
        """`at`, where the function need not be defined: NaN if it raises what mathematics raises.

        Differences move the parameters, by a 32nd of max(|x|, 1) at most, maybe to where a
        logarithm has no value: ArithmeticError, ValueError and warnings raised as errors are taken
        for that, and the first is kept in `outside`. NumPy's own warnings are off: it is not the
        caller who went there.
        """
        try:
            with np.errstate(all="ignore"):
                return self._call(arrays)
        except _Raised as error:
            if not isinstance(error.__cause__, ArithmeticError | ValueError | Warning):
                raise SubjectError(
                    f"{self.name} raised {error}, not at the parameters given but at others close by"
                ) from error.__cause__
            self.outside = self.outside or str(error)
            shapes = {name: array.shape for name, array in self.parameters.arrays.items()}
            return Values(np.nan, {name: np.full(shape, np.nan) for name, shape in shapes.items()})

    def _call(self, arrays: Arrays) -> Values:
        self.calls += 1
        start = time.perf_counter()
        try:
            result = self.subject(self.parameters.copies(arrays))
        except Exception as error:
            message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise _Raised(message) from error
        finally:
            self.seconds += time.perf_counter() - start
        loss, gradients = self._pair(result)
        return Values(self._loss(loss), self._gradients(gradients))

    def _pair(self, result: object) -> tuple[object, object]:
        if isinstance(result, tuple | list) and len(result) == 2:
            return result[0], result[1]
        more = ""
        if isinstance(result, tuple | list) and len(result) > 2:
            more = " (if it returns more, hand in a function of your own that picks the two)"
        raise SubjectError(
            f"{self.name} returned {describe(result)}; expected the pair (loss, gradients){more}"
        )

    def _loss(self, loss: object) -> float:
        what = f"the loss that {self.name} returned"
        if isinstance(loss, np.ndarray):
            if loss.size != 1:
                raise SubjectError(
                    f"{what} is {describe(loss)}; expected one number: sum it, or take <cotangent, it>"
                )
            loss = loss.reshape(())[()]
        _reject_coarse(loss, what)
        if loss is None or isinstance(loss, str | bytes):
            raise SubjectError(f"{what} is {describe(loss)}; expected one number")
        try:
            # A torch scalar that still has its graph warns in float(), not in item().
            return float(loss.item() if hasattr(loss, "item") else loss)  # type: ignore[arg-type]
        except Exception as error:
            raise SubjectError(f"{what} is {describe(loss)}; expected one number") from error

    def _gradients(self, gradients: object) -> Arrays:
        names = list(self.parameters.arrays)
        if self.parameters.is_mapping:
            if not isinstance(gradients, Mapping):
                raise SubjectError(
                    f"the gradients that {self.name} returned are {describe(gradients)}; expected a "
                    f"mapping with the names of the parameters: {_list(names)}"
                )
            missing = [name for name in names if name not in gradients]
            if missing:
                raise SubjectError(
                    f"the gradients that {self.name} returned have no {_list(missing)}: they have "
                    f"{_list(list(gradients)) or 'nothing'}; expected one for each parameter, under "
                    "the same name (leave out of parameters what is not to be checked)"
                )
            found = {name: gradients[name] for name in names}
        else:
            if not isinstance(gradients, Sequence | np.ndarray) or len(gradients) < len(names):
                raise SubjectError(
                    f"the gradients that {self.name} returned are {describe(gradients)}; expected a "
                    f"list of {len(names)}, in the order of the parameters"
                )
            found = dict(zip(names, gradients, strict=False))
        return {name: self._gradient(name, value) for name, value in found.items()}

    def _gradient(self, name: str, value: object) -> Array:
        what = f"{self.parameters.gradient_place(name)} that {self.name} returned"
        shape = self.parameters.arrays[name].shape
        expected = f"expected an array of float64 of shape {shape}, that of the parameter"
        if value is None:
            raise SubjectError(f"{what} is None: it was never computed; {expected}")
        try:
            array = np.array(value)
        except Exception as error:
            raise SubjectError(f"{what} is {describe(value)}; {expected}") from error
        if array.dtype.kind not in "fiu":
            raise SubjectError(f"{what} is {describe(value)} of {array.dtype}; {expected}")
        if array.shape != shape:
            turned = array.ndim > 1 and array.shape == shape[::-1]
            hint = " (the transpose of what it should be?)" if turned else ""
            raise SubjectError(f"{what} has shape {array.shape}; {expected}{hint}")
        _reject_coarse(array, what)
        return array.astype(np.float64)


def _reject_coarse(value: object, what: str) -> None:
    """SubjectError for float32 and less: its rounding is 2²⁹ times what float64 has."""
    dtype = getattr(value, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize < 8:
        raise SubjectError(
            f"{what} is {dtype}; gradcheck needs float64 throughout: let the function compute in the "
            "dtype of its parameters (buffers made with dtype=numpy.float32 are the usual reason)"
        )


def _list(names: Sequence[object]) -> str:
    return ", ".join(map(repr, names))
