"""Where a gradient is wrong, where it takes something to show: equal sizes, padding, an exact kink."""

import numpy as np
import pytest

from rnncheck.case import Case
from rnncheck.diagnosis.place import AS_FAILED, where, where_it_showed
from rnncheck.implementations.faulty.catalogue import named
from rnncheck.properties.draw import Draw
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec

ALL = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "x", "h0"}


def case(spec: RNNSpec, lengths: tuple[int, ...] | None = None) -> Case:
    return build(
        Draw(
            spec, 4, 3, "plain", "both", h0=True, final_state=True, lengths=lengths,
            dropout=False, dtype="float64", one_bias=False, seed=3,
        )
    )  # fmt: skip


PLAIN = RNNSpec(2, 3)
PLACES = {
    "carry_without_transpose": (PLAIN, None, "lags 1 and up", ""),
    "output_of_its_own_for_input": (PLAIN, None, "every term", "equal sizes"),
    "readout_without_transpose": (
        RNNSpec(2, 3, output_size=3), None, "what the output brings", "a readout and equal sizes",
    ),
    "empty_row_loses_gradient": (PLAIN, (4, 0, 2), "rows without steps", "lengths"),
    "last_state_before_the_first": (PLAIN, None, "step 0", ""),
    "sizes_of_cotangents": (PLAIN, None, "every term", ""),
    "nothing_without_output": (PLAIN, None, "what h_n brings", ""),
    "final_state_at_every_step": (PLAIN, None, "what h_n brings", ""),
    "truncation_counts_from_the_end": (
        RNNSpec(2, 3, truncation=1), None, "lags 1 and up", "truncated BPTT",
    ),
    "steps_in_forward_order": (PLAIN, None, "lags 1 and up", ""),
    "relu_slope_leaks": (RNNSpec(2, 3, nonlinearity="relu"), None, "some units", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_the_place_and_what_it_takes_to_show(name: str) -> None:
    spec, lengths, terms, feature = PLACES[name]
    found = where(named(name).make(), case(spec, lengths))
    assert found is not None
    assert (found.terms, found.feature) == (terms, feature)
    assert set(found.wrong) == set(named(name).wrong)


def test_nan_in_the_padding_is_there_in_the_experiments_too() -> None:
    drawn = case(PLAIN, (2, 4, 1))
    given = drawn.replace(x=np.nan_to_num(drawn.x), d_output=np.nan_to_num(drawn.d_output))
    x = given.x.copy()
    x[3, 0] = np.nan
    found = where(named("mask_multiplies").make(), given.replace(x=x))
    assert found is not None
    assert (set(found.wrong), found.terms, found.feature) == (ALL, "not finite", "lengths")
    assert where(named("mask_multiplies").make(), given) is None


def test_where_no_experiment_shows_it_the_case_that_failed_speaks() -> None:
    """ReLU's slope as h / a: only where a is exactly 0, as on zeros, is it 0 / 0."""
    given = case(RNNSpec(2, 3, nonlinearity="relu", bias=False))
    given = given.replace(x=given.x * 0, h0=given.h0 * 0)
    subject = named("relu_slope_by_division").make()
    assert where(subject, given) is None
    found = where_it_showed(subject, Trial(subject, PoolCase(given)))
    assert (found.terms, found.feature) == ("not finite", AS_FAILED)
    assert set(found.wrong) <= ALL
    assert "weight_hh" in found.wrong or "x" in found.wrong
