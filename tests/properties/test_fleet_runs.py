"""Differences by fleets: the same as one value of L after the other, and believed as little."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.drawing import draw

from rnncheck.implementation import Forward
from rnncheck.implementations.references import reference
from rnncheck.oracles.differences.central import central_difference, first_values
from rnncheck.properties.registry import named_checks
from rnncheck.properties.routes import fleet_runs
from rnncheck.properties.routes.entry_runs import array_of, differences, entry_loss, loss_noise
from rnncheck.properties.routes.fleet_runs import fleet_losses
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.results import SubjectError
from rnncheck.spec import RNNSpec
from rnncheck.verdicts import judge

MANUAL = reference("manual")
(CHECK,) = named_checks(["gradient_matches_own_forward"])
CASES = {
    "two directions": draw(RNNSpec(2, 3, bidirectional=True), 4, 2),
    "layers, lengths": draw(RNNSpec(2, 2, 2, "relu"), 3, 3, lengths=(3, 0, 2)),
    "readout": draw(RNNSpec(2, 3, 2, output_size=2, readout="softmax", outputs="final"), 3, 2),
    "dropout": draw(RNNSpec(2, 2, 2, dropout=0.5), 3, 2),
    "generated": draw(RNNSpec(2, 2, generated=2), 2, 2),
}
ALL_CASES = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


class Counting:
    """`manual`, which counts its calls; perhaps without fleets, or with something done to their results."""

    def __init__(self, fleets: bool = True, change=lambda fleet, moved: fleet, **gradients: float):
        self.name = "counting"
        self.capabilities = replace(MANUAL.capabilities, fleet=fleets)
        self.change, self.factors = change, gradients
        self.forwards = self.fleets = 0

    def forward(self, case):
        self.forwards += 1
        return MANUAL.forward(case)

    def gradients(self, case):
        found = MANUAL.gradients(case)
        return found | {name: factor * found[name] for name, factor in self.factors.items()}

    def forward_fleet(self, case, moved):
        self.fleets += 1
        return self.change(MANUAL.forward_fleet(case, moved), moved)


def trial(subject, case) -> Trial:
    return Trial(subject, PoolCase(case))


@pytest.mark.parametrize("x", [0.0, -0.3, 5.0])
def test_the_first_values_are_what_a_difference_takes(x):
    asked = []

    def f(value):
        asked.append(value)
        return np.sin(value)

    central_difference(f, x, 0.0)
    first = first_values(x)
    assert len(set(first)) == len(first) == 9
    assert set(first) <= set(asked)
    assert set(asked[:9]) == set(first)


@ALL_CASES
def test_a_fleets_losses_are_those_of_single_calls(case):
    this = trial(MANUAL, case)
    noise = loss_noise(this, this.envelope)
    for name in this.gradients:
        known = fleet_losses(this, name)
        assert len(known) == 9 * np.isfinite(array_of(case, name)).sum()
        for (index, value), loss in known.items():
            assert abs(loss - entry_loss(this, name, index, value)) <= 2 * noise


@ALL_CASES
def test_the_differences_are_the_same_within_their_doubt(case):
    this = trial(MANUAL, case)
    noise = loss_noise(this, this.envelope)
    for name in this.gradients:
        one, doubt = differences(this, name, noise, fleet_losses(this, name))
        other, doubt_too = differences(this, name, noise)
        assert (np.abs(one - other) <= doubt + doubt_too).all()
        assert (np.isinf(doubt) == np.isinf(doubt_too)).all()


@ALL_CASES
def test_a_right_network_takes_few_single_calls(case):
    """The check passes; nearly all values are those of fleets, one or two for each array."""
    one, many = Counting(fleets=False), Counting()
    for subject in (one, many):
        assert judge(CHECK, trial(subject, case)).word == "passed"
    names = MANUAL.gradients(case)
    entries = sum(np.isfinite(array_of(case, name)).sum() for name in names)
    assert one.fleets == 0
    assert one.forwards >= 9 * entries
    assert 0 < many.fleets <= 2 * len(names)
    assert many.forwards < one.forwards / 3


@ALL_CASES
def test_the_size_of_a_call_does_not_matter(case, monkeypatch):
    this = trial(MANUAL, case)
    noise = loss_noise(this, this.envelope)
    whole = fleet_losses(this, "x")
    monkeypatch.setattr(fleet_runs, "NETWORKS", 7)
    parts = fleet_losses(this, "x")
    assert list(parts) == list(whole)
    assert all(abs(parts[move] - loss) <= 2 * noise for move, loss in whole.items())


@ALL_CASES
@pytest.mark.parametrize("name", ["x", "weight_hh_l0"])
def test_a_wrong_gradient_is_found(case, name):
    verdict = judge(CHECK, trial(Counting(**{name: 1 + 1e-5}), case))
    assert verdict.word == "failed"


def test_a_fleet_that_is_not_the_forward_is_a_finding():
    def halved(fleet: Forward, moved) -> Forward:
        return Forward(fleet.output / 2, fleet.h_n)

    case = CASES["two directions"]
    this = trial(Counting(change=halved), case)
    with pytest.raises(
        SubjectError, match=r"forward_fleet is not forward: where x\[\d, \d, \d\] is"
    ):
        fleet_losses(this, "x")
    verdict = judge(CHECK, this)
    assert verdict.word == "failed"
    assert verdict.message.startswith("forward_fleet is not forward")


def test_what_a_fleet_alone_finds_off_is_no_finding():
    """By its values x[0, 0, 0] moves the loss twice; the network whose loss is compared moves another.

    The loss is linear in x, so that no difference takes more than the fleet's nine values.
    """
    case = draw(RNNSpec(2, 3, nonlinearity="identity", bidirectional=True), 4, 2)

    def twice(fleet: Forward, moved) -> Forward:
        more = moved["x"][:, 0, 0, 0] - case.x[0, 0, 0] if "x" in moved else np.zeros(1)
        return Forward(fleet.output + more[:, None, None, None], fleet.h_n)

    subject = Counting(change=twice)
    this = trial(subject, case)
    noise = loss_noise(this, this.envelope)
    known, own = fleet_losses(this, "x"), differences(this, "x", noise)[0]
    off = differences(this, "x", noise, known)[0]
    assert abs(off - own).max() > 0.1
    assert judge(CHECK, this).word == "passed"


def test_shapes_of_a_fleet_are_read():
    def first(fleet: Forward, moved) -> Forward:
        return Forward(fleet.output[:1], fleet.h_n)

    this = trial(Counting(change=first), CASES["two directions"])
    with pytest.raises(SubjectError, match="output of the fleet has shape"):
        fleet_losses(this, "x")


def test_autodiff_has_none():
    autodiff = reference("autodiff")
    assert not autodiff.capabilities.fleet
    with pytest.raises(TypeError, match="autodiff has no fleets"):
        autodiff.forward_fleet(CASES["dropout"], {"x": CASES["dropout"].x[None]})
