"""The truth of a case: as many bits as it takes, kinks counted, degenerate cases included."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from oracles.drawing import cases, draw, label

from rnncheck.case import Case
from rnncheck.oracles import truth as module
from rnncheck.oracles.envelope import Allowance, envelope
from rnncheck.oracles.truth import FAR_BELOW, Exact, Truth, at_precision, truth
from rnncheck.spec import Outputs, RNNSpec


def long_case() -> Case:
    return draw(RNNSpec(3, 32), 200, 1)


def test_a_long_case_takes_more_than_the_first_precision() -> None:
    """Balls widen by |W_hh|'s radius over W_hh's a step: here by 32 ** 0.5 · 0.8, two bits."""
    case = long_case()
    allowed = envelope(case)
    found = truth(case, allowed)
    assert found.bits > module.FIRST_BITS
    assert not is_sharp(at_precision(case, module.FIRST_BITS), allowed)
    assert is_sharp(found, allowed)
    assert not allowed.chaotic


def test_whatever_the_first_precision_the_answer_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = long_case()
    allowed = envelope(case)
    usual = truth(case, allowed)
    monkeypatch.setattr(module, "FIRST_BITS", 53)
    found = truth(case, allowed)
    assert found.bits > 53
    assert found.bits != usual.bits
    for name, exact in found.arrays.items():
        gap = np.abs((exact.hi - usual[name].hi) + (exact.lo - usual[name].lo))
        assert np.all(gap <= exact.radius + usual[name].radius), name
        assert np.all(exact.radius <= FAR_BELOW * allowed[name].allowed), name


def is_sharp(found: Truth, allowed: Any) -> bool:
    return all(
        bool(np.all(exact.radius <= FAR_BELOW * allowed[name].allowed))
        for name, exact in found.arrays.items()
    )


def test_the_first_precision_is_kept_where_it_is_enough() -> None:
    case = draw(RNNSpec(2, 3), 4, 2)
    assert truth(case, envelope(case)).bits == module.FIRST_BITS


def test_precision_is_not_raised_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An expanding network whose every entry is telling by decree."""
    case = draw(RNNSpec(2, 3), 4, 2)
    impossible = envelope(case)
    for name, allowance in impossible.arrays.items():
        impossible.arrays[name] = Allowance(0.0 * allowance.allowed, allowance.telling)
    monkeypatch.setattr(module, "LAST_BITS", 700)
    assert truth(case, impossible).bits == 4 * module.FIRST_BITS


@pytest.mark.parametrize("case", cases()[::3], ids=label)
def test_every_array_has_its_shape_and_padding_is_exactly_0(case: Case) -> None:
    found = at_precision(case, 64)
    shapes = {**case.spec.parameter_shapes(), **case.spec.array_shapes(case.T, case.B)}
    assert set(found.arrays) == {*case.spec.parameter_shapes(), "output", "h_n", "x", "h0"}
    for name, exact in found.arrays.items():
        for part in (exact.hi, exact.lo, exact.radius):
            assert part.shape == shapes[name]
            assert np.isfinite(part).all()
    padding = case.output_padding()
    steps = np.arange(case.T)[:, None] >= case.valid_steps()[None, :]
    for name, where in (("output", padding), ("x", steps)):
        for part in (found[name].hi, found[name].lo, found[name].radius):
            assert not part[where].any()


DEGENERATE = [
    (t, b, i, outputs)
    for (t, b, i), outputs in product(((0, 2, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0)), ("all", "last", "final"))
]  # fmt: skip


@pytest.mark.parametrize(("t", "b", "i", "outputs"), DEGENERATE)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_degenerate_cases_have_a_truth(
    t: int, b: int, i: int, outputs: Outputs, bidirectional: bool
) -> None:
    spec = RNNSpec(i, 2, 2, bidirectional=bidirectional, outputs=outputs)
    case = draw(spec, t, b)
    found = truth(case, envelope(case))
    if t == 0:  # no step was taken: h_n is h0, and its gradient too, but for what `final` reads
        assert np.array_equal(found["h_n"].hi, case.h0)
        width = spec.num_directions if outputs == "final" else 0
        read = np.split(case.d_output[0], width, axis=-1) if width else []
        expected = case.d_h_n.copy()
        expected[spec.num_states - width :] += np.array(read).reshape(width, b, 2)
        assert np.array_equal(found["h0"].hi, expected)
    if 0 in (t, b):
        assert not any(found[name].hi.any() for name in spec.parameter_shapes())
    assert found["x"].hi.shape == (t, b, i)


def test_exact_kinks_are_counted() -> None:
    """Two units, three steps, x = 0 and no bias: every argument of ReLU is 0."""
    case = draw(RNNSpec(1, 2, nonlinearity="relu", bias=False), 3, 1, inputs=0.0)
    assert truth(case, envelope(case)).kinks == 6
    moved = draw(RNNSpec(1, 2, nonlinearity="relu"), 3, 1)
    assert truth(moved, envelope(moved)).kinks == 0


def test_an_argument_that_more_bits_can_tell_from_0_is_no_kink() -> None:
    """1 + 2⁻⁶⁰⁰ - 1 > 0: at 192 bits a ball around 0, and yet ReLU's derivative there is 1."""
    case = draw(RNNSpec(3, 1, nonlinearity="relu", bias=False), 1, 1)
    W, x = np.array([[1.0, 1.0, -1.0]]), np.array([[[1.0, 2.0**-600, 1.0]]])
    weights = {"weight_ih_l0": W, "weight_hh_l0": np.zeros((1, 1))}
    case = case.replace(parameters=weights, x=x)
    assert at_precision(case, module.FIRST_BITS).kinks == 1
    found = truth(case, envelope(case))
    assert found.kinks == 0
    assert np.array_equal(found["x"].hi, W[None] * (case.d_output + case.d_h_n))


def test_is_off_needs_more_than_what_is_allowed_and_an_entry_that_tells() -> None:
    exact = Exact(np.array([1.0, 1.0, 1.0, 1.0]), np.zeros(4), np.full(4, 2.0**-10))
    allowed = np.full(4, 3 * 2.0**-10)
    limit = 1.0 + 2.0**-8  # the two together
    value = np.array([limit, np.nextafter(limit, 2), np.nan, np.nextafter(limit, 2)])
    allowance = Allowance(allowed, np.array([True, True, True, False]))
    assert exact.is_off(value, allowance).tolist() == [False, True, True, False]
