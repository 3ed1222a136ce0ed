"""Functions of `scipy.special` that networks are written with, on other numbers.

SciPy is not imported here: only code that has imported it can ask for them. They are written without
a shift by the largest argument, which is for floats; these numbers do not overflow.
"""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rnncheck.oracles.following.numbers import Objects


def expit(x: Objects) -> Any:  # noqa: ANN401 - an array of numbers
    """1/(1 + e⁻ˣ)."""
    return 1 / (1 + np.exp(-x))


def logsumexp(x: Objects, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: ANN401
    """log Σ eˣ."""
    return np.log(np.asarray(np.exp(x).sum(axis=axis, keepdims=keepdims), dtype=object))[()]


def softmax(x: Objects, axis: Any = None) -> Any:  # noqa: ANN401
    """eˣ / Σ eˣ."""
    powers = np.exp(x)
    return powers / powers.sum(axis=axis, keepdims=True)


def log_softmax(x: Objects, axis: Any = None) -> Any:  # noqa: ANN401
    """x - log Σ eˣ."""
    return x - logsumexp(x, axis, keepdims=True)


def scipy_special() -> ModuleType | None:
    """SciPy's module, if somebody has imported it."""
    return sys.modules.get("scipy.special")


def on_numbers(module: ModuleType, convert: Callable[[Any], Objects]) -> dict[str, object]:
    """By name: SciPy's function, that on arrays of objects is one of these. convert: to numbers."""

    def either(function: Callable[..., Any]) -> Callable[..., Any]:
        original = getattr(module, function.__name__)

        @functools.wraps(function)
        def ask(x: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - SciPy's own
            if np.asarray(x).dtype != object:
                return original(x, *args, **kwargs)
            return function(convert(x), *args, **kwargs)

        return ask

    functions = (expit, logsumexp, softmax, log_softmax)
    return {f.__name__: either(f) for f in functions if hasattr(module, f.__name__)}
