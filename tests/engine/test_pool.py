"""Pools: the same seed draws the same cases, within the capabilities; shrinking finds the smallest."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnncheck.implementation import Capabilities
from rnncheck.pool import Pools, Source, shared_out
from rnncheck.properties.strategies import LONG, Draw, build

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


PROGRAM = """
{imports}
from rnncheck.implementation import Capabilities
from rnncheck.pool import Source
for kind in ("general", "dyadic"):
    for seed in range(3):
        print(Source(Capabilities(), kind, seed, 60).draw())
"""


def drawn_beside(imports: str, folder: Path) -> str:
    """What another process draws that has imported something of its own before."""
    program = [sys.executable, "-c", PROGRAM.format(imports=imports)]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_subjects_file_full_of_constants_does_not_change_the_draws(tmp_path: Path) -> None:
    """Hypothesis takes some of its integers from the constants of local modules that are loaded."""
    large = np.random.default_rng(0).integers(100, 2**32, 200)
    numbers = ", ".join(str(n) for n in [*range(-101, 300), *large])
    (tmp_path / "my_rnn.py").write_text(f"NUMBERS = [{numbers}]\n")
    assert drawn_beside("", tmp_path) == drawn_beside("import my_rnn", tmp_path)


def test_two_directions_do_not_look_simpler_than_one() -> None:
    """Fewer choices count as simpler: a direction must not do without one that the other makes."""
    for seed in range(3):
        found = Source(ALL, "general", seed, 40).smallest(lambda draw: draw.T >= 3, 2000)
        assert found is not None
        spec = found.spec
        assert (spec.num_layers, spec.bidirectional, spec.outputs) == (1, False, "all")
        assert (spec.truncation, spec.generated, found.seed) == (None, 0, 0)


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


@pytest.mark.parametrize("count", [30, 60])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_missing_from_a_small_pool(count: int, seed: int) -> None:
    """Every nonlinearity has its share, and what has code of its own is there."""
    pool = Source(ALL, "general", seed, count).draw()
    shares = Counter(draw.spec.nonlinearity for draw in pool)
    assert set(shares.values()) <= {count // 4, count // 4 + 1}
    deep = [draw for draw in pool if draw.spec.num_layers > 1]
    assert any(draw.dropout for draw in deep)
    assert any(draw.spec.generated for draw in pool)
    assert any(draw.spec.truncation is not None for draw in pool)
    assert {draw.spec.outputs for draw in pool} == {"all", "last", "final"}
    assert {"identity", "sigmoid", "softmax"} <= {draw.spec.readout for draw in pool}
    assert {draw.dtype for draw in pool} == {"float32", "float64"}
    assert any(LONG[0] <= draw.T for draw in pool)
    for bidirectional in (False, True):
        some = [draw for draw in deep if draw.spec.bidirectional == bidirectional]
        assert {draw.lengths is None for draw in some} == {True, False}


def test_of_what_is_drawn_the_rare_is_taken() -> None:
    """Of forty alike and one that generates steps, that one is the second, wherever it stood."""
    rare = next(d for d in Source(ALL, "general", 0, 60).draw() if d.spec.generated)
    usual = replace(rare, spec=replace(rare.spec, generated=0))
    alike = [replace(usual, seed=number) for number in range(40)]
    assert shared_out([*alike, rare], 2) == [alike[0], rare]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_single_step_is_generated_as_well_as_several(seed: int) -> None:
    """The last of the generated steps is then the first one; 100 cases by chance had none such."""
    steps = {draw.spec.generated for draw in Source(ALL, "general", seed, 100).draw()}
    assert {0, 1} < steps


def test_no_rare_thing_stands_for_another() -> None:
    """A dropout over four layers is rare, and so is one that generates: to have one is not to have both."""
    plain = next(d for d in Source(ALL, "general", 0, 60).draw() if d.spec.generated and d.dropout)
    short = replace(plain, spec=replace(plain.spec, num_layers=2, generated=0))
    deep, generated = (
        replace(short, spec=replace(short.spec, **change))
        for change in ({"num_layers": 4}, {"generated": 2})
    )
    alike = [replace(deep, seed=number) for number in range(40)]
    assert shared_out([*alike, generated], 2) == [alike[0], generated]


def test_a_pool_and_what_is_left_over_of_it() -> None:
    source, pools = Source(ALL, "general", 0, 10), Pools()
    taken, left = source.drawn()
    assert len(taken) == 10
    assert len(left) == len({*taken, *left}) - 10 > 0
    spare = dict(pools.spare(source))
    assert list(spare) == left
    assert not spare.keys() & pools.get(source).keys()
    assert pools.case(source, left[0]) is spare[left[0]]
