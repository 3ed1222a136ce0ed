"""`Noisy`: an array of which every operation is off by as much as it may be; `envelope_of` a function.

Hand a `Noisy` to a plain NumPy function instead of an array: it has the array's shape, and carries
`noise.samples` versions of it, each with errors of its own, through whatever the function does
(`rounding` lists the bounds). How far the results lie apart is the function's envelope.

- An operation errs by its bound, and by the smallest normal number where it could underflow; never
  so far that a product, a quotient or a root would change its sign.
- A number that is no short binary fraction (float16 holds it: 2, 0.5, -100) is off by u, whether it
  is a constant that the dtype rounds (0.999) or was computed (a bias correction).
- What exceeds the dtype's range becomes ±inf, as it would; an entry that is not finite in every
  sample says nothing: its allowance is inf.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array
from rnncheck.oracles.envelope import SAFETY
from rnncheck.oracles.noise import Noise, Samples
from rnncheck.oracles.noisy_array import Noisy as Noisy


def as_noisy(array: Array, noise: Noise) -> Array:
    """The array, exact in every sample; typed as what it stands for."""
    exact = np.broadcast_to(np.asarray(array, np.float64), (noise.samples, *array.shape))
    return cast(Array, Noisy(exact.copy(), noise))


def samples_of(array: Array) -> Samples:
    """The samples of a `Noisy`, `(K, ...)`; a plain array is one exact sample."""
    if isinstance(array, Noisy):
        return cast(Samples, array.samples)
    return np.asarray(array, np.float64)[None]


def allowance(erring: Array, exact: Array, noise: Noise) -> Array:
    """SAFETY·(largest deviation of a sample + u·|exact| + smallest normal); inf where that is unknown.

    erring: a `Noisy`. exact: the same without errors, in float64.
    """
    with np.errstate(all="ignore"):
        deviation = np.abs(samples_of(erring) - exact).max(axis=0)
        allowed = SAFETY * (deviation + noise.unit * np.abs(exact) + noise.smallest)
        return np.where(np.isfinite(allowed), allowed, np.inf)


def envelope_of(
    function: Callable[..., Array], *arguments: object, dtype: npt.DTypeLike, seed: int = 0
) -> Array:
    """How far the function's result in `dtype` may be from the truth, entry by entry.

    arguments: floating-point arrays are taken as exact; all else is handed on as it is.
    """
    noise = Noise(np.dtype(dtype), seed)
    with np.errstate(all="ignore"):
        exact = function(*(_of_floats(a, lambda a: a.astype(np.float64)) for a in arguments))
        erring = function(*(_of_floats(a, lambda a: as_noisy(a, noise)) for a in arguments))
    return allowance(erring, exact, noise)


def _of_floats(argument: object, change: Callable[[Array], Array]) -> object:
    floats = isinstance(argument, np.ndarray) and argument.dtype.kind == "f"
    return change(cast(Array, argument)) if floats else argument
