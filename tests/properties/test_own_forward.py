"""`gradient_matches_own_forward` by impulses: what it takes them for, and that they never accuse alone."""

import networks
import numpy as np
import pytest
from altered_networks import Altered, right, trials
from impulse_subjects import (
    CASE,
    LARGE,
    WRONG,
    changed,
    first_rows_only,
    forgets_bias,
    of_its_size_only,
    own_backward,
    steps_counted,
)
from oracles.drawing import draw
from zoo.registry import ELMAN, OTHER_NETWORKS

from rnncheck.engine import judge
from rnncheck.implementation import Capabilities
from rnncheck.properties.registry import named_checks
from rnncheck.properties.routes import own_differences
from rnncheck.properties.routes.impulse_runs import ImpulseRuns, takes_impulses
from rnncheck.properties.routes.own_differences import OwnDifferences
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec

(CHECK,) = named_checks(["gradient_matches_own_forward"])


def verdict(subject, case=CASE):
    return judge(CHECK, Trial(subject, PoolCase(case)))


@pytest.fixture
def one_by_one(monkeypatch):
    """The arrays of which every entry is looked at alone, in the test so far."""
    names, own = [], own_differences.differences

    def differences(trial, name, noise, *known):
        names.append(name)
        return own(trial, name, noise, *known)

    monkeypatch.setattr(own_differences, "differences", differences)
    return names


def founded(subject, case=CASE):
    trial = Trial(subject, PoolCase(case))
    return ImpulseRuns(trial).is_founded(trial.envelope, 1e-13)


@pytest.mark.parametrize("name", ["manual", "autodiff", "scalar", "torch"])
def test_right_networks_pass_by_impulses_alone(name, one_by_one):
    if name == "torch":
        pytest.importorskip("torch")
    found = verdict(right(name))
    assert found.word == "passed"
    assert found.outcome.witness
    assert one_by_one == []


ZOO = {n: r for n, r in (ELMAN | OTHER_NETWORKS).items() if r.capabilities.batch_size is None}
"""Those that take any number of rows; impulses are not for the others."""


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_passes(name):
    network = ZOO[name]
    words = [judge(CHECK, trial).word for trial in trials(network, 6)]
    assert ("passed" in words) == ("float64" in network.capabilities.dtypes)
    assert set(words) <= {"passed", "not_applicable", "refused"}


@pytest.mark.parametrize("name", WRONG)
def test_planted_faults_are_found_by_impulses(name, one_by_one):
    subject = networks.wrap(networks.forward, WRONG[name])
    assert founded(subject)
    found = verdict(subject)
    assert found.word == "failed"
    assert one_by_one == []


def test_a_gradient_of_nan_is_found(one_by_one):
    assert verdict(networks.wrap(networks.forward, changed(b=np.nan))).word == "failed"
    assert one_by_one == []


def test_the_formula_is_not_taken_for_the_forward_pass(one_by_one):
    """Impulses say db = Σ δ whatever is done with b: only L along b tells that it is not used."""
    claims = networks.wrap(forgets_bias, networks.backward)
    honest = networks.wrap(
        forgets_bias,
        lambda params, *rest: (
            networks.backward(params | {"b": 0 * params["b"]}, *rest) | {"b": 0 * params["b"]}
        ),
    )
    assert not founded(claims)
    assert verdict(claims).word == "failed"
    assert verdict(honest).word == "passed"
    assert one_by_one


@pytest.mark.parametrize("forward", [first_rows_only, of_its_size_only, steps_counted])
def test_what_impulses_would_confuse_is_looked_at_entry_by_entry(forward, one_by_one):
    subject = networks.wrap(forward, own_backward(forward))
    found = verdict(subject)
    assert found.word == "passed"
    assert forward is first_rows_only or set(one_by_one) >= {"weight_ih_l0", "x", "h0"}
    wrong = networks.wrap(forward, changed(h0=0.0))
    assert verdict(wrong).word == "failed"


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_what_entries_do_not_bear_out_is_no_failure(factor, monkeypatch, one_by_one):
    own = ImpulseRuns.differences

    def differences(self, envelope):
        found = own(self, envelope)
        value, doubt = found["weight_hh_l0"]
        return found | {"weight_hh_l0": (factor * value, doubt)}

    monkeypatch.setattr(ImpulseRuns, "differences", differences)
    monkeypatch.setattr(ImpulseRuns, "is_founded", lambda *_: True)
    assert verdict(networks.right).word == "passed"
    assert bool(one_by_one) == (factor != 1.0)


