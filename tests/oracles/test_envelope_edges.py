"""Where the envelope says nothing, and what it counts: chaos, overflow, kinks, single operations."""

from typing import get_args

import numpy as np
import pytest
from oracles.arithmetic import Network, handmade, one_sided
from oracles.drawing import cases, draw, label, padded
from oracles.ratios import worst_ratios

from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.implementations.references import reference
from rnncheck.oracles.envelope import SAFETY, envelope
from rnncheck.oracles.noise import Source
from rnncheck.properties.registry import named_checks
from rnncheck.properties.trial import PRECISION, PoolCase, Trial
from rnncheck.spec import Nonlinearity, RNNSpec

FORWARD, GRADIENT = named_checks(["forward_matches_truth", "gradient_matches_truth"])


def expanding(layers: int = 1, bidirectional: bool = False, t: int = 400, seed: int = 0) -> Case:
    """A recurrent matrix of radius 4, and little else to keep it quiet."""
    spec = RNNSpec(2, 24, layers, bidirectional=bidirectional)
    case = draw(spec, t, 2, seed=seed, weights=4.0, inputs=0.1)
    return scaled(case, {name: 0.01 for name in case.parameters if "bias" in name})


def scaled(case: Case, factors: dict[str, float]) -> Case:
    weights = {name: factors.get(name, 1.0) * a for name, a in case.parameters.items()}
    return case.replace(parameters=weights)


@pytest.mark.parametrize("seed", range(3))
def test_chaos_silences_a_row_from_some_step_on(seed: int) -> None:
    starts = {}
    for dtype in ("float32", "float64"):
        case = expanding(seed=seed).astype(dtype)
        allowed = envelope(case)
        assert allowed.chaotic
        telling = allowed["output"].telling
        starts[dtype] = telling.sum(axis=0)[:, 0]
        for b, start in enumerate(starts[dtype]):
            assert 1 < start < case.T
            assert telling[:start, b].all()
            assert not telling[start:, b].any()
        assert not allowed["h_n"].telling.any()
    assert np.all(starts["float64"] > starts["float32"])  # 29 more bits take longer to be lost


@pytest.mark.parametrize("seed", range(3))
def test_in_chaos_a_gradient_array_is_judged_by_its_largest_allowance(seed: int) -> None:
    entry = PoolCase(expanding(seed=seed, t=200))
    for name in (*entry.case.spec.parameter_shapes(), "x", "h0"):
        allowed = entry.envelope[name].allowed
        assert np.all(allowed == allowed.max())
    for subject in (reference("manual"), Network(), Network(tanh=one_sided)):
        for name, ratio in worst_ratios(subject, entry).items():
            assert ratio <= 1.0, name


def test_a_row_that_ends_before_chaos_keeps_its_voice() -> None:
    allowed = envelope(padded(expanding().replace(lengths=np.array([400, 12]))))
    assert not allowed["output"].telling[-1, 0].any()
    assert allowed["output"].telling[:, 1].all()
    assert allowed["h_n"].telling[0].tolist() == [[False] * 24, [True] * 24]


def test_going_backward_it_is_the_first_steps_that_are_silenced() -> None:
    allowed = envelope(expanding(bidirectional=True))
    assert allowed.chaotic
    middle = allowed["output"].telling.any(axis=(1, 2))
    assert not middle[0]
    assert not middle[-1]
    assert envelope(expanding(bidirectional=True, t=12))["output"].telling.all()


def test_all_of_the_layers_above_a_chaotic_one_are_silent() -> None:
    calm = dict.fromkeys(("weight_hh_l1", "weight_hh_l2"), 0.1)
    allowed = envelope(scaled(expanding(layers=3), calm))
    assert not allowed["output"].telling.any()
    assert not allowed["h_n"].telling.any()


