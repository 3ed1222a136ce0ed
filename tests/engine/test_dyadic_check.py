"""The bit-for-bit check: one unit in the last place of one entry is found."""

import numpy as np
import pytest

from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.implementations.references import NAMES, reference
from rnncheck.oracles import dyadic
from rnncheck.pool import Pools, Source
from rnncheck.properties.registry import named_checks
from rnncheck.properties.trial import Trial

(CHECK,) = named_checks(["dyadic_results_are_exact"])
SOURCE = Source(Capabilities(), "dyadic", 0, 60)


class OneUlpOff:
    """`manual`, with the last entry of one array moved to the next float."""

    name = "one ulp off"
    capabilities = Capabilities()

    def __init__(self, array: str) -> None:
        self.array, self.right = array, reference("manual")

    def forward(self, case: Case) -> Forward:
        results = {k: v for k, v in self.right.forward(case)._asdict().items() if v is not None}
        return Forward(**self.moved(results))

    def gradients(self, case: Case) -> Gradients:
        return self.moved(self.right.gradients(case))

    def moved(self, results: Gradients) -> Gradients:
        array = results.get(self.array)
        if array is not None and array.size:
            array.flat[-1] = np.nextafter(array.flat[-1], np.inf)
        return results


@pytest.mark.parametrize("array", ["output", "h_n", "weight_hh_l0", "x", "h0"])
def test_one_ulp_is_found_and_named(array: str) -> None:
    words = []
    for entry in Pools().get(SOURCE).values():
        verdict = judge(CHECK, Trial(OneUlpOff(array), entry))
        words.append(verdict.word)
        if verdict.word == "failed":
            assert verdict.outcome is not None
            assert [e.array for e in verdict.outcome.by_array() if e.ratio > 1] == [array]
    gradient = array not in ("output", "h_n")
    for word, entry in zip(words, Pools().get(SOURCE).values(), strict=True):
        shapes = entry.case.spec.array_shapes(entry.case.T, entry.case.B)
        empty = 0 in (shapes.get(array) or (1,))
        silent = empty or (gradient and entry.truth.kinks)
        assert word == ("passed" if silent else "failed") or word == "not_applicable"
    assert words.count("failed") > len(words) / 3


@pytest.mark.parametrize("name", NAMES)
def test_the_references_are_exact_on_every_case(name: str) -> None:
    words = {judge(CHECK, Trial(reference(name), e)).word for e in Pools().get(SOURCE).values()}
    assert "passed" in words
    assert words <= {"passed", "not_applicable"}


def test_the_cases_are_dyadic_and_within_their_bits() -> None:
    entries = Pools().get(SOURCE).values()
    assert all(dyadic.is_dyadic(entry.case) for entry in entries)
    fitting = [entry.case for entry in entries if dyadic.fits(entry.case)]
    assert len(fitting) > len(entries) / 2
    assert max(case.T for case in fitting) > 5


def test_a_third_is_not_dyadic() -> None:
    case = next(iter(Pools().get(SOURCE).values())).case
    third = case.replace(h0=np.full_like(case.h0, 1 / 3))
    assert not dyadic.is_dyadic(third)
    assert not dyadic.fits(third)
