"""`Capabilities.missing`: the words for what an implementation cannot run, None for what it can."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contract.drawing import DEEP, H, I, T, draw
from hypothesis import given, settings

from rnncheck.case import Case
from rnncheck.implementation import Capabilities, Implementation, Place, locate
from rnncheck.implementations.references import NAMES, reference
from rnncheck.properties.strategies import cases
from rnncheck.spec import RNNSpec

ALL = Capabilities()


def spec(**options: Any) -> Case:
    return draw(RNNSpec(I, H, **options))


def one_bias(case: Case) -> Case:
    zero = {n: np.zeros_like(a) for n, a in case.parameters.items() if n.startswith("bias_hh")}
    return case.replace(parameters={**case.parameters, **zero})


PLAIN = spec()
READOUT = spec(output_size=3)
FROM_ZEROS = PLAIN.replace(h0=-np.zeros_like(PLAIN.h0))

LACKS: list[tuple[dict[str, Any], Case, str, Case]] = [
    ({"nonlinearities": ("tanh",)}, spec(nonlinearity="relu"), "nonlinearity relu", PLAIN),
    ({"max_layers": 2}, spec(num_layers=3), "3 layers", spec(num_layers=2)),
    ({"bidirectional": False}, spec(bidirectional=True), "two directions", PLAIN),
    ({"bias_vectors": (2,)}, spec(bias=False), "a network without biases", PLAIN),
    ({"bias_vectors": (0,)}, PLAIN, "biases", spec(bias=False)),
    ({"bias_vectors": (1, 0)}, PLAIN, "a second bias vector", one_bias(PLAIN)),
    ({"bias_vectors": (1,)}, draw(DEEP), "a second bias vector", one_bias(draw(DEEP))),
    ({"bias_vectors": (1,)}, spec(bias=False), "a network without biases", one_bias(PLAIN)),
    ({"needs_readout": True}, PLAIN, "no readout", READOUT),
    ({"readouts": ()}, READOUT, "a readout with identity", PLAIN),
    (
        {"readouts": ("identity",)},
        spec(output_size=3, readout="softmax"), "a readout with softmax", READOUT,
    ),
    (
        {"readout_biases": (True,)},
        spec(output_size=3, readout_bias=False), "a readout without a bias", READOUT,
    ),
    (
        {"readout_biases": (False,)},
        READOUT, "a readout with a bias", spec(output_size=3, readout_bias=False),
    ),
    ({"truncation": False}, spec(truncation=0), "truncated BPTT", PLAIN),
    ({"initial_state": False}, PLAIN, "an initial state", FROM_ZEROS),
    ({"batch_size": 1}, PLAIN, "2 batch rows", draw(b=1)),
    ({"batch_size": 1}, draw(b=0), "0 batch rows", draw(b=1)),
    ({"lengths": False}, draw(lengths=[T, T]), "lengths", PLAIN),
    ({"dropout": False}, draw(DEEP, dropout=True), "dropout masks", draw(DEEP)),
    ({"dtypes": ("float64",)}, draw(dtype=np.float32), "float32", PLAIN),
    ({"dtypes": ("float32",)}, PLAIN, "float64", draw(dtype=np.float32)),
]  # fmt: skip


@pytest.mark.parametrize(("lack", "case", "words", "other"), LACKS)
def test_what_is_lacking_is_told(lack, case, words, other):
    can = replace(ALL, **lack)
    assert can.missing(case) == words
    assert can.missing(other) is None, "what it can run is not refused"


@pytest.mark.parametrize("name", NAMES)
def test_references_run_everything(name):
    can = reference(name).capabilities
    for _, case, _, other in LACKS:
        for each in (case, other):
            assert can.missing(each) is None


SUBJECTS = {
    "all": {},
    "feedforward": {"max_layers": 1, "bidirectional": False, "initial_state": False},
    "one bias": {"bias_vectors": (1,), "lengths": False},
    "no bias": {"bias_vectors": (0,), "dropout": False, "truncation": False},
    "any bias": {"bias_vectors": (2, 1, 0)},
    "readout": {"needs_readout": True, "readouts": ("softmax",), "readout_biases": (False,)},
    "unbatched": {"batch_size": 1, "readouts": (), "dtypes": ("float32",)},
    "relu": {"nonlinearities": ("relu",), "max_layers": 2, "final_state": False},
}


@pytest.mark.parametrize("name", list(SUBJECTS))
def test_every_case_that_is_drawn_can_be_run(name):
    """The strategies and `missing` read the capabilities alike."""
    can = replace(ALL, **SUBJECTS[name])

    @settings(max_examples=30, database=None, derandomize=True, deadline=None)
    @given(cases(can))
    def nothing_is_missing(case: Case) -> None:
        assert can.missing(case) is None
        assert can.final_state or not case.d_h_n.any()

    nothing_is_missing()


def test_capabilities_are_a_value():
    assert len({ALL, Capabilities(), replace(ALL, lengths=False)}) == 2


@pytest.mark.parametrize("name", NAMES)
def test_references_are_implementations(name):
    subject = reference(name)
    assert isinstance(subject, Implementation)
    assert subject.name == name
    assert not isinstance(object(), Implementation)


def test_without_names_of_its_own_an_entry_stands_where_it_stands():
    place = locate(reference("manual"), "weight_hh_l0", (1, 2))
    assert place == Place("weight_hh_l0", (1, 2))


def test_with_names_of_its_own_it_is_asked():
    class Turned:
        def locate(self, array: str, index: tuple[int, ...]) -> Place:
            return Place(array.upper(), index[::-1])

    subject: Any = Turned()
    assert locate(subject, "x", (0, 1, 2)) == Place("X", (2, 1, 0))


@pytest.mark.parametrize(
    ("index", "text"), [((), "W"), ((0,), "W[0]"), ((3, 0, 12), "W[3, 0, 12]")]
)
def test_a_place_reads_like_an_index(index, text):
    assert str(Place("W", index)) == text
