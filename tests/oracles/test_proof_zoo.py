"""Proof mode on networks as people write them: right ones certified, wrong ones never."""

from functools import cache

import pytest
from oracles.subjects import LONG, SHORT, Sizes, case_for
from zoo.registry import (
    ELMAN,
    LOSSES,
    OTHER_NETWORKS,
    UNSEEN_BY_FLOATS,
    WRONG_ELMAN,
    WRONG_LOSSES,
)

from rnncheck.oracles.proof import CHANCE, Proof, prove, prove_loss
from rnncheck.wrapping import Wrapped

ONLY_LONG = {"truncated_at_10", "truncated_at_30"}
"""Mistakes that are none where there are 8 steps."""


@cache
def proof(subject: Wrapped, sizes: Sizes, seed: int = 1) -> Proof:
    return prove(subject, case_for(subject, sizes), seed)


@pytest.mark.parametrize("name", ELMAN)
@pytest.mark.parametrize("sizes", [SHORT, LONG])
def test_right_networks_are_certified_and_the_chance_is_below_1e_15(
    name: str, sizes: Sizes
) -> None:
    found = proof(ELMAN[name], sizes)
    for certificate, what in ((found.gradient, "gradient"), (found.forward, "forward")):
        assert certificate is not None
        assert certificate.what == what
        assert 0 < certificate.false_accept < 1e-15 == CHANCE
        assert sizes[0] == certificate.T
        case = case_for(ELMAN[name], sizes)
        assert certificate.sizes == case.sizes()


@pytest.mark.parametrize("name", WRONG_ELMAN)
def test_a_wrong_gradient_is_not_certified(name: str) -> None:
    """Its forward is, at both sizes: a mistake in one says nothing of the other."""
    short = proof(WRONG_ELMAN[name], SHORT)
    assert short.forward is not None
    if name in ONLY_LONG:
        assert short.gradient is not None
        assert proof(WRONG_ELMAN[name], LONG).gradient is None
    else:
        assert short.gradient is None


@pytest.mark.parametrize("name", ["truncated_at_5", "cut_into_chunks_of_10", "no_transpose"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_seed(name: str, seed: int) -> None:
    assert proof(WRONG_ELMAN[name], LONG, seed).gradient is None
    right = proof(ELMAN["jacobians"], SHORT, seed)
    assert right.gradient
    assert right.forward


def test_a_mistake_is_seen_only_where_the_case_has_it() -> None:
    """A carry that is lost where the loss has no term needs a step without one; a bias of one row
    needs another row."""
    lost, row = WRONG_ELMAN["carry_lost_where_the_loss_has_no_term"], WRONG_ELMAN["bias_of_one_row"]
    full = case_for(lost, SHORT)
    full.d_output[3] = 1.0
    assert prove(lost, full).gradient
    assert prove(row, case_for(row, (8, 1, 4, 3))).gradient
    assert proof(row, SHORT).gradient is None


@pytest.mark.parametrize("name", UNSEEN_BY_FLOATS)
def test_half_an_ulp_is_seen(name: str) -> None:
    for sizes in (SHORT, LONG):
        assert proof(UNSEEN_BY_FLOATS[name], sizes).gradient is None
        assert proof(UNSEEN_BY_FLOATS[name], sizes).forward is not None


@pytest.mark.parametrize("name", OTHER_NETWORKS)
def test_another_network_has_its_own_gradient_and_not_the_forward(name: str) -> None:
    for sizes in (SHORT, LONG):
        found = proof(OTHER_NETWORKS[name], sizes)
        assert found.gradient is not None
        assert found.gradient.false_accept < 1e-15
        assert found.forward is None


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_loss_is_certified(name: str) -> None:
    function, parameters = LOSSES[name]()
    certificate = prove_loss(function, parameters, seed=1)
    assert certificate is not None
    assert certificate.what == "gradient"
    assert 0 < certificate.false_accept < 1e-15
    assert all(own in certificate.sizes for own in parameters)
    assert prove_loss(function, parameters, seed=1) == certificate


@pytest.mark.parametrize("name", WRONG_LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_loss_is_not(name: str, seed: int) -> None:
    function, parameters = WRONG_LOSSES[name]()
    assert prove_loss(function, parameters, seed=seed) is None


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_nothing_left_of_it_in_its_module(name: str) -> None:
    function, parameters = LOSSES[name]()
    before, _ = function(parameters)
    prove_loss(function, parameters)
    assert function(parameters)[0] == before
