"""Taylor's remainder: a right gradient is never accused, a wrong one is."""

import math
from functools import cache

import numpy as np
import pytest
from oracles.drawing import draw
from oracles.functions import U, noisy, smooth
from oracles.losses import Along

from rnncheck.oracles.differences.estimate import Estimate
from rnncheck.oracles.differences.taylor import RUNGS, WIDEST, Taylor, taylor_test
from rnncheck.spec import RNNSpec

NETWORKS = 300
WRONG = 1.0 + 1e-3


@cache
def network(seed: int) -> tuple[Along, float]:
    """A tanh network up to T = 30, contractive to chaotic, its loss scaled by 1e-8 to 1e8."""
    random = np.random.default_rng(seed)
    inputs, hidden, layers, b = random.integers(1, (4, 7, 3, 3)).tolist()
    spec = RNNSpec(inputs, hidden, layers)
    weights = (0.5, 0.9, 1.2, 2.0, 3.0)[seed % 5]
    case = draw(spec, int(random.integers(1, 31)), b, seed=seed, weights=weights)
    along = Along(case, seed, 10.0 ** random.uniform(-8.0, 8.0))
    return along, along.noise


def test_right_gradients_of_networks_are_not_accused() -> None:
    accused = [
        seed
        for seed in range(NETWORKS)
        for along, noise in [network(seed)]
        if taylor_test(along.f, along.slope, noise).is_wrong
    ]
    assert accused == []


def test_gradients_off_by_a_thousandth_are_accused() -> None:
    """Of the contractive and lively networks all but a few, of the others most."""
    found = {False: 0, True: 0}
    for seed in range(NETWORKS):
        along, noise = network(seed)
        found[seed % 5 < 3] += taylor_test(along.f, WRONG * along.slope, noise).is_wrong
    assert found[True] > 0.95 * NETWORKS * 3 / 5
    assert found[False] > 0.5 * NETWORKS * 2 / 5


def test_the_missing_part_is_what_is_missing() -> None:
    for seed in range(0, NETWORKS, 5):
        along, noise = network(seed)
        missing = taylor_test(along.f, WRONG * along.slope, noise).missing
        assert abs(missing.value - (along.slope - WRONG * along.slope)) <= missing.error


def test_the_order_of_networks_is_2_if_right_and_1_if_not() -> None:
    """In the median of those that are not chaotic; a wrong slope can cancel against c₂h at a rung."""
    orders: dict[float, list[float]] = {1.0: [], WRONG: []}
    for seed in range(NETWORKS):
        along, noise = network(seed)
        for factor, found in orders.items():
            order = taylor_test(along.f, factor * along.slope, noise).order
            if seed % 5 < 3 and order is not None:
                found.append(order)
    assert min(map(len, orders.values())) > NETWORKS / 2
    assert round(float(np.median(orders[1.0])), 2) == 2.0
    assert round(float(np.median(orders[WRONG])), 1) == 1.0


@pytest.mark.parametrize(
    "f", [math.exp, math.cos, lambda h: 1 / (2 + h)], ids=["exp", "cos", "1/x"]
)
def test_the_order_of_a_function(f: object) -> None:
    """R = c₂h² + c₃h³, off by 2·noise where R > 8·noise: each remainder by a third of itself.

    So a pair of rungs gives log₂ of 4(1 ± 1/12)/(1 ± 1/3), and c₃h/c₂ is nothing there (R falls to
    the noise at h = 2⁻¹² or so). With a wrong slope R is εh + c₂h²: at h = 2⁻¹⁶ and ε = 1e-2 the
    noise is a 75th of it, and c₂h/ε less than a 600th: log₂ of 2(1 ± 1/150)(1 ± 1/600)/(1 ± 1/75).
    """
    assert callable(f)
    slope = {math.exp: 1.0, math.cos: 0.0}.get(f, -0.25)
    errors = np.random.default_rng(0)
    noise = 1e-9

    def values(h: float) -> float:
        return float(f(h) + errors.uniform(-noise, noise) * (1 - 4 * U))

    right, wrong = (taylor_test(values, slope + e, noise) for e in (0.0, 1e-2))
    assert right.order is not None
    assert wrong.order is not None
    assert math.log2(4 * (11 / 12) / (4 / 3)) < right.order < math.log2(4 * (13 / 12) / (2 / 3))
    assert abs(wrong.order - 1.0) < math.log2((151 / 150) * (601 / 600) / (74 / 75))
    assert (right.is_wrong, wrong.is_wrong) == (False, True)
    assert wrong.rungs == RUNGS > right.rungs


def test_a_linear_function_has_no_order_and_no_fault() -> None:
    found = taylor_test(lambda h: 3.0 * h + 1.0, 3.0, 4 * U)
    assert (found.order, found.rungs, found.is_wrong) == (None, 0, False)
    assert taylor_test(lambda h: 3.0 * h + 1.0, 3.001, 4 * U).is_wrong


def test_smooth_functions_with_and_without_noise_are_not_accused() -> None:
    for seed in range(3000):
        function = smooth(seed)
        for noise in (0.0, 1e-10, 1e-5):
            f = noisy(function, noise, seed)
            bound = noise + function.noise + WIDEST * function.slack
            found = taylor_test(lambda h, f=f, x=function.x: f(x + h), function.slope, bound)
            assert not found.is_wrong, (function, noise, found)


@pytest.mark.parametrize("rung", range(RUNGS - 4))
def test_terms_that_cancel_at_one_rung_accuse_nobody(rung: int) -> None:
    """c₃h² and c₄h³ that cancel in the change from one rung to the next leave a third of one behind.

    L(h) = 2 r(h/2)/(h/2) - r(h)/h has -c₃h²/2 - 3c₄h³/4, and its change from 2h to h is
    3c₃h²/2 + 21c₄h³/4: nothing, for c₃ = -7/2 c₄ h.
    """
    h = WIDEST / 2.0 ** (rung + 1)
    c_3 = -3.5 * h
    found = taylor_test(lambda v: v**2 + c_3 * v**3 + v**4, 0.0, 1e-3 * h**4)
    assert not found.is_wrong


def test_verdict_of_hand() -> None:
    assert not Taylor(1.0, Estimate(1.0, 1.0), 5).is_wrong
    assert Taylor(2.0, Estimate(-1.5, 1.0), 5).is_wrong
    assert not Taylor(None, Estimate(math.nan, math.inf), 0).is_wrong
