"""Differences of whole arrays: those of `central_difference`, with as honest an error."""

from functools import partial

import numpy as np
import pytest
from oracles.functions import FAMILIES, U, noisy, smooth

from rnncheck.oracles.differences.central import central_difference
from rnncheck.oracles.differences.ladder import STEPS, central_differences


def estimates(functions, noise):
    """Of functions of one variable at 0, all at once."""
    middle = np.array([f(0.0) for f in functions])
    ups, downs = (np.array([[f(sign * h) for f in functions] for h in STEPS]) for sign in (1, -1))
    return central_differences(middle, ups, downs, np.broadcast_to(noise, middle.shape))


def shifted(function, t):
    """f about its own point."""
    return function.f(function.x + t)


@pytest.mark.parametrize("noise", [0.0, 1e-13, 1e-9, 1e-5])
def test_the_doubt_covers_the_error(noise):
    functions = [smooth(seed) for seed in range(len(FAMILIES) * 100)]
    # A point x + h is off by half an ulp of x, as much as x is of what h can be: near 0 it is not.
    moved = [noisy(f, noise, s) if noise else f.f for s, f in enumerate(functions)]
    values = [
        partial(lambda f, x, t: f(x + t), f, one.x) for f, one in zip(moved, functions, strict=True)
    ]
    levels = np.array([noise + one.noise + 2 * U * abs(one.x * one.slope) for one in functions])
    value, doubt = estimates(values, levels)
    errors = np.abs(value - [one.slope for one in functions])
    slack = np.array([one.slack for one in functions])
    assert (errors <= doubt + slack).all()
    assert np.isfinite(doubt).mean() > 0.9


def test_the_estimates_are_those_of_single_numbers():
    functions = [partial(shifted, smooth(seed)) for seed in range(200)]
    value, doubt = estimates(functions, 1e-14)
    for f, v, d in zip(functions, value, doubt, strict=True):
        single = central_difference(f, 0.0, 1e-14)
        assert abs(single.value - v) <= single.error + d


@pytest.mark.parametrize("place", [0.0, 2.0**-12, -(2.0**-16)])
def test_a_kink_within_the_steps_is_told_by_an_infinite_doubt_or_one_that_covers_it(place):
    _, doubt = estimates([lambda t: abs(t - place)], 0.0)
    value, _ = estimates([lambda t: abs(t - place)], 0.0)
    slope = -1.0 if place > 0 else 1.0
    assert place == 0.0 or abs(value[0] - slope) <= doubt[0]
    assert place != 0.0 or doubt[0] == np.inf


def test_numbers_that_are_not_finite_say_nothing():
    for bad in (np.nan, np.inf):
        _, doubt = estimates([lambda t: bad * (1 + t), lambda t: t], 0.0)  # noqa: B023 - called at once
        assert doubt[0] == np.inf
        assert doubt[1] < np.inf


def test_shapes_and_noise_are_broadcast():
    random = np.random.default_rng(0)
    slopes = random.standard_normal((2, 3, 4))
    ups, downs = (np.array([sign * h * slopes for h in STEPS]) for sign in (1, -1))
    value, doubt = central_differences(np.zeros((2, 3, 1)), ups, downs, np.full((2, 3, 1), 1e-15))
    assert value.shape == doubt.shape == slopes.shape
    assert (np.abs(value - slopes) <= doubt).all()
