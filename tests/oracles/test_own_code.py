"""Somebody's own code on balls: right formulas give the truth to 60 digits, wrong ones do not.

The code's balls and the oracle's are rigorous for the very same float inputs. So those of a right
formula overlap, and as the code's are no wider than 1e-60 of the array, it agrees to 60 digits: 256
bits and 8 for each step are 77 digits and more, of which a few are lost.
"""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from flint import arb
from networks import backward as right_backward
from networks import forward_in_float32, forward_without_h0, no_transpose, right, wrap
from oracles.drawing import cases, label
from oracles.subjects import LONG, SHORT, Sizes, case_for
from zoo.registry import ELMAN, OTHER_NETWORKS, UNSEEN_BY_FLOATS, WRONG_ELMAN

from rnncheck.case import Case
from rnncheck.implementations.references import reference
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball
from rnncheck.oracles.envelope import envelope
from rnncheck.oracles.following.numbers import Objects, Unfollowed
from rnncheck.oracles.own_code import BallNumber, OwnCode, ball_number, distance, nearest_floats
from rnncheck.oracles.truth import exact_balls
from rnncheck.wrapping import Wrapped

DIGITS = 1e-60
BITS = 700
"""Of the oracle: so many that its balls are far narrower than the code's."""


@cache
def exact(case: Case) -> dict[str, list[Ball]]:
    with balls.precision(BITS):
        found, _ = exact_balls(case)
    return found


def arrays(subject: Any, case: Case) -> dict[str, Objects]:
    own = OwnCode(subject, case)
    return {**own.forward, **own.gradients}


def agrees(found: Objects, truth: list[Ball]) -> bool:
    """Whether every ball overlaps with the truth's and is narrow."""
    with balls.precision(BITS):
        size = max((abs(float(t.mid())) for t in truth), default=0.0)
        pairs = list(zip(found.ravel(), truth, strict=True))
        assert all(type(v) is BallNumber for v, _ in pairs)
        assert all(float(v.ball.rad()) <= DIGITS * size for v, _ in pairs)
        return all(v.ball.overlaps(t) for v, t in pairs)


def excess(subject: Any, case: Case) -> float:
    """The largest distance from the truth, in units of what floats may be off."""
    allowed, truth, largest = envelope(case), exact(case), 0.0
    for name, found in arrays(subject, case).items():
        hi, lo, radius = balls.rounded(truth[name], found.shape)
        least, most = distance(found, hi, lo, OwnCode(subject, case).bits)
        assert np.all(least <= most)
        assert np.all(radius <= 1e-9 * allowed[name].allowed)
        ratio = np.where(allowed[name].telling, least / allowed[name].allowed, 0.0)
        largest = max(largest, float(ratio.max(initial=0.0)))
    return largest


@cache
def short(subject: Wrapped, sizes: Sizes = SHORT) -> Case:
    return case_for(subject, sizes)


@cache
def persistent(subject: Wrapped) -> Case:
    """Forty steps through an orthogonal matrix with a weak drive: gradients live on."""
    case = case_for(subject, LONG)
    if case.spec.nonlinearity != "tanh":
        return case
    own = {name: value / 1000 for name, value in case.parameters.items() if name != "weight_ho"}
    own["weight_hh_l0"], _ = np.linalg.qr(case.parameters["weight_hh_l0"])
    return case.replace(parameters={**case.parameters, **own}, h0=case.h0 / 1000)


@pytest.mark.parametrize("name", ELMAN)
def test_a_right_network_gives_the_truth(name: str) -> None:
    case = short(ELMAN[name])
    for array, found in arrays(ELMAN[name], case).items():
        assert agrees(found, exact(case)[array]), array


@pytest.mark.parametrize("name", ["scalar", "manual", "autodiff"])
@pytest.mark.parametrize("case", cases()[::6], ids=label)
def test_so_do_the_references(name: str, case: Case) -> None:
    for array, found in arrays(reference(name), case).items():
        assert agrees(found, exact(case)[array]), array


@pytest.mark.parametrize("name", WRONG_ELMAN)
def test_a_wrong_gradient_is_off_by_more_than_floats_may_be(name: str) -> None:
    subject = WRONG_ELMAN[name]
    assert excess(subject, short(subject)) > 1 or excess(subject, persistent(subject)) > 1
    forward = OwnCode(subject, short(subject)).forward
    for array, found in forward.items():
        assert agrees(found, exact(short(subject))[array])


