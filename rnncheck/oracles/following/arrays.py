"""NumPy's makers of arrays and floating types, for arrays of other numbers."""

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.oracles.following.numbers import Number, Objects, Unfollowed, as_array, converted

Convert = Callable[[Any], Number]
"""From a plain number to a number of the kind that the code runs on."""


class FloatType(type):
    """The type of what stands for `float` and `np.float64`: the numbers are instances of it."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, builtins.float | np.floating | Number)

    def __call__(cls, value: Any = 0.0) -> Any:  # noqa: ANN401 - float's own
        """A number: itself; a plain one, converted."""
        convert = cls.convert  # type: ignore[attr-defined]
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if isinstance(value, Number):
            return value
        if isinstance(value, np.ndarray):
            return converted(value, convert)
        return convert(builtins.float(value))


def float_type(convert: Convert) -> type:
    """What stands for a floating-point type: NumPy takes it for the dtype object."""
    return FloatType("float", (), {"dtype": np.dtype(object), "convert": staticmethod(convert)})


def near(value: object) -> float:
    """A float near a number; a plain number as it is."""
    return value.approximate() if isinstance(value, Number) else float(value)  # type: ignore[arg-type]


def _is_float(dtype: npt.DTypeLike) -> bool:
    return np.dtype(dtype).kind in "fO"


class Arrays:
    """NumPy's makers of arrays, and the functions of arrays that it has for floats alone."""

    def __init__(self, convert: Convert) -> None:
        self.convert = convert

    def makers(self) -> dict[str, object]:
        """Every function, by its name in NumPy."""
        filled = {name: self._filled(name) for name in ("zeros", "ones", "empty", "full")}
        alike = {f"{name}_like": self._alike(name) for name in filled}
        made = {name: self._made(name) for name in ("array", "asarray", "asanyarray", "eye",
                "identity", "ascontiguousarray", "asfortranarray", "linspace")}  # fmt: skip
        return {
            **filled, **alike, **made, "isscalar": self.isscalar, "issubdtype": self.issubdtype,
            "finfo": self.finfo, "isfinite": self.near(np.isfinite), "isnan": self.near(np.isnan),
            "isinf": self.near(np.isinf), "allclose": self.near(np.allclose),
            "isclose": self.near(np.isclose), "logaddexp": self.logaddexp, "nan_to_num": self.nan_to_num,
            "log2": self.unknown("log2"), "log10": self.unknown("log10"),
            "heaviside": self.heaviside,
        }  # fmt: skip

    def numbers(self, array: Any) -> Any:  # noqa: ANN401 - an array, or what is none
        """An array of floats (or objects) as one of numbers; any other as it is."""
        if isinstance(array, np.ndarray) and array.dtype.kind in "fO":
            return converted(array, self.convert)
        return self.convert(array) if isinstance(array, float | np.floating) else array

    def _filled(self, name: str) -> Callable[..., Any]:
        make = getattr(np, "zeros" if name == "empty" else name)

        @functools.wraps(make)
        def maker(shape: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
            if name != "full":
                return self.numbers(make(shape, *_dtypes(args), **_dtypes(kwargs)))
            value, *rest = args or (kwargs.pop("fill_value"),)
            array = np.full(shape, value, *_dtypes(rest), **_dtypes(kwargs))
            return self.numbers(array)

        return maker

    def _alike(self, name: str) -> Callable[..., Any]:
        make = getattr(np, ("zeros" if name == "empty" else name) + "_like")

        @functools.wraps(make)
        def maker(prototype: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
            if isinstance(prototype, Number):
                prototype = as_array(prototype)
            return self.numbers(make(prototype, *_dtypes(args), **_dtypes(kwargs)))

        return maker

    def _made(self, name: str) -> Callable[..., Any]:
        make = getattr(np, name)

        @functools.wraps(make)
        def maker(value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
            array = make(value, *_dtypes(args), **_dtypes(kwargs))
            plain = isinstance(value, np.ndarray) and array is value
            return array if plain and array.dtype == object else self.numbers(array)

        return maker

    def norm(self, x: Any, ord: object = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: ANN401 - NumPy's own
        """The Euclidean norm of objects; of floats NumPy's."""
        array = np.asarray(x)
        if array.dtype != object:
            return np.linalg.norm(array, ord, axis, keepdims)  # type: ignore[call-overload]
        if ord not in (None, 2, "fro"):
            raise Unfollowed(f"np.linalg.norm with ord={ord!r}")
        squares = converted(array * array, self.convert)
        return np.sqrt(np.sum(squares, axis=axis, keepdims=keepdims))

    def logaddexp(self, a: Any, b: Any) -> Any:  # noqa: ANN401 - NumPy's own
        """log(eᵃ + eᵇ)."""
        if np.result_type(a, b).kind != "O":
            return np.logaddexp(a, b)
        powers = [np.exp(converted(part, self.convert)) for part in (a, b)]
        return np.log(powers[0] + powers[1])

    def heaviside(self, x: Any, at_zero: Any) -> Any:  # noqa: ANN401 - NumPy's own
        """1 where x > 0, 0 where x < 0."""
        if np.asarray(x).dtype != object:
            return np.heaviside(x, at_zero)
        return self.numbers(np.where(x > 0, 1.0, np.where(x < 0, 0.0, at_zero)))

    def isscalar(self, value: object) -> bool:
        """A number is a scalar."""
        return isinstance(value, Number) or bool(np.isscalar(value))

    def issubdtype(self, one: Any, other: Any) -> bool:  # noqa: ANN401 - NumPy's own
        """Objects stand for float64."""
        one = np.float64 if np.dtype(one) == object else one
        return bool(np.issubdtype(one, np.float64 if isinstance(other, FloatType) else other))

    def finfo(self, dtype: Any) -> Any:  # noqa: ANN401 - NumPy's own
        """Objects stand for float64."""
        return np.finfo(
            np.float64 if isinstance(dtype, Number) or np.dtype(dtype) == object else dtype
        )

    def nan_to_num(self, x: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
        """These numbers are never NaN."""
        return x if np.asarray(x).dtype == object else np.nan_to_num(x, *args, **kwargs)

    def near(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """A test of NumPy's on the floats near the numbers."""

        @functools.wraps(test)
        def ask(*arrays: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
            return test(*map(_floats, arrays), **kwargs)

        return ask

    def unknown(self, name: str) -> Callable[..., Any]:
        """A function that these numbers do not have, unless it is of plain ones."""

        def ask(x: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
            if np.asarray(x).dtype == object:
                raise Unfollowed(f"np.{name}")
            return getattr(np, name)(x, *args, **kwargs)

        return ask


def _floats(values: Any) -> Any:  # noqa: ANN401 - an array, or a keyword's value
    array: Objects = np.asarray(values)
    if array.dtype != object:
        return values
    return np.array([near(v) for v in array.ravel()]).reshape(array.shape)


def _dtypes(arguments: Any) -> Any:  # noqa: ANN401 - a tuple or a dict of arguments
    """`float` and NumPy's own floating types among the arguments become object."""

    def objects(value: Any) -> Any:  # noqa: ANN401
        if value is builtins.float or isinstance(value, FloatType):
            return object
        if isinstance(value, type | np.dtype | str) and not isinstance(value, FloatType):
            try:
                return object if np.dtype(value).kind == "f" else value
            except TypeError:
                return value
        return value

    if isinstance(arguments, dict):
        return {k: objects(v) if k == "dtype" else v for k, v in arguments.items()}
    return [objects(v) for v in arguments]


def random_functions(arrays: Arrays) -> dict[str, object]:
    """The functions of `np.random` that give floats, giving numbers."""

    def make(name: str) -> Callable[..., Any]:
        function = getattr(np.random, name)

        @functools.wraps(function)
        def draw(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - NumPy's own
            return arrays.numbers(function(*args, **kwargs))

        return draw

    names = ("rand", "randn", "random", "random_sample", "uniform", "normal", "standard_normal")
    return {name: make(name) for name in names}
