"""The envelope: no correct network is outside it, no network twice as wrong is inside."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from oracles.arithmetic import (
    ONE_LAYER,
    Network,
    backwards,
    fused,
    handmade,
    one_by_one,
    one_sided,
    pairwise,
)  # fmt: skip
from oracles.drawing import cases, draw, label
from oracles.ratios import worst_ratios

from rnncheck.case import Case
from rnncheck.implementation import Capabilities
from rnncheck.implementations.references import reference
from rnncheck.oracles.envelope import SAFETY, envelope
from rnncheck.oracles.noise import Noise
from rnncheck.oracles.sampled import SampledNetwork
from rnncheck.oracles.truth import at_precision
from rnncheck.pool import Source
from rnncheck.properties.strategies import GENERAL, build
from rnncheck.properties.trial import PoolCase
from rnncheck.spec import RNNSpec


@cache
def pool(can: Capabilities, seed: int, count: int) -> tuple[PoolCase, ...]:
    return tuple(PoolCase(build(draw)) for draw in Source(can, "general", seed, count).draw())


def everything() -> Iterator[PoolCase]:
    """Some 260 cases of every kind: layers, directions, readouts, lengths, truncation, ..."""
    for seed in (101, 103, 105):
        yield from pool(Capabilities(), seed, 100)


def test_the_cases_are_of_every_kind() -> None:
    drawn = [entry.case for entry in everything()]
    assert len(drawn) > 250
    assert {c.origin.partition(",")[0] for c in drawn} == set(GENERAL)
    assert {c.dtype.name for c in drawn} == {"float32", "float64"}
    assert max(c.T for c in drawn) > 64
    for option in ("num_layers", "bidirectional", "nonlinearity", "readout", "outputs"):
        assert len({getattr(c.spec, option) for c in drawn}) > 1
    for some in ("lengths", "dropout_masks"):
        assert any(getattr(c, some) is not None for c in drawn)
    assert any(c.spec.truncation is not None for c in drawn)
    assert any(c.spec.generated for c in drawn)


ROUNDING = ("lively", "contractive", "orthogonal", "chaotic", "saturating", "tiny")
"""Regimes of normally distributed numbers: of plain ones, a lattice or zeros most operations are exact."""


@pytest.mark.parametrize("name", ["manual", "autodiff"])
def test_references_stay_within_and_come_near(name: str) -> None:
    """Never more than is allowed; and more than a thousandth of it, where all operations round.

    What is allowed is 4 (u|v| + the largest of 12 samples): with sums of 14 terms at most, a few
    hundred u|v|. Arithmetic that rounds errs by about u|v|/4 a time, so in some entry of a case by
    more than a thousandth, and in half of the cases by more than a hundredth.
    """
    subject, found = reference(name), []
    for entry in everything():
        ratios = worst_ratios(subject, entry)
        assert all(ratio <= 1.0 for ratio in ratios.values()), (entry.case, ratios)
        if entry.case.origin.partition(",")[0] in ROUNDING:
            found.append(max(ratios.values(), default=0.0))
    rounding = [ratio for ratio in found if ratio > 0.0]
    assert len(rounding) > len(found) / 2
    assert min(rounding) > 1 / 1000
    assert np.median(rounding) > 1 / 100


def test_the_pure_python_reference_stays_within() -> None:
    subject = reference("scalar")
    for entry in pool(Capabilities(dtypes=("float64",)), 104, 60):
        if entry.case.T < 20:
            assert all(ratio <= 1.0 for ratio in worst_ratios(subject, entry).values())


@pytest.mark.parametrize("product", [np.matmul, backwards, one_by_one, pairwise])
@pytest.mark.parametrize("tanh", [np.tanh, one_sided])
def test_any_order_of_summation_and_any_good_tanh_stay_within(
    product: Callable[[Any, Any], Any], tanh: Callable[[Any], Any]
) -> None:
    subject = Network(product, tanh)
    for entry in pool(ONE_LAYER, 105, 100):
        ratios = worst_ratios(subject, entry)
        assert all(ratio <= 1.0 for ratio in ratios.values()), (entry.case, ratios)


def test_fused_multiply_add_stays_within() -> None:
    subject, tested = Network(fused), 0
    for entry in pool(ONE_LAYER, 105, 100):
        if entry.case.dtype == np.float64 and 0 < entry.case.x.size * entry.case.h0.size < 200:
            tested += 1
            assert all(ratio <= 1.0 for ratio in worst_ratios(subject, entry).values())
    assert tested > 10


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_errors_that_add_up_over_400_steps_stay_within(dtype: str, seed: int) -> None:
    """A persistent state (an orthogonal W_hh, small input) keeps every one-sided error it is given."""
    case = draw(RNNSpec(1, 4), 400, 1, seed=seed, inputs=1e-2)
    q, _ = np.linalg.qr(case.parameters["weight_hh_l0"])
    weights = {name: a * 1e-2 for name, a in case.parameters.items()} | {"weight_hh_l0": q}
    entry = PoolCase(case.replace(parameters=weights).astype(dtype))
    ratios = worst_ratios(Network(tanh=one_sided), entry)
    assert all(ratio <= 1.0 for ratio in ratios.values()), ratios
    # The error adds up as 8u|h| a step; the worst sample has that and (I + H + 2)·u·|W||h| besides,
    # 7 times 2|h| for four units of one size: 8 of 4·(8 + 14), and half of that for other sizes.
    assert max(ratios.values()) > 0.5 * 8 / (SAFETY * (8 + 14))


@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-5])
def test_a_handmade_tanh_needs_the_loose_envelope_where_h_is_tiny(size: float) -> None:
    case = draw(RNNSpec(2, 3), 5, 2, inputs=size)
    weights = {n: np.zeros_like(a) if "bias" in n else a for n, a in case.parameters.items()}
    entry = PoolCase(case.replace(parameters=weights))
    subject = Network(tanh=handmade)
    # It errs by u or so, where u·|h| is usual: beyond 4 times 10 of them at sizes below 1/100.
    assert worst_ratios(subject, entry)["output"] > 1.0
    loose = worst_ratios(subject, entry, entry.loose_envelope)
    assert all(ratio <= 1.0 for ratio in loose.values()), loose
    assert all(ratio <= 1.0 for ratio in worst_ratios(Network(), entry).values())


@pytest.mark.parametrize("case", cases()[::4], ids=label)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_twice_what_is_allowed_is_caught_in_every_single_entry(case: Case, dtype: str) -> None:
    case = case.astype(dtype)
    allowed, truth = envelope(case), at_precision(case, 192)
    for name, exact in truth.arrays.items():
        assert allowed[name].telling.all()
        assert not exact.is_off(exact.hi, allowed[name]).any()
        for sign in (2.0, -2.0):
            wrong = exact.hi + sign * allowed[name].allowed
            for index in np.ndindex(exact.hi.shape):
                value = exact.hi.copy()
                value[index] = wrong[index]
                off = exact.is_off(value, allowed[name])
                assert off[index]
                assert off.sum() == 1


@pytest.mark.parametrize("case", cases(), ids=label)
def test_the_plain_run_is_the_network(case: Case) -> None:
    """Without noise the sampled network is plain float64, and so within the envelope itself."""
    allowed, truth = envelope(case), at_precision(case, 192)
    plain = SampledNetwork(case, Noise(np.dtype("float64"), quiet=True))
    results = dict(zip(("output", "h_n"), plain.forward(), strict=True)) | plain.backward()
    assert set(results) == set(truth.arrays)
    for name, value in results.items():
        assert value.shape == (1, *truth[name].hi.shape)
        assert not truth[name].is_off(value[0], allowed[name]).any(), name


@pytest.mark.parametrize("case", cases()[::5], ids=label)
def test_the_envelope_is_the_same_every_time_and_wider_in_float32(case: Case) -> None:
    first, again, single = envelope(case), envelope(case), envelope(case, np.float32)
    for name, allowance in first.arrays.items():
        assert np.array_equal(allowance.allowed, again[name].allowed)
        # Errors are u times the same numbers, to first order: u is 2²⁹ times as large.
        ratios = (
            single[name].allowed[allowance.allowed > 1e-30]
            / allowance.allowed[allowance.allowed > 1e-30]
        )
        assert np.all((ratios > 2.0**28) & (ratios < 2.0**30))


def test_nothing_is_allowed_less_than_four_roundings_of_the_result() -> None:
    for case in cases():
        allowed, truth = envelope(case), at_precision(case, 64)
        for name, exact in truth.arrays.items():
            # The run that stands for the value is itself off by the 12 samples' deviation at most.
            assert np.all(
                allowed[name].allowed >= SAFETY * 2.0**-53 * np.abs(exact.hi) * (1 - 1e-9)
            )
