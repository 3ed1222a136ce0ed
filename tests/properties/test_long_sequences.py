"""What only a thousand steps show: it is found, and there is a truth to find it by."""

from typing import Any

import pytest
from flint import arb_mat

from rnncheck.implementations.faulty.cell import Array, CellTape
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.oracles.drift import Boxes
from rnncheck.properties.draw import Draw
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec
from rnncheck.verdicts import Verdict, judge

T = 1000


class TruncatedAfterManyLinks(Plain):
    """Back-propagation goes back 300 links: shorter sequences show nothing."""

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        return self.truncated_deltas(tape, d_h, d_h_n, 300)


def verdict(subject: Any, steps: int = T) -> Verdict:
    """A network that turns its states and does not forget them."""
    drawn = Draw(
        RNNSpec(2, 3), steps, 1, "orthogonal", "both", h0=True, final_state=True, lengths=None,
        dropout=False, dtype="float64", one_bias=False, seed=2,
    )  # fmt: skip
    check = named_checks(["gradient_matches_truth"])[0]
    return judge(check, Trial(subject, PoolCase(build(drawn))))


def test_a_right_network_is_a_witness() -> None:
    found = verdict(Plain())
    assert found.word == "passed"
    assert found.outcome is not None
    assert found.outcome.witness


def test_what_goes_wrong_after_300_steps_is_found() -> None:
    assert verdict(TruncatedAfterManyLinks()).word == "failed"
    assert verdict(TruncatedAfterManyLinks(), 200).word == "passed"


def test_without_a_truth_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By boxes alone, at 192 bits, nobody knows the gradients: the wrong network passes, as no witness."""

    def boxes(_weight: arb_mat, _floats: Array, _steps: int) -> Boxes:
        return Boxes()

    monkeypatch.setattr("rnncheck.oracles.exact.recurrence", boxes)
    monkeypatch.setattr("rnncheck.oracles.truth.LAST_BITS", 192)
    found = verdict(TruncatedAfterManyLinks())
    assert found.word == "passed"
    assert found.outcome is not None
    assert not found.outcome.witness
