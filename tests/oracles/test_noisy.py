"""`Noisy`: each operation's bound in closed form, any function's axes, and what is refused."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rnncheck.case import Array
from rnncheck.oracles import rounding
from rnncheck.oracles.envelope import SAFETY
from rnncheck.oracles.noise import Noise
from rnncheck.oracles.noisy import Noisy, allowance, as_noisy, envelope_of, samples_of

UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}
SINGLE = np.dtype("float32")


def random(*shape: int, seed: int = 0, dtype: str = "float32") -> Array:
    drawn: Array = np.random.default_rng(seed).uniform(0.5, 2.0, shape).astype(dtype)
    return drawn


def same_allowance(found: Array, units: Array | float) -> bool:
    """SAFETY·units·u, but for what samples in float64 round: 2^-53 of a value over the 2^-24 of it

    that are allowed is 2^-29, for each of a handful of operations."""
    expected = SAFETY * np.asarray(units) * UNIT["float32"]
    return bool(np.all(np.abs(found - expected) <= 2.0**-25 * np.abs(expected)))


ENTRYWISE: list[tuple[Callable[..., Array], float]] = [
    (operator.add, 1),
    (operator.sub, 1),
    (operator.mul, 1),
    (operator.truediv, 1),
    (lambda a, b: np.sqrt(a), 1),
    (lambda a, b: np.exp(a), 8),
    (lambda a, b: np.tanh(a), 8),
    (lambda a, b: a**b, 8),
    (lambda a, b: np.maximum(a, b), 0),
    (lambda a, b: -np.abs(a), 0),
    (lambda a, b: np.where(a > b, a, b), 0),
    (lambda a, b: np.clip(a, 0.75, 1.5), 0),
    (lambda a, b: a * 0.5, 1),
    (lambda a, b: np.maximum(a, 2.5), 0),
    (lambda a, b: np.maximum(a, 2.1), 1),  # 2.1 is no number of float32
]


def entrywise_is_in_closed_form(function: Callable[..., Array], units: float) -> bool:
    a, b = random(40), random(40, seed=1)
    value = np.abs(function(a.astype(float), b.astype(float)))
    # beside the operation's own bound, that of the result
    return same_allowance(envelope_of(function, a, b, dtype="float32"), (units + 1) * value)


@pytest.mark.parametrize(("function", "units"), ENTRYWISE)
def test_an_operation_may_err_by_its_bound(function: Callable[..., Array], units: float) -> None:
    assert entrywise_is_in_closed_form(function, units)


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
def test_another_bound_is_seen(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    for ufunc in (np.add, np.tanh):
        monkeypatch.setitem(rounding.ROUNDED, ufunc, factor * rounding.ROUNDED[ufunc])
    assert not entrywise_is_in_closed_form(*ENTRYWISE[0])
    assert not entrywise_is_in_closed_form(*ENTRYWISE[6])
    assert entrywise_is_in_closed_form(*ENTRYWISE[2])


SUMS: list[tuple[Callable[..., Array], int]] = [
    (lambda a, b: np.sum(a, axis=0), 6),
    (lambda a, b: a.T @ b, 6),
    (lambda a, b: np.einsum("ij,ij->j", a, b), 6),
    (lambda a, b: np.dot(a.T, b), 6),
    (lambda a, b: np.tensordot(a, b, axes=([0, 1], [0, 1])), 18),
    (lambda a, b: np.cumsum(a, axis=0)[-1], 6),
]


def test_a_sum_of_n_terms_may_err_by_n_units_of_their_sizes() -> None:
    a, b = random(6, 3) - 1.0, random(6, 3, seed=1) - 1.2
    for function, n in SUMS:
        value = function(a.astype(float), b.astype(float))
        size = function(np.abs(a.astype(float)), np.abs(b.astype(float)))
        found = envelope_of(function, a, b, dtype="float32")
        assert same_allowance(found, n * size + np.abs(value))
    mean = envelope_of(np.mean, a, dtype="float32")
    exact = a.astype(float)
    # 18 terms, and the division
    assert same_allowance(mean, 19 * np.abs(exact).mean() + np.abs(exact.mean()))


PLAIN: list[Callable[..., Any]] = [
    lambda a, b: a.reshape(6, 4).T,
    lambda a, b: np.reshape(a, (-1,)),
    lambda a, b: a.sum(axis=0) + b,
    lambda a, b: a.mean(axis=(0, 2), keepdims=True),
    lambda a, b: a.max(axis=1),
    lambda a, b: np.concatenate([a, 2.0 * a], axis=0),
    lambda a, b: np.stack([a, a + b], axis=1),
    lambda a, b: np.split(a, 2, axis=2)[1],
    lambda a, b: np.moveaxis(a, 0, 2) @ np.ones((2, 5)),
    lambda a, b: a @ b,
    lambda a, b: b @ a.swapaxes(1, 2),
    lambda a, b: a[0] - a[-1],
    lambda a, b: a[:, [0, 2], :][..., b > 0],
    lambda a, b: a[[0, 1], :, [2, 3]],
    lambda a, b: np.where(a > 1.0, a, 0.0) + (a < 1.0),
    lambda a, b: np.add.reduce(a, axis=1),
    lambda a, b: np.maximum.reduce(a),
    lambda a, b: np.linalg.norm(a, axis=-1),
    lambda a, b: np.prod(b),
    lambda a, b: np.take_along_axis(a, np.zeros((2, 1, 4), int), axis=1),
    lambda a, b: sum(step * b for step in a),
    lambda a, b: np.broadcast_to(b, (3, 4)) + np.ones((3, 1)),
    lambda a, b: np.zeros_like(a) + np.ones((2, 1, 1)),
    lambda a, b: 1.0 / (1.0 + np.exp(-a)),
    lambda a, b: np.expand_dims(b, 1) * np.arange(4),
]


@pytest.mark.parametrize("function", PLAIN)
def test_without_noise_every_function_is_what_it_was(function: Callable[..., Any]) -> None:
    """To the bit, and in shape: the axis of the samples is hidden from any axis and any key."""
    noise = Noise(np.dtype("float64"), quiet=True)
    a, b = random(2, 3, 4, dtype="float64"), random(4, seed=1, dtype="float64")
    found, plain = function(as_noisy(a, noise), as_noisy(b, noise)), np.asarray(function(a, b))
    assert (found.shape, found.ndim, found.size) == (plain.shape, plain.ndim, plain.size)
    assert found.dtype == plain.dtype
    assert np.array_equal(found.samples, plain[None])


@pytest.mark.parametrize("function", PLAIN)
def test_the_function_in_float32_is_within_its_envelope(function: Callable[..., Any]) -> None:
    noise = Noise(SINGLE)
    a, b = random(2, 3, 4), random(4, seed=1)
    found = function(as_noisy(a, noise), as_noisy(b, noise))
    assert found.samples.shape[0] == noise.samples
    single = np.asarray(function(a, b))
    exact = np.asarray(function(a.astype(float), b.astype(float)))
    assert np.all(np.abs(single - exact) <= allowance(found, exact, noise))


def test_changes_in_place() -> None:
    def function(a: Array) -> Array:
        result = np.zeros_like(a)
        result[0] = 3.0 * a[1]
        result[1:] += a[:-1]
        result *= 2.0
        first = result[0]
        first -= 1.0
        return result

    a = random(3, 2, dtype="float64")
    quiet = Noise(np.dtype("float64"), quiet=True)
    assert np.array_equal(samples_of(function(as_noisy(a, quiet)))[0], function(a))
    single = function(a.astype("float32")) - function(a.astype("float32").astype(float))
    assert np.all(np.abs(single) <= envelope_of(function, a.astype("float32"), dtype="float32"))


def orders(terms: Array) -> dict[str, np.floating[Any]]:
    """Sums in float32 in several orders."""
    pairs = list(terms)
    while len(pairs) > 1:
        pairs = [a + b for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
    return {
        "forward": np.float32(np.cumsum(terms)[-1]),
        "backward": np.float32(np.cumsum(terms[::-1])[-1]),
        "sorted": np.float32(np.cumsum(np.sort(terms))[-1]),
        "pairwise": pairs[0],
        "exact": np.float32(math.fsum(terms.tolist())),
    }


@pytest.mark.parametrize("seed", range(10))
def test_any_order_of_summation_is_within_and_a_lost_term_is_not(seed: int) -> None:
    terms = (random(256, seed=seed) - 1.25).astype("float32")
    truth = float(sum(Fraction(float(t)) for t in terms))
    allowed = envelope_of(np.sum, terms, dtype="float32")
    for name, found in orders(terms).items():
        assert abs(float(found) - truth) <= allowed, name
    lost = np.delete(terms, np.abs(terms).argmax())
    assert abs(float(sum(Fraction(float(t)) for t in lost)) - truth) > allowed


def test_zero_stays_zero_and_signs_stay() -> None:
    """Underflow may take a square to 0 and not beyond, so that its root is no NaN."""
    noise = Noise(SINGLE)
    g = as_noisy(np.array([0.0, 1e-30, -1e-25, 1e-19]), noise)
    v = 0.01 * (g * g)
    assert np.all(samples_of(v) >= 0.0)
    assert np.all(samples_of(v)[:, 0] == 0.0)
    assert np.all(samples_of(np.sqrt(v) + 1e-8) > 0.0)
    assert np.all(samples_of(g / (np.sqrt(v) + 1e-8))[:, 0] == 0.0)
    flushed = SAFETY * np.finfo(SINGLE).smallest_normal
    assert np.all(allowance(v, np.zeros(4), noise)[:2] >= flushed)


def test_a_sum_may_lose_every_product_to_underflow() -> None:
    """Arithmetic that flushes to 0 may lose six times the smallest normal number, 2^-126."""
    a = np.full(6, np.nextafter(np.float32(2.0**-63), np.float32(0.0)))
    truth = 6 * float(a[0]) ** 2
    assert 5 * 2.0**-126 < truth < envelope_of(lambda a: a @ a, a, dtype="float32")


@pytest.mark.parametrize("dtype", UNIT)
def test_numbers_are_rounded_unless_they_are_short(dtype: str) -> None:
    """In float64 too, where a number may have been computed."""
    noise, u = Noise(np.dtype(dtype)), UNIT[dtype]
    for exact in (2.0, 0.5, -100.0, 1, True):
        assert np.ptp(samples_of(np.maximum(as_noisy(np.zeros(1), noise), exact))) == 0.0
    for rounded in (0.999, 1e-8, 1.0 / 3.0):
        spread = np.ptp(samples_of(np.maximum(as_noisy(np.zeros(1), noise), rounded)))
        # u on either side, and up to half an ulp more as float64 rounds each
        assert u * rounded < spread <= 2 * (u + 2.0**-53) * rounded


def test_an_array_is_rounded_where_the_dtype_does_not_hold_it() -> None:
    noise, plain = Noise(SINGLE), np.array([0.5, 0.1])
    spread = np.ptp(samples_of(np.maximum(as_noisy(np.zeros(2), noise), plain)), axis=0)
    assert spread[0] == 0.0 < spread[1]


def test_what_exceeds_the_range_says_nothing_and_the_rest_does() -> None:
    a = np.array([1.0, 1e20, -1e30], "float32")
    allowed = envelope_of(lambda a: a * a, a, dtype="float32")
    assert allowed[0] < allowed[1] == allowed[2] == np.inf
    nothing = envelope_of(lambda a: a * a - a * a, a, dtype="float32")
    assert nothing[0] < nothing[1] == nothing[2] == np.inf
    assert np.isfinite(envelope_of(lambda a: a * a, a.astype(float), dtype="float64")).all()


def test_an_infinity_that_is_cut_off_says_something() -> None:
    p = np.array([0.0, 0.5])
    allowed = envelope_of(lambda p: np.maximum(np.log(p), -100.0), p, dtype="float64")
    assert np.isfinite(allowed).all()
    assert allowed[0] == SAFETY * (UNIT["float64"] * 100.0 + np.finfo(float).smallest_normal)


def test_the_same_function_has_the_same_envelope() -> None:
    a = random(5)
    first = envelope_of(np.tanh, a, dtype="float32")
    assert np.array_equal(first, envelope_of(np.tanh, a, dtype="float32"))
    other = envelope_of(lambda a: np.tanh(a) - a * a, a, dtype="float32", seed=1)
    assert not np.array_equal(other, envelope_of(lambda a: np.tanh(a) - a * a, a, dtype="float32"))


def test_what_is_no_array_of_floats_is_handed_on() -> None:
    def function(a: Array, which: Any, words: str, nothing: None) -> Array:
        assert which.dtype.kind == "i"
        assert (words, nothing) == ("sum", None)
        return a[which]

    assert envelope_of(
        function, random(4), np.array([1, 2]), "sum", None, dtype="float32"
    ).shape == (2,)


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (lambda a: np.asarray(a), "cannot become a plain one, which would lose its samples"),
        (lambda a: np.zeros((2, 3)).__setitem__(0, a), "make what it is assigned to with np.zeros_like"),
        (lambda a: operator.iadd(np.zeros(3), a), "cannot become a plain one"),
        (lambda a: a[0] if a[0] > 1.0 else a[1], "cannot decide a branch: choose .* np.where"),
        (lambda a: float(a[0]), "no single number: leave float"),
        (lambda a: np.fft.fft(a), "has no bound for np.fft; see oracles/rounding"),
        (lambda a: np.heaviside(a, 0.5), "has no bound for np.heaviside"),
        (lambda a: np.add(a, a, where=[True, False, True]), r"np.add, __call__ with \(where=\)"),
        (lambda a: np.subtract.outer(a, a), "has no bound for np.subtract, outer"),
    ],
)  # fmt: skip
def test_what_would_lose_samples_or_has_no_bound_is_refused(
    misuse: Callable[[Any], object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        misuse(as_noisy(random(3), Noise(SINGLE)))


def test_samples_without_their_axis_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"samples has shape \(3,\); its first axis must hold .* 12"
    ):
        Noisy(np.zeros(3), Noise(SINGLE))
