"""The class `Noisy`: NumPy's protocols, so that every operation of NumPy finds its bound."""

# ruff: noqa: ANN401 - NumPy's protocols hand over anything

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rnncheck.oracles.noise import Noise
from rnncheck.oracles.rounding import (
    EXACT,
    MOVES,
    PRODUCTS,
    REDUCTIONS,
    ROUNDED,
    SUMS,
    Function,
    off,
    off_relatively,
)

_FLOATS = {float(np.finfo(t).eps) / 2: np.dtype(t) for t in (np.float16, np.float32, np.float64)}
_KNOWN = MOVES | SUMS | PRODUCTS


class Noisy(np.lib.mixins.NDArrayOperatorsMixin):
    """`noise.samples` versions of one array, along the first axis of `samples`, which it hides.

    Raises ValueError unless that axis is there; TypeError where samples would be lost (`float`,
    `bool`, `np.asarray`, assignment into a plain array) or a function has no bound.
    """

    def __init__(self, samples: npt.ArrayLike, noise: Noise) -> None:
        self.samples: npt.NDArray[Any] = np.asarray(samples)
        self.noise = noise
        if self.samples.shape[:1] != (noise.samples,):
            raise ValueError(
                f"samples has shape {self.samples.shape}; "
                f"its first axis must hold the noise's {noise.samples} samples"
            )
        self.shape: tuple[int, ...] = self.samples.shape[1:]
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype whose arithmetic is judged; the samples are float64. Masks are bool."""
        return _FLOATS[self.noise.unit] if self.samples.dtype.kind == "f" else self.samples.dtype

    @property
    def T(self) -> "Noisy":
        """Transposed."""
        return self._call(np.transpose)

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Noisy":
        """`np.sum`."""
        return self._call(np.sum, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Noisy":
        """`np.mean`."""
        return self._call(np.mean, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> "Noisy":
        """`np.max`."""
        return self._call(np.max, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> "Noisy":
        """`np.reshape`, to sizes or a tuple of them."""
        return self._call(np.reshape, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> "Noisy":
        """`np.transpose`."""
        return self._call(np.transpose, axes or None)

    def swapaxes(self, first: int, second: int) -> "Noisy":
        """`np.swapaxes`."""
        return self._call(np.swapaxes, first, second)

    def copy(self) -> "Noisy":
        """With samples of its own."""
        return Noisy(self.samples.copy(), self.noise)

    def astype(self, dtype: npt.DTypeLike, copy: bool = True) -> "Noisy":
        """The same, since it errs as its dtype does already; a mask becomes numbers."""
        return Noisy(self.samples.astype(np.float64), self.noise)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator["Noisy"]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> "Noisy":
        parts = key if isinstance(key, tuple) else (key,)
        if all(p is None or p is ... or isinstance(p, int | np.integer | slice) for p in parts):
            return Noisy(self.samples[(slice(None), *parts)], self.noise)
        chosen = [sample[_sample(key, k)] for k, sample in enumerate(self.samples)]
        return Noisy(np.stack(chosen), self.noise)

    def __setitem__(self, key: Any, value: Any) -> None:
        for k in range(self.noise.samples):
            self.samples[k][_sample(key, k)] = _sample(value, k)

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        raise TypeError(
            "a Noisy array cannot become a plain one, which would lose its samples: "
            "make what it is assigned to with np.zeros_like of a Noisy array, or use np.stack"
        )

    def __bool__(self) -> bool:
        raise TypeError("a Noisy value cannot decide a branch: choose entries with np.where")

    def __float__(self) -> float:
        raise TypeError("a Noisy value is no single number: leave float() to the caller")

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **more: Any
    ) -> Any:
        """Every operator and ufunc of NumPy comes here."""
        if method == "reduce" and ufunc in REDUCTIONS:
            result = self._function(REDUCTIONS[ufunc], inputs, {"axis": 0, **more})
        elif method != "__call__" or more:
            words = ", ".join(f"{name}=" for name in more)
            raise TypeError(f"Noisy has no bound for np.{ufunc.__name__}, {method} with ({words})")
        elif ufunc in SUMS:
            result = self._function(ufunc, inputs, {})
        else:
            result = self._entrywise(ufunc, inputs)
        if out is None:
            return result
        if not isinstance(out[0], Noisy):
            return self.__array__()
        out[0].samples[...] = result.samples
        return out[0]

    def __array_function__(self, function: Function, types: Any, args: Any, kwargs: Any) -> Any:
        """Every other function of NumPy comes here."""
        if function in (np.shape, np.ndim, np.size):
            return function(np.broadcast_to(0.0, self.shape), *args[1:], **kwargs)
        return self._function(function, args, kwargs)

    def _call(self, function: Function, *args: Any, **kwargs: Any) -> "Noisy":
        return cast(Noisy, self._function(function, (self, *args), kwargs))

    def _function(self, function: Function, args: Any, kwargs: Any) -> Any:
        """A function of whole arrays, sample by sample, so that it knows of no axis but its own."""
        if function not in _KNOWN:
            raise TypeError(f"Noisy has no bound for np.{function.__name__}; see oracles/rounding")
        with np.errstate(all="ignore"):
            values = self._each(function, args, kwargs)
            if function in MOVES or values.samples.dtype.kind != "f":
                return values
            if function in PRODUCTS:
                n = max(a.size for a in args if isinstance(a, Noisy)) + 1.0
                return Noisy(off_relatively(values.samples, n, self.noise), self.noise)
            terms = np.abs(self._each(function, _sized(args), kwargs).samples)
            adding, more = (np.sum, 1.0) if function is np.mean else (function, 0.0)
            count = np.asarray(adding(*_ones(args), **kwargs)) + more
            underflow = np.minimum(terms, count * self.noise.smallest) / self.noise.unit
            return Noisy(off(values.samples, count * terms + underflow, self.noise), self.noise)

    def _each(self, function: Function, args: Any, kwargs: Any) -> Any:
        results = [
            function(*_sample(args, k), **_sample(kwargs, k)) for k in range(self.noise.samples)
        ]
        if isinstance(results[0], list | tuple):
            return [Noisy(np.stack(part), self.noise) for part in zip(*results, strict=True)]
        return Noisy(np.stack(results), self.noise)

    def _entrywise(self, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> "Noisy":
        if ufunc not in ROUNDED and ufunc not in EXACT:
            raise TypeError(f"Noisy has no bound for np.{ufunc.__name__}; see oracles/rounding")
        with np.errstate(all="ignore"):
            ndim = max(np.ndim(value) for value in inputs)
            values = np.asarray(ufunc(*(self._operand(value, ndim) for value in inputs)))
            if ufunc in ROUNDED and values.dtype.kind == "f":
                values = off_relatively(values, ROUNDED[ufunc], self.noise)
        return Noisy(values, self.noise)

    def _operand(self, value: Any, ndim: int) -> npt.NDArray[Any]:
        """With the samples' axis first, and as many more as the others have; rounded to the dtype."""
        if isinstance(value, Noisy):
            middle = (1,) * (ndim - value.ndim)
            return value.samples.reshape(self.noise.samples, *middle, *value.shape)
        array = np.asarray(value)
        if array.dtype.kind != "f":
            return array
        held = array.astype(_FLOATS[self.noise.unit] if array.ndim else np.float16)
        if np.array_equal(held, array, equal_nan=True):
            return array
        exact = np.broadcast_to(array.astype(float), (self.noise.samples, *array.shape))
        off_by_u = off_relatively(exact, 1.0, self.noise)
        return self._operand(Noisy(np.where(held == array, exact, off_by_u), self.noise), ndim)


def _sample(tree: Any, k: int) -> Any:
    """What the k-th sample of a function's arguments is."""
    if isinstance(tree, list | tuple):
        return type(tree)(_sample(part, k) for part in tree)
    if isinstance(tree, dict):
        return {name: _sample(part, k) for name, part in tree.items()}
    return tree.samples[k] if isinstance(tree, Noisy) else tree


def _sized(args: Any) -> Any:
    """Each array without its signs; sizes, axes and words as they are."""
    if isinstance(args, tuple):
        return tuple(map(_sized, args))
    if isinstance(args, Noisy):
        return Noisy(np.abs(args.samples), args.noise)
    return np.abs(args) if isinstance(args, np.ndarray) else args


def _ones(args: Any) -> Any:
    """Ones of each array's shape, which count the terms of a sum."""
    if isinstance(args, tuple):
        return tuple(map(_ones, args))
    return np.ones(args.shape) if isinstance(args, Noisy | np.ndarray) else args