def test_below_a_chaotic_layer_all_is_well() -> None:
    allowed = envelope(scaled(expanding(layers=2), {"weight_hh_l0": 0.1, "weight_ih_l1": 0.1}))
    assert allowed["h_n"].telling[0].all()
    assert not allowed["h_n"].telling[1].any()
    telling = allowed["output"].telling
    assert telling[0].all()
    assert not telling[-1].any()


@pytest.mark.parametrize("outputs", ["last", "final"])
def test_an_output_after_chaos_is_silent(outputs: str) -> None:
    for t in (400, 12):
        case = expanding(t=t)
        spec = RNNSpec(2, 24, outputs=outputs)  # type: ignore[arg-type]
        last = case.replace(spec=spec, d_output=case.d_output[-1:])
        assert envelope(last)["output"].telling.any() == (t == 12)


@pytest.mark.parametrize("case", cases(), ids=label)
def test_short_cases_are_told_entirely(case: Case) -> None:
    allowed = envelope(case)
    assert not allowed.chaotic
    assert not allowed.overflowed
    assert all(a.telling.all() for a in allowed.arrays.values())


def growing(t: int) -> Case:
    """ReLU with W_hh = 8 and everything positive: 8ᵗ and more; float32 ends at 2¹²⁸."""
    case = draw(RNNSpec(1, 2, nonlinearity="relu"), t, 1, dtype=np.float32)
    weights = {n: np.abs(a) for n, a in case.parameters.items()}
    weights["weight_hh_l0"] = 8.0 * np.eye(2, dtype=np.float32)
    return case.replace(parameters=weights, x=np.abs(case.x) + 1, h0=np.abs(case.h0))


def test_overflow_silences_everything_that_follows() -> None:
    entry = PoolCase(growing(60))
    assert entry.envelope.overflowed
    assert not any(a.telling.any() for a in entry.envelope.arrays.values())
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(reference("manual").forward(entry.case).output).all()
    for check in (FORWARD, GRADIENT):
        verdict = judge(check, Trial(reference("manual"), entry))
        assert verdict.word == "passed", verdict
        assert verdict.outcome is not None
        assert not verdict.outcome.witness


def test_before_it_overflows_it_tells() -> None:
    entry = PoolCase(growing(20))
    assert not entry.envelope.overflowed
    assert all(a.telling.all() for a in entry.envelope.arrays.values())
    assert all(ratio <= 1.0 for ratio in worst_ratios(reference("manual"), entry).values())
    assert not envelope(growing(60), np.float64).overflowed


def test_a_gradient_alone_can_overflow() -> None:
    case = growing(20)
    case = case.replace(d_h_n=np.full_like(case.d_h_n, 1e30))
    allowed = envelope(case)
    assert allowed.overflowed
    assert allowed["output"].telling.all()
    assert not allowed["x"].telling.any()


def test_numbers_below_the_dtypes_smallest_are_no_chaos() -> None:
    case = draw(RNNSpec(2, 3, bias=False), 6, 2, inputs=1e-40)
    assert not envelope(case, np.float32).chaotic
    assert not envelope(case.astype(np.float32)).chaotic


def test_arguments_near_0_are_counted_and_padding_is_not() -> None:
    spec = RNNSpec(1, 3, 2, "relu", bias=False, bidirectional=True)
    zero = draw(spec, 4, 2, inputs=0.0, lengths=[4, 1])
    assert envelope(zero).near_kinks == (4 + 1) * 3 * 2 * 2  # steps, units, layers, directions
    assert envelope(draw(RNNSpec(1, 3, 2), 4, 2, inputs=0.0)).near_kinks == 0


def test_an_argument_is_near_0_if_rounding_decides_its_sign() -> None:
    """x w + b with b the double nearest to -x w: what is left is a rounding error; or 2²⁰ of them."""
    base = draw(RNNSpec(1, 1, nonlinearity="relu"), 1, 1)
    x, w = base.x.item(), base.parameters["weight_ih_l0"].item()
    near = {}
    for scale in (1.0, 1.0 + 2.0**-32):
        weights = {name: np.zeros_like(a) for name, a in base.parameters.items()}
        weights |= {
            "weight_ih_l0": base.parameters["weight_ih_l0"],
            "bias_ih_l0": np.array([-x * w * scale]),
        }
        near[scale] = envelope(base.replace(parameters=weights)).near_kinks
    assert near == {1.0: 1, 1.0 + 2.0**-32: 0}


