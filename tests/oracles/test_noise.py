"""Rounding errors to order: how large, how alike, and how often the same."""

import numpy as np

from rnncheck.oracles.noise import COHERENT, SAMPLES, Noise


def test_errors_to_order() -> None:
    """|e| <= u·bound + operations·smallest: up, down, away from 0, towards 0, and eight at random."""
    noise, random = Noise(np.dtype("float32")), np.random.default_rng(0)
    value = random.standard_normal((1, 50))
    bound, size = np.abs(value) + 1.0, 2.0**-24 * (np.abs(value) + 1.0) + 3 * np.finfo("f4").tiny
    shares = (noise.add("carry", value, bound, 3) - value) / size
    assert shares.shape == (SAMPLES, 50)
    # The sum is in float64: 2⁻⁵³ of the value, to 2⁻²⁴.
    slack = 2.0**-53 * np.abs(value[0]) / size[0]
    for row, expected in zip(
        shares, (1.0, -1.0, np.sign(value[0]), -np.sign(value[0])), strict=False
    ):
        assert np.all(np.abs(row - expected) <= slack)
    assert np.all(np.abs(shares) <= 1.0 + slack)
    rest = shares[COHERENT:]
    assert rest.min() < -0.9
    assert rest.max() > 0.9
    assert np.unique(rest).size == rest.size


def test_going_backward_each_pair_errs_the_other_way_round() -> None:
    """Forward (+, -) and backward (+, +): what the passes add to a gradient has both relative signs."""
    noise, value = Noise(np.dtype("float32")), np.array([[1.0, -1.0]])
    signs = []
    for backward in (False, True):
        noise.restart(backward)
        signs.append(np.sign(noise.add("carry", value, np.abs(value)) - value)[:COHERENT])
    for pair in (slice(0, 2), slice(2, 4)):
        relative = signs[0][pair] * signs[1][pair]
        assert np.array_equal(relative, [[1, 1], [-1, -1]])


def test_noise_that_is_quiet_or_of_another_source_is_none_and_the_seed_repeats() -> None:
    value = np.ones((1, 3))
    assert np.array_equal(Noise(np.dtype("f8"), quiet=True).add("carry", value, value), value)
    assert np.array_equal(Noise(np.dtype("f8"), only="readout").add("carry", value, value), value)
    noise = Noise(np.dtype("f8"))
    first = noise.add("carry", value, value)
    assert not np.array_equal(noise.add("carry", value, value), first)
    noise.restart()
    assert np.array_equal(noise.add("carry", value, value), first)
    assert not noise.overflowed
    noise.add("carry", value, np.full((1, 3), np.finfo("f8").max))
    assert noise.overflowed


def test_one_more_sample_without_errors_leaves_the_others_as_they_are():
    value = np.random.default_rng(0).normal(size=(SAMPLES + 1, 5))
    with_exact, without = Noise(np.dtype("f8"), exact_first=True), Noise(np.dtype("f8"))
    assert (with_exact.samples, without.samples) == (SAMPLES + 1, SAMPLES)
    for _ in range(2):
        found = with_exact.add("carry", value, 1e10 * np.abs(value))
        assert np.array_equal(found[0], value[0])
        assert (found[1:] != value[1:]).all()
        assert np.array_equal(found[1:], without.add("carry", value[1:], 1e10 * np.abs(value[1:])))
    infinite = with_exact.add("carry", value, np.full_like(value, np.inf))
    assert np.array_equal(infinite[0], value[0])
    assert Noise(np.dtype("f8"), quiet=True, exact_first=True).samples == 1
