"""Single entries whose gradient is known: kinks, jumps, noise, scales, and how many calls."""

import math
from typing import Any

import numpy as np
import pytest

from rnncheck import GradientCheck, gradcheck
from rnncheck.black_box import Verdict


def check(loss: Any, gradient: Any, w: Any, **options: Any) -> GradientCheck:
    """gradcheck of a loss and its gradient as functions of one array."""
    return gradcheck(
        lambda p: (loss(p["w"]), {"w": gradient(p["w"])}),
        {"w": np.array(w, np.float64)},
        raise_exception=False,
        **options,
    )


def verdicts(result: GradientCheck) -> list[Verdict]:
    return [entry.verdict for array in result.arrays for entry in array.entries]


def relu(w: Any) -> Any:
    return np.maximum(w, 0.0)


def test_a_quadratic() -> None:
    result = check(lambda w: w @ w, lambda w: 2 * w, [1.0, -3.0, 0.0])
    assert result.passed
    assert verdicts(result) == [Verdict.RIGHT] * 3


@pytest.mark.parametrize("convention", [0.0, 0.5, 1.0])
def test_relu_at_a_kink_is_a_convention(convention: float) -> None:
    result = check(
        lambda w: relu(w).sum(), lambda w: np.where(w == 0, convention, w > 0), [0.0, 1.0, -1.0]
    )
    assert result.passed
    assert verdicts(result) == [Verdict.KINK, Verdict.RIGHT, Verdict.RIGHT]
    kink = result.arrays[0].entries[0]
    assert kink.left == pytest.approx(0.0, abs=1e-6)  # 6·noise/h with h = 2⁻¹⁴ is below 1e-6
    assert kink.right == pytest.approx(1.0, abs=1e-6)
    assert "w[0] is at a kink" in result.text


def test_the_sum_of_absolute_values_all_at_0() -> None:
    result = check(lambda w: np.abs(w).sum(), np.sign, np.zeros(4))
    assert result.passed
    assert (result.kinks, result.undecided) == (4, 0)


def test_a_gradient_outside_the_slopes_of_a_kink_is_not_called_right() -> None:
    result = check(lambda w: np.abs(w).sum(), lambda w: np.where(w == 0, 5.0, np.sign(w)), [0.0])
    assert verdicts(result) == [Verdict.UNDECIDED]
    assert not result.passed


def test_beside_a_kink_the_slope_of_the_other_side_is_wrong() -> None:
    """At 1/4 nothing is a convention: the kink at 0 is further away than any step."""
    result = check(lambda w: relu(w).sum(), lambda w: 0 * w, [0.25])
    assert verdicts(result) == [Verdict.WRONG]


def test_relu_of_w_minus_relu_of_minus_w_is_not_accused() -> None:
    """The loss is w, its derivative 1; the rule relu'(0) = 0 gives 0, as in every framework."""
    result = check(
        lambda w: (relu(w) - relu(-w)).sum(), lambda w: 1.0 * (w > 0) + 1.0 * (w < 0), [0.0, 1.0]
    )
    assert verdicts(result) == [Verdict.UNDECIDED, Verdict.RIGHT]


def test_at_a_jump_nothing_is_said() -> None:
    result = check(lambda w: (3.0 * (w > 0) + np.sin(w)).sum(), np.cos, [0.0])
    assert verdicts(result) == [Verdict.UNDECIDED]
    assert not result.passed
    assert "NOTHING TOLD" in result.text


def test_a_feature_narrower_than_every_step_is_undecided() -> None:
    result = check(lambda w: np.tanh(1e9 * w).sum(), lambda w: 1e9 * np.ones(1), [0.0])
    assert verdicts(result) == [Verdict.UNDECIDED]


@pytest.mark.parametrize("kind", [ValueError, ZeroDivisionError, FloatingPointError])
def test_outside_the_domain_of_the_loss_nothing_is_said(kind: type[Exception]) -> None:
    def loss(w: Any) -> float:
        if w[0] <= 0:
            raise kind("no logarithm")
        return math.log(w[0])

    result = check(loss, lambda w: 1 / w, [1e-3])
    assert verdicts(result) == [Verdict.UNDECIDED]
    assert f"raised {kind.__name__}: no logarithm" in result.text