@pytest.mark.parametrize("name", OTHER_NETWORKS)
def test_another_network_is_another_output(name: str) -> None:
    subject = OTHER_NETWORKS[name]
    assert not agrees(
        OwnCode(subject, short(subject)).forward["output"], exact(short(subject))["output"]
    )
    assert excess(subject, short(subject)) > 1


@pytest.mark.parametrize("name", UNSEEN_BY_FLOATS)
def test_half_an_ulp_is_seen_and_is_less_than_floats_may_be_off(name: str) -> None:
    subject = UNSEEN_BY_FLOATS[name]
    case = short(subject)
    found = arrays(subject, case)
    assert not all(agrees(array, exact(case)[own]) for own, array in found.items())
    assert excess(subject, case) < 1


def test_arithmetic_that_is_poor_is_not_poor_on_balls() -> None:
    """A tanh in float32 is right as a formula."""
    subject = wrap(forward_in_float32, right_backward)
    case = short(subject)
    for array, found in arrays(subject, case).items():
        assert agrees(found, exact(case)[array])
    wrong = wrap(forward_without_h0)
    assert not agrees(OwnCode(wrong, case).forward["output"], exact(case)["output"])


@pytest.mark.parametrize("subject", [right, wrap(right._user_forward, no_transpose)])
def test_slopes_are_those_of_the_forward_whatever_the_backward(subject: Wrapped) -> None:
    """(L(θ + ε) - L(θ - ε))/2ε = L' + ε²L'''/6 with ε² = 2⁻¹⁶⁰ ≈ 7e-49; L''' is below 1e6 here."""
    case = short(right)
    own = OwnCode(subject, case)
    for name, index in (("weight_hh_l0", (0, 2)), ("x", (1, 0, 3)), ("h0", (0, 1, 1))):
        shape = own.gradients[name].shape
        truth = exact(case)[name][int(np.ravel_multi_index(index, shape))]
        with balls.precision(BITS):
            assert float(abs(own.slope(name, index) - truth).upper()) < 1e6 * 2.0**-160


def test_a_ball_is_the_number_that_it_is_given() -> None:
    with balls.precision(256):
        assert ball_number(0.1).ball == arb(0.1)
        assert (ball_number(0.1) * 10).ball != arb(1)  # the float 0.1 is not 1/10
        assert ball_number(np.float32(0.1)).approximate() == float(np.float32(0.1))
        assert type(ball_number(True) + 2) is BallNumber
    with pytest.raises(Unfollowed, match="str stands where"):
        ball_number("1")


def test_order_is_told_only_where_the_balls_tell() -> None:
    with balls.precision(64):
        a, third = ball_number(0.25), ball_number(1) / 3
        assert a < third < 1
        assert third > a
        assert a <= a
        assert a == 0.25
        assert a != third
        assert -math.inf < a < math.inf
        with pytest.raises(Unfollowed, match="too near"):
            _ = third * 3 > 1
        with pytest.raises(TypeError, match="compared with str"):
            _ = a < "b"


@pytest.mark.parametrize(
    ("power", "value"),
    [(lambda a: (-a) ** 3, -0.125), (lambda a: a**-2, 4.0), (lambda a: 4**a, 2.0),
     (lambda a: (a / 2) ** 0.5, 0.5), (lambda a: (-a) ** 2.0, 0.25), (lambda a: a**0, 1.0),
     (abs, 0.5), (lambda a: abs(-a), 0.5), (lambda a: 1 / a, 2.0), (lambda a: 1 - a, 0.5)],
)  # fmt: skip
def test_powers_and_the_like(power: Any, value: float) -> None:
    with balls.precision(256):
        result = power(ball_number(0.5))
        assert result.ball.contains(arb(value))
        assert float(result.ball.rad()) < 1e-70


def test_distances_are_from_below_and_from_above() -> None:
    third = np.array([BallNumber(arb(1, 0.25)), BallNumber(arb(2))], dtype=object)
    least, most = distance(third, np.array([1.0, 2.5]), np.array([0.0, 0.25]), 100)
    assert least.tolist() == [0.0, 0.75]
    assert most[0] == pytest.approx(0.25, rel=1e-8)  # radii are kept to 30 bits
    assert most[1] == 0.75
    assert nearest_floats(third).tolist() == [1.0, 2.0]
