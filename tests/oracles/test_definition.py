"""The definition, a number at a time, against the exact oracle's columns: balls that must overlap.

Both are rigorous enclosures of the same value, each by a program of its own; with 200 bits they
are about 1e-58 wide, so that they overlap only if the two formulas give the same number.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from oracles.drawing import B, T, cases, draw, label

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.definition import defined_forward
from rnncheck.oracles.field import Field
from rnncheck.oracles.following.cases import case_of
from rnncheck.oracles.following.numbers import Objects, converted
from rnncheck.oracles.own_code import BallNumber, ball_number
from rnncheck.oracles.truth import exact_balls
from rnncheck.spec import RNNSpec

BITS = 200
WIDE = 2.0**-120
"""No ball here is wider: 200 bits less a few lost in each of some tens of steps."""


def in_balls(case: Case) -> Case:
    return case_of(case, lambda _, array: converted(array, ball_number))


def pairs(case: Case, shift: bool = False) -> Iterator[tuple[object, object]]:
    """Each entry by the definition and by the oracle."""
    found = dict(zip(("output", "h_n"), defined_forward(in_balls(case), shift), strict=True))
    exact, _ = exact_balls(case)
    shapes = case.spec.array_shapes(case.T, case.B)
    for name, values in found.items():
        assert values.shape == shapes[name]
        yield from zip(converted(values, ball_number).ravel(), exact[name], strict=True)


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("case", cases(), ids=label)
def test_the_definition_gives_what_the_oracle_gives(case: Case, shift: bool) -> None:
    """Every spec; a softmax with and without its largest argument taken off."""
    if shift and case.spec.readout != "softmax":
        shift = case.spec.bias  # it must be ignored where there is no softmax
    with balls.precision(BITS):
        for mine, theirs in pairs(case, shift):
            assert isinstance(mine, BallNumber)
            assert mine.ball.overlaps(theirs)
            assert float(mine.ball.rad()) <= WIDE * max(1.0, abs(mine.approximate()))
            assert float(theirs.rad()) <= WIDE * max(1.0, abs(mine.approximate()))  # type: ignore[attr-defined]


def test_the_balls_would_show_another_network() -> None:
    """One weight moved by 2⁻¹⁰⁰, which float64 cannot: no ball of the output overlaps any more."""
    case = draw(RNNSpec(3, 2), T, B, seed=1)
    with balls.precision(BITS):
        moved = in_balls(case)
        weight = moved.parameters["weight_ih_l0"]
        weight[0, 0] = weight[0, 0] + BallNumber(ball_number(2).ball ** -100)
        output, _ = defined_forward(moved)
        exact, _ = exact_balls(case)
        assert not any(
            v.ball.overlaps(e) for v, e in zip(output[:, :, 0].ravel(), exact["output"][::2], strict=True)
        )  # fmt: skip


@pytest.mark.parametrize("case", cases()[::5], ids=label)
def test_the_padding_is_the_int_0(case: Case) -> None:
    with balls.precision(BITS):
        output, _ = defined_forward(in_balls(case))
    padding = case.output_padding()
    assert all(type(v) is int and v == 0 for v in output[padding].ravel())
    assert all(isinstance(v, BallNumber) for v in output[~padding].ravel())


@pytest.mark.parametrize(("t", "b", "i"), [(0, 2, 2), (3, 0, 2), (3, 2, 0)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_degenerate_cases(t: int, b: int, i: int, bidirectional: bool) -> None:
    case = draw(RNNSpec(i, 2, 2, bidirectional=bidirectional), t, b)
    with balls.precision(BITS):
        assert all(mine.ball.overlaps(e) for mine, e in pairs(case))  # type: ignore[attr-defined]


def by_hand(case: Case) -> list[Objects]:
    """h_t of one layer with tanh, in arrays of numbers."""
    p, h, states = case.parameters, case.h0[0], []
    for x in case.x:
        a = x @ p["weight_ih_l0"].T + p["bias_ih_l0"] + h @ p["weight_hh_l0"].T + p["bias_hh_l0"]
        h = np.tanh(a)
        states.append(h)
    return states


def test_on_the_field_it_is_the_formula_exactly() -> None:
    field = Field(0)
    case = case_of(
        draw(RNNSpec(3, 2), T, B),
        lambda _, array: converted(array, lambda near: field.input(near, moves=True)),
    )
    output, h_n = defined_forward(case)
    states = np.array(by_hand(case))
    for mine, theirs in ((output, states), (h_n[0], states[-1])):
        for v, e in zip(mine.ravel(), theirs.ravel(), strict=True):
            assert (v.value, v.tangent) == (e.value, e.tangent)
