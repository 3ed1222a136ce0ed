"""Pools: the same seed draws the same cases, within the capabilities; shrinking finds the smallest."""

from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementation import Capabilities
from rnncheck.pool import Pools, Source
from rnncheck.properties.strategies import Draw, build

ALL = Capabilities()
LIMITED = [
    ALL,
    Capabilities(max_layers=1, bidirectional=False, readouts=(), lengths=False, dropout=False),
    Capabilities(nonlinearities=("tanh",), bias_vectors=(1,), dtypes=("float64",)),
    Capabilities(initial_state=False, final_state=False, batch_size=1, truncation=False),
    Capabilities(needs_readout=True, readouts=("softmax",), readout_biases=(False,)),
    Capabilities(outputs=("all",), generation=False, bias_vectors=(0,)),
]


@pytest.mark.parametrize("can", LIMITED)
@pytest.mark.parametrize("kind", ["general", "dyadic"])
def test_every_case_is_within_the_capabilities(can: Capabilities, kind: str) -> None:
    source = Source(can, kind, 0, 60)  # type: ignore[arg-type]
    assert source.is_empty == (source.draw() == [])
    for draw in source.draw():
        assert can.missing(build(draw)) is None


def test_the_same_seed_draws_the_same_cases_and_another_draws_others() -> None:
    first, again, other = (Source(ALL, "general", seed, 40).draw() for seed in (0, 0, 1))
    assert first == again
    assert first != other
    one, two = build(first[-1]), build(again[-1])
    for (name, array), (_, same) in zip(one.arrays(), two.arrays(), strict=True):
        np.testing.assert_array_equal(array, same, err_msg=name)


def test_the_smallest_failing_draw_is_found_and_nothing_is_asked_twice() -> None:
    asked: list[Draw] = []

    def fails(draw: Draw) -> bool:
        asked.append(draw)
        return draw.T >= 3 and draw.spec.hidden_size >= 2

    found = Source(ALL, "general", 0, 100).smallest(fails, 1000)
    assert found is not None
    assert (found.T, found.spec.hidden_size) == (3, 2)
    assert (found.B, found.spec.input_size, found.spec.num_layers) <= (1, 1, 1)
    assert len(asked) == len(set(asked))


def test_the_search_ends_when_its_questions_are_used_up() -> None:
    asked: list[Draw] = []

    def fails(draw: Draw) -> bool:
        asked.append(draw)
        return draw.T >= 3

    found = Source(ALL, "general", 0, 100).smallest(fails, 20)
    assert len(asked) <= 20
    assert found in asked


def test_nothing_fails_nothing_is_found() -> None:
    assert Source(ALL, "general", 0, 30).smallest(lambda draw: False, 100) is None


def test_a_pool_is_drawn_once_and_shared() -> None:
    pools, source = Pools(), Source(ALL, "general", 0, 5)
    pool = pools.get(source)
    assert pools.get(replace(source)) is pool
    draw, entry = next(iter(pool.items()))
    assert pools.case(source, draw) is entry
