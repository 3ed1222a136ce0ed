"""Central differences: the error estimate covers the error, and is small where it can be."""

import math

import numpy as np
import pytest
from oracles.functions import FAMILIES, Smooth, U, noisy, sine, smooth

from rnncheck.oracles.differences import central
from rnncheck.oracles.differences.central import central_difference, widest_step
from rnncheck.oracles.differences.estimate import Estimate


def assert_covers(estimate: Estimate, function: Smooth) -> None:
    gap = abs(estimate.value - function.slope)
    assert gap <= estimate.error + function.slack, (function.name, function.x, estimate)


@pytest.mark.parametrize("family", range(len(FAMILIES)), ids=lambda i: FAMILIES[i].__name__)
def test_the_estimate_covers_the_error_of_smooth_functions(family: int) -> None:
    for seed in range(family, 2000, len(FAMILIES)):
        function = smooth(seed)
        estimate = central_difference(function.f, function.x, function.noise)
        assert estimate.says_something
        assert_covers(estimate, function)


@pytest.mark.parametrize("noise", [1e-13, 1e-9, 1e-5])
def test_the_estimate_covers_the_error_of_noisy_values(noise: float) -> None:
    for seed in range(500):
        function = smooth(seed)
        f = noisy(function, noise, seed)
        assert_covers(central_difference(f, function.x, noise + function.noise), function)


def test_the_estimate_covers_or_says_nothing_where_steps_are_too_wide() -> None:
    """sin(ωx) with ω up to 2e3 and |x| up to 6: the widest steps are 60 radians, the last ones 0.4."""
    told = 0
    for seed in range(1500):
        random = np.random.default_rng(seed)
        x = float(random.uniform(-6.0, 6.0))
        function = sine(random, x, fastest=10.0 ** random.uniform(0.0, 3.3))
        estimate = central_difference(function.f, x, function.noise)
        assert_covers(estimate, function)
        told += estimate.says_something
    assert told > 1400


def test_it_is_small_for_well_scaled_functions() -> None:
    """To six digits of f', wherever f' is not small beside f itself."""
    seen = 0
    for seed in range(1000):
        function = smooth(seed)
        estimate = central_difference(function.f, function.x, function.noise)
        scale = function.noise / U  # bounds the terms that f is summed from
        if abs(function.slope) > 0.1 * scale:
            seen += 1
            assert estimate.error < 1e-6 * abs(function.slope), function
    assert seen > 100


@pytest.mark.parametrize("x", [1e-300, 1e-8, 1.0, 1e8, 1e150])
def test_the_step_is_chosen_by_the_size_of_x(x: float) -> None:
    """x² at any x: D is exact but for rounding, however large the steps; noise: u·(x + step)²."""
    noise = 2 * U * (1.1 * max(x, 1.0)) ** 2
    estimate = central_difference(lambda v: v * v, x, noise)
    assert abs(estimate.value - 2 * x) <= estimate.error
    # Noise alone: at the second step n = noise/h is 310 u max(x, 1); its weight 17/15 in the table,
    # and a third of the 68 n that it may add to a bend, are below 24 n.
    assert estimate.error <= 24 * 310 * U * max(x, 1.0)


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1.0, 1e12, 1e200])
def test_the_scale_of_f_does_not_matter(scale: float) -> None:
    estimate = central_difference(lambda v: scale * math.sin(v), 0.7, scale * 4 * U)
    assert abs(estimate.value - scale * math.cos(0.7)) <= estimate.error
    assert estimate.error < 1e-10 * scale


@pytest.mark.parametrize("width", [1e3, 1e6, 1e9])
def test_a_feature_as_wide_as_x_is_resolved(width: float) -> None:
    """tanh(v/width) at v = width: steps of 1 would see a straight line and nothing but noise."""
    slope = 1 / (width * math.cosh(1.0) ** 2)
    estimate = central_difference(lambda v: math.tanh(v / width), width, 6 * U)
    assert abs(estimate.value - slope) <= estimate.error < 1e-6 * slope


