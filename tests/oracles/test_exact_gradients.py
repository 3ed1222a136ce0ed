"""Exact back-propagation against exact finite differences: every entry, to 40 digits."""

from typing import get_args

import pytest
from oracles.digits import BITS, assert_agree, gradients
from oracles.drawing import READOUTS, T, cases, draw, generating, label, specs

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.differences.exact import exact_differences
from rnncheck.oracles.truth import exact_balls
from rnncheck.spec import Nonlinearity, Outputs, Readout, RNNSpec


@pytest.mark.parametrize("case", cases(), ids=label)
def test_back_propagation_is_the_exact_difference(case: Case) -> None:
    with balls.precision(BITS):
        found = gradients(case)
    assert_agree(found, exact_differences(case, bits=BITS))


def test_the_cases_meet_every_option() -> None:
    drawn = cases()
    met = {name: {getattr(c.spec, name) for c in drawn} for name in vars(drawn[0].spec)}
    assert met["num_layers"] == {1, 2, 3}
    assert met["nonlinearity"] == set(get_args(Nonlinearity))
    assert met["readout"] == set(get_args(Readout))
    assert met["outputs"] == set(get_args(Outputs))
    assert met["bias"] == met["bidirectional"] == met["readout_bias"] == {True, False}
    assert met["generated"] == {0, 2}
    assert {0, T} <= {int(n) for c in drawn if c.lengths is not None for n in c.lengths}
    assert all(c.h0.all() and c.d_h_n.all() for c in drawn)


def test_the_cases_meet_options_together() -> None:
    drawn = cases()
    readouts = {(s.readout, s.readout_bias, s.output_size, s.nonlinearity) for s in specs()}
    assert len(readouts) == len(READOUTS) * len(get_args(Nonlinearity))
    assert len({(s.outputs, s.bidirectional, s.num_layers) for s in specs()}) == 3 * 2 * 3
    assert len({(c.spec.outputs, c.lengths is None) for c in drawn}) == 3 * 2
    masked = [c for c in drawn if c.dropout_masks is not None and c.spec.num_layers > 1]
    assert len({(c.spec.bidirectional, c.lengths is None) for c in masked}) == 2 * 2
    assert {s.output_features == s.input_size for s in generating()} == {True}


@pytest.mark.parametrize("names", [["x"], ["h0", "weight_hh_l0"], []])
def test_differences_of_some_arrays_are_those_of_all(names: list[str]) -> None:
    case = draw(RNNSpec(2, 2), 2, 2)
    everything = exact_differences(case)
    assert list(everything) == [*case.spec.parameter_shapes(), "x", "h0"]
    assert_agree(exact_differences(case, names), {name: everything[name] for name in names})


def test_padding_has_a_difference_of_exactly_0() -> None:
    case = draw(RNNSpec(1, 2), 3, 2, lengths=[1, 3])
    assert [d == 0 for d in exact_differences(case, ["x"])["x"]] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]


def test_a_long_case_gets_more_bits_by_itself() -> None:
    """A ball widens by the radius of |W_hh| over that of W_hh, a bit a step at H = 8 and random signs.

    After 100 steps and a division by 2⁻⁸⁰, 256 bits leave no 40 digits. (A linear network, as its
    differences for h0 and the bias have no truncation error to be mistaken for it.)
    """
    case = draw(RNNSpec(1, 8, nonlinearity="identity"), 100, 1, seed=1)
    names = ["bias_ih_l0", "h0"]
    with balls.precision(1024):
        found = {name: gradients(case)[name] for name in names}
    assert_agree(found, exact_differences(case, names))
    with pytest.raises(AssertionError):
        assert_agree(found, exact_differences(case, names, bits=256))


@pytest.mark.parametrize("convention", [0.0, 0.5, 1.0])
def test_the_derivative_at_a_kink_is_the_convention(convention: float) -> None:
    """h = max(w·x + u·h0, 0) with x = h0 = 0: dL/dx = w·c, dL/dh0 = u·c."""
    case = draw(RNNSpec(1, 1, nonlinearity="relu", bias=False), 1, 1, inputs=0.0)
    arrays, kinks = exact_balls(case, convention)
    assert len(kinks.found) == 1
    total = case.d_output.item() + case.d_h_n.item()
    for name, weight in (("x", "weight_ih_l0"), ("h0", "weight_hh_l0")):
        with balls.precision(BITS):
            exact = balls.Ball(case.parameters[weight].item()) * total * convention
            assert arrays[name][0].overlaps(exact)