SHARES: tuple[Source, ...] = get_args(Source)


@pytest.mark.parametrize("case", cases()[::3], ids=label)
def test_the_result_alone_is_four_roundings_of_it(case: Case) -> None:
    alone, plain = envelope(case, only="result"), envelope(case)
    unit, smallest = 2.0**-53, np.finfo(np.float64).smallest_normal
    assert plain.arrays.keys() == alone.arrays.keys()
    for name, allowance in alone.arrays.items():
        size = (allowance.allowed / SAFETY - smallest) / unit
        bound = SAFETY * (unit * size + smallest)
        assert np.allclose(allowance.allowed, bound, rtol=1e-12, atol=0)
        assert np.all(plain[name].allowed >= allowance.allowed)


def only(source: Source, spec: RNNSpec) -> set[str]:
    """The arrays to which an operation adds anything."""
    case = draw(spec, 5, 3, seed=3)
    alone, result = envelope(case, only=source), envelope(case, only="result")
    return {n for n, a in alone.arrays.items() if (a.allowed > result[n].allowed).any()}


def test_each_operation_reaches_what_depends_on_it_and_nothing_else() -> None:
    """From δ = φ'·(d + carry) and dW = Σ δ zᵀ: who rounds where."""
    spec = RNNSpec(2, 3, output_size=2)
    parameters = set(spec.parameter_shapes())
    everything = parameters | {"output", "h_n", "x", "h0"}
    assert only("pre-activation", spec) == everything - {"bias_o"}
    assert only("activation", spec) == everything - {"bias_o"}
    assert only("derivative", spec) == everything - {"output", "h_n", "weight_ho", "bias_o"}
    assert only("carry", spec) == everything - {"output", "h_n", "weight_ho", "bias_o"}
    assert only("sum over time", spec) == parameters
    assert only("readout", spec) == everything - {"h_n", "weight_ho", "bias_o"}
    assert only("result", spec) == set()


@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
def test_what_does_not_round_adds_nothing(nonlinearity: Nonlinearity) -> None:
    assert only("activation", RNNSpec(2, 3, 2, nonlinearity)) == set()
    assert only("readout", RNNSpec(2, 3, 2, nonlinearity)) == set()


@pytest.mark.parametrize("source", SHARES)
def test_no_operation_alone_is_allowed_much_more_than_all_together(source: Source) -> None:
    """Coherent samples contain every operation's largest error, up to what others take away."""
    case = draw(RNNSpec(2, 3, 2, output_size=2, readout="softmax"), 6, 2)
    alone, together = envelope(case, only=source), envelope(case)
    for name, allowance in together.arrays.items():
        assert np.max(alone[name].allowed) <= 2 * np.max(allowance.allowed), name


def test_an_imprecise_tanh_passes_with_a_note_and_a_wrong_one_fails() -> None:
    case = draw(RNNSpec(2, 3), 5, 2, inputs=1e-9)
    weights = {n: np.zeros_like(a) if "bias" in n else a for n, a in case.parameters.items()}
    entry = PoolCase(case.replace(parameters=weights))
    for check in (FORWARD, GRADIENT):
        verdict = judge(check, Trial(Network(tanh=handmade), entry))
        assert verdict.word == "passed"
    verdict = judge(FORWARD, Trial(Network(tanh=handmade), entry))
    assert verdict.outcome is not None
    assert verdict.outcome.note == PRECISION
    wrong = Network(tanh=lambda a: np.tanh(a) * (1 + 1e-3))
    assert judge(FORWARD, Trial(wrong, entry)).word == "failed"