@pytest.mark.parametrize("steepness", [1e6, 1e9])
def test_a_feature_narrower_than_every_step_is_seen_to_be_unresolved(steepness: float) -> None:
    """tanh(1e6 v) at 0: D(h) = 1/h at every step, and f' is 1e6."""
    estimate = central_difference(lambda v: math.tanh(steepness * v), 0.0, 4 * U)
    assert estimate.error == math.inf


def test_two_terms_that_cancel_between_the_first_steps_deceive_nobody() -> None:
    """D(h) = αh² + h⁴ with α = -(h₀² + h₁²) is the same at both of the widest steps, and not f' = 0."""
    wide, narrow = widest_step(0.0), widest_step(0.0) / central.RATIO
    alpha = -(wide**2 + narrow**2)
    estimate = central_difference(lambda v: alpha * v**3 + v**5, 0.0, 1e-12)
    assert abs(estimate.value) <= estimate.error


def test_steps_of_whole_periods_deceive_nobody() -> None:
    """The widest step is 4 periods of sin(50 v), the next one exactly one: D is 0 at both."""
    x = 32 * 4 * (2 * math.pi / 50)
    slope = 50 * math.cos(50 * x)
    estimate = central_difference(lambda v: math.sin(50 * v), x, 60 * x * U)
    assert abs(estimate.value - slope) <= estimate.error


def test_values_that_are_not_finite_say_nothing() -> None:
    def fails(v: float) -> float:
        return math.nan if v > 1.0 else v

    assert not central_difference(fails, 1.0, 1e-16).says_something
    assert not central_difference(lambda v: v, 1.0, math.inf).says_something


@pytest.mark.parametrize("distance", [0.0, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_near_a_kink_it_covers_a_right_derivative_or_says_nothing(
    distance: float, side: float
) -> None:
    """J·max(v - c, 0) on a smooth background: at the kink anything between the slopes is right."""
    for seed in range(150):
        random = np.random.default_rng(seed)
        x, a, b = random.standard_normal(3).tolist()
        jump = float(random.standard_normal() * 10.0 ** random.uniform(-3.0, 2.0))
        kink, smooth_slope = x + side * distance, a * math.cos(x) + b

        def f(
            v: float, a: float = a, b: float = b, kink: float = kink, jump: float = jump
        ) -> float:
            return a * math.sin(v) + b * v + jump * max(v - kink, 0.0)

        ends = [smooth_slope + jump * (kink < x), smooth_slope + jump * (kink <= x)]
        noise = 8 * U * (abs(a) + (abs(b) + abs(jump)) * (abs(x) + 2.0))
        estimate = central_difference(f, x, noise)
        if estimate.says_something:
            assert estimate.value - estimate.error <= max(ends)
            assert estimate.value + estimate.error >= min(ends)
        # A kink within the narrowest step, 2⁻¹⁵, cannot be told from one at x.
        assert estimate.says_something <= (distance > 2.0**-15)


def test_no_more_values_than_promised() -> None:
    for seed in range(200):
        function, calls = smooth(seed), []

        def f(v: float, function: Smooth = function, calls: list[float] = calls) -> float:
            calls.append(v)
            return function.f(v)

        central_difference(f, function.x, function.noise)
        assert 9 <= len(calls) <= 13
        widest = widest_step(function.x)
        assert max(abs(v - function.x) for v in calls) <= widest + math.ulp(function.x) + math.ulp(
            widest
        )


def test_an_estimate_allows_what_is_within_its_error_and_a_slack() -> None:
    estimate = Estimate(1.0, 0.25)
    assert estimate.allows(1.25)
    assert not estimate.allows(np.nextafter(1.25, 2))
    assert estimate.allows(0.5, slack=0.25)
    assert not estimate.allows(0.4375, slack=0.25)
    assert Estimate(1.0, math.inf).allows(1e300)
    assert not Estimate(1.0, math.inf).says_something
    assert not Estimate(math.nan, 1.0).says_something