def test_more_accusations_than_may_be_looked_at_are_none(monkeypatch):
    """All of them at kinks, say: the case is then not judged at all."""
    monkeypatch.setattr(own_differences, "crosses_kink", lambda *_: True)
    wrong = networks.wrap(networks.forward, changed(W_hh=2.0))
    assert verdict(wrong).word == "passed"  # 16 entries, all of them silent
    monkeypatch.setattr(own_differences, "MOST_BY_ENTRIES", 15 * CASE.T * CASE.B)
    assert verdict(wrong).word == "not_applicable"


def test_a_large_case_is_taken_by_impulses_and_not_without():
    assert verdict(right("manual"), LARGE).word == "passed"
    without = Altered("manual", batch_size=LARGE.B)
    assert verdict(without, LARGE).message == "the case is too large for differences"


def test_a_large_case_whose_impulses_mislead_is_not_judged():
    found = verdict(networks.wrap(steps_counted, own_backward(steps_counted)), LARGE)
    assert (found.word, found.message) == (
        "not_applicable",
        "the case is too large for differences",
    )


def test_the_entries_of_a_readout_are_looked_at_alone(one_by_one):
    case = draw(RNNSpec(3, 2, output_size=2, readout="softmax"), 5, 2)
    assert verdict(right("manual"), case).word == "passed"
    assert set(one_by_one) == {"weight_ho", "bias_o"}


def test_a_kink_of_relu_is_no_failure(one_by_one):
    """x, h0 and the biases are 0: all arguments of the first steps are exactly on the kink."""
    case = draw(RNNSpec(3, 2, nonlinearity="relu"), 4, 2)
    zeros = {n: 0 * a if "bias" in n else a for n, a in case.parameters.items()}
    x = case.x.copy()
    x[:2] = 0.0
    found = verdict(right("manual"), case.replace(parameters=zeros, x=x, h0=0 * case.h0))
    assert found.word == "passed"


@pytest.mark.parametrize(
    ("taken", "spec", "lengths", "can"),
    [
        (True, RNNSpec(3, 2), None, {}),
        (True, RNNSpec(3, 2), None, {"bias_vectors": (1, 2)}),
        (True, RNNSpec(3, 2), None, {"final_state": False}),
        (True, RNNSpec(3, 2, output_size=2, outputs="last"), None, {}),
        (True, RNNSpec(3, 2, outputs="final"), None, {}),
        (False, RNNSpec(3, 2, output_size=2), None, {"final_state": False}),
        (False, RNNSpec(3, 2), None, {"initial_state": False}),
        (False, RNNSpec(3, 2), None, {"batch_size": 2}),
        (False, RNNSpec(3, 2), [4, 1], {}),
        (False, RNNSpec(3, 2, 2), None, {}),
        (False, RNNSpec(3, 2, bidirectional=True), None, {}),
        (False, RNNSpec(2, 2, generated=1), None, {}),
    ],
)
def test_what_impulses_are_taken_for(taken, spec, lengths, can):
    subject = Altered("manual", **can)
    assert isinstance(subject.capabilities, Capabilities)
    assert takes_impulses(Trial(subject, PoolCase(draw(spec, 4, 2, lengths=lengths)))) is taken


def test_the_differences_of_all_entries_are_there():
    trial = Trial(right("manual"), PoolCase(CASE))
    found = OwnDifferences(trial).estimates(trial.envelope)
    assert set(found) == set(trial.gradients)
    for name, estimates in found.items():
        assert estimates.value.shape == trial.gradients[name].shape
        assert np.isfinite(estimates.doubt).all()
        assert estimates.telling.all()
