"""A gradient's terms, read off: what truncation leaves out is 0, what is scaled has its factor."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from rnncheck.case import Case
from rnncheck.diagnosis.experiments import HN, Experiment, experiments, simplest_first
from rnncheck.diagnosis.terms import Term, read_terms, true_gradients
from rnncheck.implementation import Capabilities, Gradients
from rnncheck.implementations.manual import backward, forward
from rnncheck.properties.draw import Draw
from rnncheck.properties.strategies import build
from rnncheck.spec import RNNSpec

ARRAYS = ["bias_hh_l0", "bias_ih_l0", "h0", "weight_hh_l0", "weight_ih_l0", "x"]


def plainest(nonlinearity: str = "tanh") -> Case:
    spec = RNNSpec(2, 3, nonlinearity=nonlinearity)  # type: ignore[arg-type]
    draw = Draw(
        spec, 4, 2, "plain", "both", h0=True, final_state=True, lengths=None, dropout=False,
        dtype="float64", one_bias=False, seed=1,
    )  # fmt: skip
    (first, *_) = simplest_first(build(draw), Capabilities())
    assert first[0] == ""
    return first[1]


def gradients(case: Case, truncation: int | None = None) -> Gradients:
    """By `manual`: another right way than the one the terms are taken from."""
    spec = replace(case.spec, truncation=truncation)
    _, _, tape = forward(spec, case.parameters, case.x, case.h0)
    return backward(tape, case.d_output, case.d_h_n)


def single(case: Case) -> Iterator[Experiment]:
    for part in experiments(case):
        yield from (one for one in part if one.t is not None)


def terms(case: Case, truncation: int | None = None, times: float = 1.0) -> list[Term]:
    found = []
    for one in single(case):
        given = {name: g * times for name, g in gradients(one.case, truncation).items()}
        found += read_terms(one, given, true_gradients(one), ARRAYS)
    return found


def lag(term: Term, T: int) -> int:
    return (T - 1 if term.t == HN else term.t) - term.s


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid", "identity", "relu"])
def test_every_term_of_a_right_gradient_is_right(nonlinearity: str) -> None:
    found = terms(plainest(nonlinearity))
    assert {term.array for term in found} == set(ARRAYS)
    assert all(term.is_right for term in found)


@pytest.mark.parametrize("k", [0, 1, 3])
def test_truncation_leaves_out_the_larger_lags_and_nothing_else(k: int) -> None:
    """Lags 0..k are kept, by the definition of truncated BPTT."""
    case = plainest()
    for term in terms(case, truncation=k):
        assert term.factor == (1.0 if lag(term, case.T) <= k else 0.0), term


def test_a_common_factor_is_every_terms_factor() -> None:
    found = terms(plainest(), times=0.25)
    assert found
    # Solved for with a rounding error of some ulp; 1e-9 is far above it and far below any factor meant.
    assert all(abs(term.factor - 0.25) < 1e-9 for term in found)


def test_of_two_cells_all_that_a_cotangent_brings_is_one_term() -> None:
    spec = RNNSpec(2, 3, bidirectional=True)
    draw = Draw(
        spec, 4, 2, "plain", "both", h0=True, final_state=True, lengths=None, dropout=False,
        dtype="float64", one_bias=False, seed=1,
    )  # fmt: skip
    kinds = dict(simplest_first(build(draw), Capabilities()))
    case = kinds["two directions"]
    one = next(single(case))
    right = true_gradients(one)
    found = read_terms(one, right.gradients, right, list(right.gradients))
    assert {term.array for term in found} == {n for n, g in right.gradients.items() if g.any()}
    assert len({(term.array, term.s) for term in found}) == len({term.array for term in found})


def test_what_is_no_multiple_has_no_factor() -> None:
    case = plainest()
    one = next(single(case))
    right = true_gradients(one)
    turned = {name: np.flip(g) for name, g in right.gradients.items()}
    found = read_terms(one, turned, right, ["h0"])
    assert [np.isnan(term.factor) for term in found] == [True]
