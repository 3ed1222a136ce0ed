"""Smooth, kink or jump; and how far values are off, read off the values."""

import math

import numpy as np
import pytest
from oracles.functions import U, noisy, smooth

from rnncheck.oracles.differences.estimate import Estimate, noise_level
from rnncheck.oracles.differences.kinks import Shape, Sides, sides


def relu(v: float) -> float:
    return max(v, 0.0)


@pytest.mark.parametrize(
    ("f", "x", "shape", "slopes"),
    [
        (abs, 0.0, Shape.KINK, (-1.0, 1.0)),
        (relu, 0.0, Shape.KINK, (0.0, 1.0)),
        (lambda v: -relu(-v), 0.0, Shape.KINK, (1.0, 0.0)),
        (lambda v: abs(v - 3.0), 3.0, Shape.KINK, (-1.0, 1.0)),
        (lambda v: abs(v) ** 1.0 * 1e-9, 0.0, Shape.KINK, (-1e-9, 1e-9)),
        (abs, 1.0, Shape.SMOOTH, (1.0, 1.0)),
        (relu, -1.0, Shape.SMOOTH, (0.0, 0.0)),
        (relu, 0.1, Shape.SMOOTH, (1.0, 1.0)),
        (math.tanh, 0.0, Shape.SMOOTH, (1.0, 1.0)),
        (math.tanh, 20.0, Shape.SMOOTH, (0.0, 0.0)),
        (lambda v: v**3, 0.0, Shape.SMOOTH, (0.0, 0.0)),
        (lambda v: v**3, -2.0, Shape.SMOOTH, (12.0, 12.0)),
        (lambda v: 7.0, 1.0, Shape.SMOOTH, (0.0, 0.0)),
    ],
)
def test_both_slopes_and_what_they_make(f: object, x: float, shape: Shape, slopes: object) -> None:
    assert callable(f)
    size = max(abs(f(x + d)) for d in (-0.01 * max(abs(x), 1), 0.0, 0.01 * max(abs(x), 1)))
    found = sides(f, x, 4 * U * size)
    assert found.shape is shape
    for side, slope in zip((found.left, found.right), slopes, strict=True):  # type: ignore[call-overload]
        # tanh'(20) = 4e-18 stands as 0: it is below the rounding of any slope.
        assert abs(side.value - slope) <= side.error + 1e-17


@pytest.mark.parametrize(
    "f",
    [
        lambda v: math.copysign(1.0, v) if v else 0.0,  # sign
        lambda v: float(v > 0),
        lambda v: float(v >= 0),
        lambda v: math.tanh(v) + 3.0 * (v > 0),
        lambda v: -1.0 * (v >= 0) + 5.0 * v,
    ],
)
def test_a_jump_is_a_jump(f: object) -> None:
    """Steps up to 2⁻¹³: what f does besides jumping is below 5·2⁻¹³, far less than the jump."""
    assert callable(f)
    assert sides(f, 0.0, 4 * U).shape is Shape.JUMP


def test_a_thousand_smooth_functions_are_smooth() -> None:
    for seed in range(1000):
        function = smooth(seed)
        found = sides(function.f, function.x, function.noise)
        assert found.shape is Shape.SMOOTH, function
        for side in (found.left, found.right):
            assert abs(side.value - function.slope) <= side.error + function.slack, function


@pytest.mark.parametrize("noise", [1e-12, 1e-8, 1e-4])
def test_with_noise_a_smooth_function_is_never_a_kink(noise: float) -> None:
    for seed in range(1000):
        function = smooth(seed)
        f = noisy(function, noise, seed)
        assert sides(f, function.x, noise + function.noise).shape is Shape.SMOOTH, function


def test_with_noise_a_kink_is_seen_if_it_is_larger_than_the_noise() -> None:
    """Slopes are known to 6·noise/h and better for h = 2⁻¹⁴: 1e-9·2¹⁴·12 is far below 1/10."""
    for seed in range(300):
        function = smooth(seed)
        x, jump = function.x, (1.0 if seed % 2 else -1.0)
        f = noisy(function, 1e-9, seed)
        found = sides(lambda v, f=f, x=x, j=jump: f(v) + j * abs(v - x), x, 1.1e-9 + function.noise)  # type: ignore[misc]
        assert found.shape is Shape.KINK
        low, high = sorted((function.slope - 1.0, function.slope + 1.0))
        for claimed, right in ((low, True), (high, True), (low - 0.1, False), (high + 0.1, False)):
            assert found.allows(claimed) is right
        assert found.allows(function.slope)
        assert found.allows(high + 0.1, slack=0.2)


def test_cancelling_terms_are_no_kink() -> None:
    """Q(h) = αh + βh² + γh³ on one side: with β and γ such that two lines agree by chance."""
    for seed in range(200):
        a = float(np.random.default_rng(seed).uniform(5.0, 50.0))
        f = lambda v, a=a: v**3 * a - v**4 * a * 2.0**12  # noqa: E731
        assert sides(f, 0.0, 1e-16).shape is Shape.SMOOTH


def test_a_wave_whose_widest_difference_is_0_is_no_jump() -> None:
    """f(x + h) = f(x) at the widest step only: what is narrower moves, and so f does not jump."""
    widest = 2.0**-13
    x = math.pi / 100 - widest / 2  # sin(50 v) has its top halfway
    assert sides(lambda v: math.sin(50 * v), x, 4 * U).shape is Shape.SMOOTH


def test_sides_of_hand() -> None:
    found = Sides(Shape.KINK, Estimate(1.0, 0.25), Estimate(-1.0, 0.5))
    assert [found.allows(v) for v in (-1.5, -1.75, 0.0, 1.25, 1.5)] == [
        True,
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("level", [1e-14, 1e-10, 1e-6, 1e-2])
def test_the_noise_level_is_read_off_the_values(level: float) -> None:
    """Uniform noise: at least a tenth of its size, and no more than the k-th differences allow.

    |Δᵏ| of numbers within ±1 is at most 2ᵏ, and 2ᵏ k!/√((2k)!) is below 2.2 for k ≤ 6; taking the
    slope out first adds at most as much again. Seven values that all lie within a tenth of the
    noise of each other have probability below 1e-5.
    """
    for seed in range(300):
        function = smooth(seed)
        reading = noise_level(noisy(function, level, seed), function.x)
        assert level / 10 <= reading <= 4.4 * (level + function.noise)


def test_without_noise_it_is_about_an_ulp() -> None:
    for seed in range(300):
        function = smooth(seed)
        value = function.f(function.x)
        reading = noise_level(function.f, function.x)
        assert math.ulp(value) / 4 <= reading <= 4.4 * max(function.noise, math.ulp(value))


def test_a_value_that_is_not_finite_is_noise_without_bound() -> None:
    assert noise_level(lambda v: math.inf if v > 0 else 0.0, 0.0) == math.inf