def test_numpy_does_not_warn_where_the_parameters_were_moved() -> None:
    result = check(lambda w: np.log(w).sum(), lambda w: 1 / w, [1e-3, 0.5])
    assert verdicts(result) == [Verdict.UNDECIDED, Verdict.RIGHT]
    assert result.outside is None


def as_float32(w: Any) -> Any:
    return w.astype(np.float32).astype(np.float64)


def test_a_loss_with_float32_inside_is_noisy_and_not_wrong() -> None:
    for loss in (
        lambda w: np.tanh(as_float32(w)).sum() + np.tanh(w).sum(),
        lambda w: 2 * np.tanh(as_float32(w)).sum(),
    ):
        for seed in range(10):
            w = np.random.default_rng(seed).standard_normal(3)
            assert check(loss, lambda w: 2 - 2 * np.tanh(w) ** 2, w).wrong == 0


def test_a_loss_all_in_float32_is_known_no_better_than_that() -> None:
    """Its values near 2 are multiples of 2⁻²³, and half a unit off."""
    result = check(lambda w: float(np.float32(w[0])), lambda w: np.ones(1), [1.7])
    assert result.passed
    assert result.noise >= 2.0**-24


@pytest.mark.parametrize("size", [1e8, 1e12])
def test_terms_that_cancel_in_loss_and_gradient_alike(size: float) -> None:
    """L = <d, X w> with rows ± that cancel to 1e-9: the gradient is off by size·u and more, and right."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        X = size * random.standard_normal((40, 3))
        X, d = np.vstack([X, -X * (1 + 1e-9)]), np.tile(random.standard_normal(40), 2)
        w = 1e-8 * random.standard_normal(3)
        result = check(lambda w, X=X, d=d: d @ (X @ w), lambda w, X=X, d=d: X.T @ d, w)
        assert (result.wrong, result.undecided) == (0, 0), result.text


def test_noise_as_large_as_the_loss_tells_nothing() -> None:
    """1e18 + L: an ulp is 128, and L is of order 1."""
    result = check(lambda w: 1e18 + np.sin(w).sum(), np.cos, [1.0, 2.0])
    assert not result.passed
    assert "NOTHING TOLD" in result.text
    assert "below the noise" in result.text


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_right_gradient_passes_at_any_scale_of_the_loss(scale: float) -> None:
    result = check(lambda w: scale * np.sin(w).sum(), lambda w: scale * np.cos(w), [0.3, 1.0, -2.0])
    assert result.passed
    assert result.undecided == 0


@pytest.mark.parametrize("factor", [1 - 1e-6, 1 + 1e-6, 1 - 1e-9])
def test_a_millionth_is_too_much(factor: float) -> None:
    result = check(lambda w: np.sin(w).sum(), lambda w: factor * np.cos(w), [0.3, 1.0, -2.0])
    assert verdicts(result) == [Verdict.WRONG] * 3


def test_a_right_entry_takes_8_to_12_calls() -> None:
    """Besides 2 at the start, 7 close by and 1 at the end."""
    n = 50
    w = np.random.default_rng(0).standard_normal(n)
    result = check(lambda w: np.tanh(w).sum(), lambda w: 1 - np.tanh(w) ** 2, w)
    assert result.wrong == 0
    assert 10 + 8 * n <= result.calls <= 10 + 12 * n


def test_the_parameters_themselves_are_asked_for_4_times() -> None:
    """Twice at the start, in the middle of the seven, and at the end; not for every entry."""
    w, times = np.array([0.5, -1.0, 2.0]), []

    def loss(v: Any) -> Any:
        if v.dtype != object:  # the certificate's run is on other numbers
            times.append(np.array_equal(v, w))
        return np.sin(v).sum()

    check(loss, np.cos, w)
    assert sum(times) == 4
