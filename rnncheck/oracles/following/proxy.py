"""`np`, `math` and `float` as code sees them that runs on other numbers.

What makes an array of floats makes one of objects; what NumPy cannot do on objects is done here;
everything else is NumPy's own. NumPy itself is never touched.
"""

import functools
import math
import operator
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rnncheck.oracles.following.arrays import Arrays, Convert, float_type, near, random_functions
from rnncheck.oracles.following.numbers import Number, converted
from rnncheck.oracles.following.special import on_numbers, scipy_special

FUNCTIONS = ("tanh", "sinh", "cosh", "exp", "expm1", "log", "log1p", "sqrt", "fabs", "square")
FLOATS = ("float64", "float32", "float16", "double", "single", "half", "longdouble", "floating")


class Proxy(ModuleType):
    """A module some of whose names are replaced."""

    def __init__(self, module: ModuleType, replaced: dict[str, object]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(replaced)
        self._module = module

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(self._module, name)


def proxies(convert: Convert) -> tuple[Proxy, Proxy, type]:
    """What stands for `np`, `math` and `float`."""
    number = float_type(convert)
    arrays = Arrays(convert)
    functions = {name: _elementwise(name, convert) for name in FUNCTIONS}
    random = Proxy(np.random, random_functions(arrays))
    linalg = Proxy(np.linalg, {"norm": arrays.norm})
    replaced = {
        **arrays.makers(), **functions, **{name: number for name in FLOATS},
        "random": random, "linalg": linalg,
    }  # fmt: skip
    scalars: dict[str, object] = {name: _scalar(name, convert) for name in (*FUNCTIONS[:-1], "pow")}
    tests: dict[str, object] = {
        "isfinite": lambda v: math.isfinite(near(v)),
        "isnan": lambda v: math.isnan(near(v)),
        "isinf": lambda v: math.isinf(near(v)),
        "fsum": lambda numbers: functools.reduce(operator.add, numbers, convert(0)),
    }
    return Proxy(np, replaced), Proxy(math, scalars | tests), number


def replacements(numpy: Proxy, mathematics: Proxy, convert: Convert) -> dict[int, object]:
    """By the id of each thing that code may have imported by name: what stands for it."""
    table: dict[int, object] = {id(np): numpy, id(math): mathematics}
    pairs = [(np, numpy), (math, mathematics), (np.random, numpy.random), (np.linalg, numpy.linalg)]
    special = scipy_special()
    if special is not None:
        proxy = Proxy(special, on_numbers(special, lambda x: converted(x, convert)))
        scipy = sys.modules["scipy"]
        table |= {id(special): proxy, id(scipy): Proxy(scipy, {"special": proxy})}
        pairs.append((special, proxy))
    for module, proxy in pairs:
        for name, value in vars(proxy).items():
            if hasattr(module, name) and not name.startswith("_"):
                table[id(getattr(module, name))] = value
    return table


def _elementwise(name: str, convert: Convert) -> Callable[..., Any]:
    """A function of NumPy on objects: entries that are plain numbers (a mask's 0) are converted."""
    ufunc = getattr(np, name)

    @functools.wraps(ufunc)
    def apply(x: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
        objects = isinstance(x, Number | list | tuple) or np.asarray(x).dtype == object
        return ufunc(converted(x, convert) if objects else x, *args, **kwargs)

    return apply


def _scalar(name: str, convert: Convert) -> Callable[..., Any]:
    """A function of `math` on one number."""
    function = getattr(math, name)

    def apply(x: Any, *args: Any) -> Any:  # noqa: ANN401 - math's own
        if isinstance(x, np.ndarray) and x.size == 1:
            x = x.reshape(())[()]
        if not isinstance(x, Number):
            return convert(function(x, *args))
        return operator.pow(x, args[0]) if name == "pow" else getattr(x, name)()

    return apply
