"""Two computations of one thing, entry by entry, within one envelope for each side."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnncheck.case import Array
from rnncheck.oracles.noisy import envelope_of

DTYPES = ("float32", "float64")
STEPS = 200


def excess(found: Array, other: Array, function: Callable[..., Array], *arguments: object) -> float:
    """The largest difference over two envelopes of `function`, of `found`'s dtype."""
    return excess_over(found, other, envelope_of(function, *arguments, dtype=found.dtype))


def excess_over(found: Array, other: Array, allowed: Array) -> float:
    """The largest difference over twice what is allowed; inf for NaN. What is allowed is finite."""
    assert np.isfinite(allowed).all()
    assert np.shape(found) == np.shape(other) == np.shape(allowed)
    difference = np.abs(np.asarray(found, np.float64) - np.asarray(other, np.float64))
    return float(np.nan_to_num(difference / (2.0 * allowed), nan=np.inf).max(initial=0.0))


def gradients(rng: np.random.Generator, dtype: str, entries: int = 5, steps: int = STEPS) -> Array:
    """`(steps, entries)`: of sizes from 1e-6 to 1e2, a fifth of the entries and of the steps zero."""
    sizes = 10.0 ** rng.uniform(-6.0, 2.0, (steps, 1))
    drawn: Any = rng.normal(size=(steps, entries)) * sizes
    drawn[rng.random(drawn.shape) < 0.2] = 0.0
    drawn[rng.random(steps) < 0.2] = 0.0
    result: Array = drawn.astype(dtype)
    return result
