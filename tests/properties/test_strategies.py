"""The pool: every kind of case is in it, within bounds; what fails shrinks to small round numbers."""

from collections import Counter
from dataclasses import replace
from functools import cache

import networks
import numpy as np
import pytest

from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.implementation import Capabilities
from rnncheck.oracles.dyadic import fits, is_dyadic
from rnncheck.pool import Source
from rnncheck.properties.draw import GENERAL, LONG, Draw, padded, varied
from rnncheck.properties.plain import DIGIT, GROUPS, plain
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec

ALL = Capabilities()
SPEC = RNNSpec(3, 4, 2, bidirectional=True, output_size=2)
DRAW = Draw(SPEC, 5, 3, "lively", "both", True, True, None, False, "float64", False, 1234)


@cache
def pool() -> tuple[Draw, ...]:
    return tuple(draw for seed in range(3) for draw in Source(ALL, "general", seed, 200).draw())


def case(**changes: object) -> Case:
    return build(replace(DRAW, **changes))  # type: ignore[arg-type]


def numbers(case: Case) -> np.ndarray:
    return np.concatenate([array.ravel() for name, array in case.arrays() if name != "lengths"])


def sizes(draw: Draw) -> list[int]:
    spec = draw.spec
    readout = [spec.output_size] if spec.output_size else []
    return [draw.T, draw.B, spec.input_size, spec.hidden_size, *readout]


def test_a_pool_has_as_many_different_cases_as_it_was_asked_for() -> None:
    for count in (1, 30, 100):
        assert len(set(Source(ALL, "general", 5, count).draw())) == count


def test_everything_that_the_design_asks_for_is_drawn() -> None:
    drawn = pool()
    seen = Counter(word for d in drawn for word in (d.regime, d.cotangent, d.dtype))
    assert set(seen) == {
        *GENERAL, "float32", "float64",
        "output", "both", "state", "last_output", "one_step", "sparse", "negative", "large",
    }  # fmt: skip
    assert {0, 1} <= {d.T for d in drawn}
    assert {0, 1} <= {d.B for d in drawn}
    assert max(d.T for d in drawn) > 64
    assert any(d.one_state and d.h0 and d.B > 1 for d in drawn)
    assert any(not d.h0 for d in drawn)
    lengths = [d.lengths for d in drawn if d.lengths and d.B > 1 and d.T > 1]
    assert any(len(set(n)) == 1 for n in lengths)
    assert any(0 in n for n in lengths)
    assert any(len(set(n)) > 1 and 0 not in n for n in lengths)


def test_truncation_is_drawn_in_one_of_thirty_cases_and_often_matters() -> None:
    """One draw in six asks for it, but Hypothesis repeats itself: not every share comes out."""
    truncated = [d for d in pool() if d.spec.truncation is not None]
    assert len(truncated) >= 20
    steps = [d.T - 1 for d in truncated]
    kept = [d.spec.truncation or 0 for d in truncated]
    assert sum(n > k for n, k in zip(steps, kept, strict=True)) >= len(truncated) / 4


def test_sizes_are_mostly_different_and_sometimes_all_the_same() -> None:
    drawn = [d for d in pool() if not d.spec.generated and d.T and d.B]
    different = sum(len(set(sizes(d))) == len(sizes(d)) for d in drawn)
    assert different > len(drawn) / 3
    assert any(len(set(sizes(d))) == 1 and d.T > 1 for d in drawn)


def test_sizes_never_grow_so_that_what_fails_can_shrink() -> None:
    for sizes_drawn in [(3, 3, 3, 3, 3), (5, 5, 4, 4, 2), (1, 1, 1, 1, 1), (2, 7, 2, 7, 2)]:
        inputs, hidden, outputs, T, B = sizes_drawn
        for variety in ("free", "different", "equal"):
            before = RNNSpec(inputs, hidden, output_size=outputs)
            spec, t, b = varied(before, T, B, variety)  # type: ignore[arg-type]
            found = (spec.input_size, spec.hidden_size, spec.output_size or 0, t, b)
            assert all(1 <= new <= old for new, old in zip(found, sizes_drawn, strict=True))
            if variety == "equal":
                assert set(found) == {min(sizes_drawn)}
    spec, t, b = varied(RNNSpec(5, 5, output_size=5), 5, 5, "different")
    assert {spec.input_size, spec.hidden_size, spec.output_size, t, b} == {1, 2, 3, 4, 5}
    assert varied(RNNSpec(3, 3), LONG[0], 0, "equal")[1:] == (LONG[0], 0)


@pytest.mark.parametrize("seed", range(8))
def test_lengths_are_what_their_word_says(seed: int) -> None:
    for T, B in [(0, 3), (1, 1), (1, 3), (6, 2), (6, 4)]:
        lengths = {
            word: padded(T, B, word, seed) for word in ("random", "equal", "one_full", "one_empty")
        }  # type: ignore[arg-type]
        for found in lengths.values():
            assert len(found) == B
            assert all(0 <= n <= T for n in found)
        assert len(set(lengths["equal"])) == 1
        if T > 1 and B > 1:
            assert sorted(lengths["one_full"])[-2:] != [T, T]
            assert max(lengths["one_full"]) == max(lengths["one_empty"]) == T
            assert min(lengths["one_full"]) > 0
            assert lengths["one_empty"].count(0) == 1


def test_a_draw_always_builds_the_same_case() -> None:
    for draw in pool()[::20]:
        for (name, one), (_, two) in zip(build(draw).arrays(), build(draw).arrays(), strict=True):
            np.testing.assert_array_equal(one, two, err_msg=name)


