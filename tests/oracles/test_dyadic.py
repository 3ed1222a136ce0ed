"""Dyadic cases: the bit budget covers what rational arithmetic needs, and nobody rounds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from oracles.drawing import draw
from oracles.rational import Rational, significant_bits

from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.implementation import Forward, Gradients, Implementation
from rnncheck.implementations.references import NAMES, reference
from rnncheck.oracles import dyadic
from rnncheck.pool import Source
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec

(CHECK,) = named_checks(["dyadic_results_are_exact"])


def quarters(case: Case, seed: int, largest: int = 8, share: float = 0.7) -> Case:
    """The case with multiples of 1/4; weights and masks are never 0, as what is multiplied by 0
    counts for nothing; of the rest only a share is not."""
    random = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for name, array in case.arrays():
        if name != "lengths":
            signs = random.choice((-1.0, 1.0), array.shape)
            values = signs * random.integers(1, 4 * largest + 1, array.shape) / 4.0
            if name in ("x", "h0", "d_output", "d_h_n"):
                values *= random.random(array.shape) < share
            arrays[name] = np.where(np.isnan(array), np.nan, values).astype(case.dtype)
    parameters = {name: arrays.pop(name) for name in case.spec.parameter_shapes()}
    return case.replace(parameters=parameters, **arrays)


def wild() -> Iterator[Case]:
    """Every option that a dyadic case can have, with larger numbers than the pool's."""
    for seed in range(250):
        random = np.random.default_rng(seed)
        layers, bidirectional = int(random.integers(1, 4)), bool(random.integers(2))
        truncate = layers == 1 and not bidirectional and seed % 3 == 0
        spec = RNNSpec(
            int(random.integers(0, 4)), int(random.integers(1, 4)), layers,
            ("relu", "identity")[seed % 2], bool(random.integers(2)), bidirectional,
            int(random.integers(1, 4)) if random.integers(2) else None,
            readout_bias=bool(random.integers(2)),
            truncation=int(random.integers(0, 4)) if truncate else None,
            outputs=("all", "last", "final")[seed // 2 % 3],  # type: ignore[arg-type]
        )  # fmt: skip
        t, b = random.integers(0, (6, 4)).tolist()
        lengths = random.integers(0, t + 1, b) if random.random() < 0.4 else None
        case = draw(spec, t, b, seed=seed, lengths=lengths, dropout=bool(random.integers(2)))
        yield quarters(case, seed)


def test_the_budget_covers_every_number_of_any_order() -> None:
    for seed, case in enumerate(wild()):
        assert dyadic.is_dyadic(case)
        needed = Rational(case, seed).most_bits
        assert needed <= dyadic.bits_needed(case), case.sizes()


def pool(count: int, seed: int = 0, name: str = "manual") -> list[Case]:
    can = reference(name).capabilities
    return [build(drawn) for drawn in Source(can, "dyadic", seed, count).draw()]


def test_the_budget_covers_the_pool_and_the_pool_keeps_to_it() -> None:
    """Cases of the pool are cut to the bits of their dtype, float32 ones to 24, or to one step."""
    for seed, case in enumerate(pool(60)):
        budget = dyadic.bits_needed(case)
        assert dyadic.fits(case) == (budget <= (24 if case.dtype == np.float32 else 53))
        assert dyadic.fits(case) or case.T == 1
        if case.T < 12:
            assert Rational(case, seed).most_bits <= budget, case.sizes()


def test_significant_bits_of_hand() -> None:
    from fractions import Fraction

    numbers = {0: 0, 1: 1, 2: 1, 3: 2, Fraction(1, 4): 1, Fraction(5, 8): 3, -7: 3, 96: 2}
    assert [significant_bits(Fraction(n)) for n in numbers] == list(numbers.values())


def doubling(t: int, factor: float = 4.0, dtype: Any = np.float64) -> Case:
    """One unit, h_t = factor·h_{t-1} + x_t/4, nothing but positive numbers."""
    case = draw(RNNSpec(1, 1, nonlinearity="identity", bias=False), t, 1, dtype=dtype)
    ones = {name: np.ones_like(array) for name, array in case.arrays()}
    weights = {
        "weight_ih_l0": np.full((1, 1), 0.25, dtype),
        "weight_hh_l0": np.full((1, 1), factor, dtype),
    }
    names = ("x", "h0", "d_output", "d_h_n")
    return case.replace(parameters=weights, **{name: ones[name] for name in names})


def test_a_case_over_budget_does_not_fit() -> None:
    """Exact arithmetic needs the bits, the dtype has not got them, and so it rounds."""
    case = doubling(40, 3.75)
    assert dyadic.is_dyadic(case)
    rational = Rational(case)
    assert rational.most_bits > 53
    assert not dyadic.fits(case)
    found = reference("manual").forward(case).output.ravel().tolist()
    assert any(a != b for a, b in zip(found, rational.results["output"], strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_fits_is_exact_and_longer_does_not_fit(dtype: Any) -> None:
    fits = [dyadic.fits(doubling(t, 1.25, dtype)) for t in range(1, 40)]
    assert fits == sorted(fits, reverse=True)
    most = sum(fits)
    assert 1 <= most < 39
    case = doubling(most, 1.25, dtype)
    rational = Rational(case)
    assert reference("manual").forward(case).output.ravel().tolist() == rational.results["output"]


@pytest.mark.parametrize("t", [600, 1100])
def test_numbers_beyond_every_float_do_not_fit(t: int) -> None:
    """4⁶⁰⁰ is no double, and neither are the sums of its products."""
    case = doubling(t)
    assert dyadic.is_dyadic(case)
    assert not dyadic.fits(case)


def test_what_is_not_dyadic() -> None:
    case = quarters(draw(RNNSpec(2, 2, nonlinearity="relu", output_size=1), 2, 2), 0)
    assert dyadic.is_dyadic(case)
    for name, array in case.arrays():
        moved = array + 0.125
        parameters = (
            {**case.parameters, name: moved} if name in case.parameters else case.parameters
        )
        changed = {} if name in case.parameters else {name: moved}
        assert not dyadic.is_dyadic(case.replace(parameters=parameters, **changed)), name
    for change in ({"nonlinearity": "tanh"}, {"nonlinearity": "sigmoid"}, {"readout": "softmax"}):
        spec = RNNSpec(**{**vars(case.spec), **change})
        assert not dyadic.is_dyadic(case.replace(spec=spec))
    generating = draw(RNNSpec(2, 2, nonlinearity="relu", generated=1), 2, 2)
    assert not dyadic.is_dyadic(quarters(generating, 0))


def test_what_stands_in_the_padding_does_not_matter() -> None:
    case = quarters(draw(RNNSpec(2, 2, nonlinearity="relu"), 3, 2, lengths=[1, 3]), 0)
    assert np.isnan(case.x).any()
    assert dyadic.is_dyadic(case)


def assert_exact(subject: Implementation, drawn: list[Case]) -> int:
    """Bit for bit, up to the sign of zeros; how many cases could tell."""
    witnesses = 0
    for case in drawn:
        verdict = judge(CHECK, Trial(subject, PoolCase(case)))
        if verdict.word in ("refused", "not_applicable"):
            assert case.is_degenerate if verdict.word == "refused" else not dyadic.fits(case)
            continue
        assert verdict.word == "passed", (case.sizes(), verdict)
        assert verdict.outcome is not None
        witnesses += verdict.outcome.witness
        rational = Rational(case) if case.T < 4 else None
        if rational:
            output, _ = subject.forward(case)
            assert output.ravel().tolist() == rational.results["output"]
    return witnesses


@pytest.mark.parametrize("name", NAMES)
def test_the_references_are_exact(name: str) -> None:
    drawn = pool(70, 1, name)
    assert len(drawn) > 50
    assert assert_exact(reference(name), drawn) > len(drawn) / 4


def test_torch_is_exact() -> None:
    pytest.importorskip("torch")
    from rnncheck.adapters.torch import TorchRNN

    subject = TorchRNN()
    drawn = [build(d) for d in Source(subject.capabilities, "dyadic", 2, 70).draw()]
    assert len(drawn) > 50
    assert assert_exact(subject, drawn) > len(drawn) / 4


class OneUlpOff:
    """A correct network with one entry of one result moved to the next number."""

    name, capabilities = "one ulp off", reference("manual").capabilities

    def __init__(self, array: str) -> None:
        self.array, self.inner = array, reference("manual")

    def moved(self, value: Any) -> Any:
        index = np.unravel_index(int(np.argmax(np.abs(value))), value.shape)
        value[index] = np.nextafter(value[index], np.inf)
        return value

    def forward(self, case: Case) -> Forward:
        results = self.inner.forward(case)._asdict()
        if self.array in results:
            results[self.array] = self.moved(results[self.array])
        return Forward(**results)

    def gradients(self, case: Case) -> Gradients:
        results = self.inner.gradients(case)
        if self.array in results:
            results[self.array] = self.moved(results[self.array])
        return results


@pytest.mark.parametrize(
    "array", ["output", "h_n", "weight_ih_l0", "weight_hh_l0", "bias_hh_l0", "x", "h0"]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_ulp_in_one_entry_is_found(array: str, dtype: Any) -> None:
    case = draw(RNNSpec(2, 3, nonlinearity="identity"), 3, 2, dtype=dtype)
    entry = PoolCase(quarters(case, 0, largest=2, share=1.0))
    assert dyadic.fits(entry.case)
    assert judge(CHECK, Trial(reference("manual"), entry)).word == "passed"
    verdict = judge(CHECK, Trial(OneUlpOff(array), entry))
    assert verdict.word == "failed"
    assert verdict.outcome is not None
    assert verdict.outcome.worst is not None
    assert verdict.outcome.worst.array == array
    assert sum(e.ratio > 1.0 for e in verdict.outcome.entries) == 1


def test_an_entry_that_should_be_0_and_is_the_smallest_number_is_found() -> None:
    case = draw(RNNSpec(1, 1, nonlinearity="identity"), 1, 1)
    entry = PoolCase(
        quarters(case, 0).replace(d_output=np.zeros((1, 1, 1)), d_h_n=np.zeros((1, 1, 1)))
    )
    verdict = judge(CHECK, Trial(OneUlpOff("x"), entry))
    assert verdict.word == "failed", verdict


def test_the_sign_of_a_zero_is_open() -> None:
    class Negative(OneUlpOff):
        def moved(self, value: Any) -> Any:
            return np.where(value == 0, -np.copysign(0.0, value), value)

    case = quarters(draw(RNNSpec(2, 3, nonlinearity="relu"), 3, 2), 0, largest=2)
    for array in ("output", "x"):
        assert judge(CHECK, Trial(Negative(array), PoolCase(case))).word == "passed"


def test_a_case_that_is_not_dyadic_is_not_judged() -> None:
    entry = PoolCase(draw(RNNSpec(1, 1, nonlinearity="relu"), 2, 1))
    assert judge(CHECK, Trial(reference("manual"), entry)).word == "not_applicable"