@pytest.mark.parametrize("seed", [0, 1, 35, 10**13 + 7, 99999999999999])
def test_plain_numbers_are_quarters_between_minus_one_and_one(seed: int) -> None:
    found = numbers(case(regime="plain", seed=seed, cotangent="both"))
    assert np.all(found * 4 == np.round(found * 4))
    assert np.abs(found).max() <= 1.0
    assert not np.signbit(found[found == 0]).any() or seed > 1


def test_the_simplest_plain_case_is_zeros_ones_and_a_turn_that_is_not_its_transpose() -> None:
    found = case(regime="plain", seed=0, cotangent="output")
    for name, array in found.arrays():
        if "bias" in name or name in ("x", "h0", "d_h_n"):
            assert not array.any(), name
    assert (found.d_output == 1.0).all()
    for H in (1, 2, 3, 5):
        W = plain("weight_hh_l0", (H, H), 0)
        np.testing.assert_array_equal(W @ W.T, np.eye(H))
        assert H == 1 or not np.array_equal(W, W.T)


def test_the_two_directions_and_layers_never_have_the_same_weights() -> None:
    for seed in (0, 1, 2, 30, 12345):
        for regime in ("plain", "lively", "huge"):
            weights = case(regime=regime, seed=seed).parameters
            matrices = [w for name, w in weights.items() if "weight_hh" in name]
            for i, one in enumerate(matrices):
                assert not any(np.array_equal(one, other) for other in matrices[:i]) or (
                    regime == "plain"
                    and seed in (2, 30)  # a few entries, which may agree by chance
                )


def test_each_group_of_arrays_has_its_own_digit() -> None:
    for i, group in enumerate(GROUPS):
        before = dict(case(regime="plain", seed=0).arrays())
        after = dict(case(regime="plain", seed=DIGIT**i).arrays())
        changed = {name for name in before if not np.array_equal(before[name], after[name])}
        assert changed
        assert all(name.startswith(group) for name in changed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regimes_are_as_extreme_as_they_say(dtype: str) -> None:
    tiny = np.finfo(dtype).tiny
    faint = case(regime="subnormal", dtype=dtype).x
    assert ((np.abs(faint) < tiny) & (faint != 0)).any()
    assert (np.abs(faint) > 1e-3).any()
    huge = case(regime="huge", dtype=dtype)
    assert np.abs(huge.x).max() > 1e11
    drive = np.einsum("tbi,hi->tbh", huge.x, huge.parameters["weight_ih_l0"])
    assert np.abs(drive).max() < 100.0  # sums of 3 products of normal numbers
    zeros = case(regime="zeros", dtype=dtype)
    assert not zeros.x.any()
    assert not zeros.h0.any()
    assert len(set(np.signbit(zeros.x).ravel())) == 2


def test_a_lattice_is_often_exactly_at_the_kink() -> None:
    """ReLU's argument in the first step is a sum of few terms of -1/2, 0 and 1/2."""
    kinks = total = 0
    for seed in range(40):
        one = case(regime="lattice", seed=seed, spec=RNNSpec(2, 3, nonlinearity="relu"))
        p = one.parameters
        a = one.x[0] @ p["weight_ih_l0"].T + one.h0[0] @ p["weight_hh_l0"].T
        a = a + p["bias_ih_l0"] + p["bias_hh_l0"]
        kinks, total = kinks + int((a == 0).sum()), total + a.size
    assert kinks > total / 20


def test_cotangents_are_what_their_word_says() -> None:
    for seed in range(5):
        step = case(cotangent="one_step", seed=seed)
        assert (step.d_output != 0).any(axis=(1, 2)).sum() == 1
        assert not step.d_h_n.any()
        negative = case(cotangent="negative", seed=seed)
        assert (negative.d_output < 0).all()
        assert (negative.d_h_n < 0).all()
        state = case(cotangent="state", seed=seed)
        assert not state.d_output.any()
        assert state.d_h_n.any()


def test_one_state_is_that_of_every_row() -> None:
    shared = case(one_state=True).h0
    assert (shared == shared[:, :1]).all()
    assert shared.any()
    assert not (case().h0 == case().h0[:, :1]).all()


def test_exact_cases_fit_also_where_they_are_plain() -> None:
    drawn = Source(ALL, "dyadic", 3, 80).draw()
    assert {d.regime for d in drawn} == {"plain", "dyadic"}
    for draw in drawn:
        built = build(draw)
        assert is_dyadic(built)
        assert fits(built) or built.T <= 1


@pytest.mark.parametrize("check", ["gradient_matches_truth", "gradient_is_certified"])
def test_a_missing_transpose_shrinks_to_two_units_and_round_numbers(check: str) -> None:
    """Nothing smaller shows it: with one unit, or no step, W_hh is its own transpose or unused."""
    subject = networks.wrap(networks.forward, networks.no_transpose)
    (law,) = named_checks([check])
    source = Source(subject.capabilities, law.kind, 0, 30)

    def fails(draw: Draw) -> bool:
        return judge(law, Trial(subject, PoolCase(build(draw)))).word == "failed"

    found = source.smallest(fails, 400)
    assert found is not None
    smallest = build(found)
    assert (smallest.T, smallest.B, smallest.spec.input_size) in [(1, 1, 1), (2, 1, 1)]
    assert smallest.spec.hidden_size == 2
    values = numbers(smallest)
    assert set(np.abs(values)) <= {0.0, 0.5, 1.0}
    assert (values == 0).sum() > len(values) / 3
