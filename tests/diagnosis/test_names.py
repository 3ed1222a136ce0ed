"""Names for networks that look like none of ours: other layouts, other sums, several mistakes at once."""

from typing import Any

import numpy as np
import pytest

from rnncheck.case import Array, Case
from rnncheck.diagnosis.behaviour import REFUSED, Calls, is_same, observe, sign
from rnncheck.diagnosis.dictionary import Name, names
from rnncheck.implementation import Forward, Gradients
from rnncheck.implementations.faulty.carry import CarryWithoutTranspose
from rnncheck.implementations.faulty.cell import CellTape
from rnncheck.implementations.faulty.entry import Entrance
from rnncheck.implementations.faulty.layout import FeaturesJoinedOverTime
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.implementations.faulty.published import (
    BackwardUpdatesTheWeights,
    InputGradientByTheDirectPath,
    LastStateBeforeTheFirst,
    MethodOfAnotherName,
    RecurrentGradientIsOneNumber,
    StepsConcatenated,
)
from rnncheck.implementations.faulty.state import FinalStateAveraged
from rnncheck.properties.draw import Draw
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase
from rnncheck.spec import RNNSpec
from rnncheck.wrapping import wrap

GRADIENT = named_checks(["gradient_matches_truth"])[0]
FORWARD = named_checks(["forward_matches_truth"])[0]


def case(T: int = 4, B: int = 2, I: int = 2, H: int = 3, bias: bool = True, seed: int = 5) -> Case:  # noqa: E741
    return build(
        Draw(
            RNNSpec(I, H, bias=bias), T, B, "orthogonal", "both", h0=True, final_state=True,
            lengths=None, dropout=False, dtype="float64", one_bias=False, seed=seed,
        )
    )  # fmt: skip


def entries() -> list[PoolCase]:
    sizes = ((4, 2, 2, 3), (3, 1, 3, 2), (5, 2, 1, 4))
    return [PoolCase(case(*s, seed=i)) for i, s in enumerate(sizes)]


def told(found: list[Name]) -> set[str]:
    return {str(name) for name in found}


def wrapped(result: Any) -> Any:
    """A network of one sequence, (T, H), whose forward gives whatever is said."""
    return wrap(
        lambda p, x, h0: result(np.ones((len(x), len(h0)))),
        lambda p, x, h0, d: {"W": p["W"]},
        x="time input", h0="hidden", output="time hidden",
        params={"W": "input hidden", "U": "prev hidden"},
    )  # fmt: skip


def test_errors_are_the_same_in_any_layout_and_by_any_name() -> None:
    entry = Calls(PoolCase(case(4, 1, 2, 3, bias=False)))
    flat, joined = wrapped(lambda h: h.ravel()), wrapped(lambda h: h.ravel()[None, :-1])
    assert observe(flat, entry) == observe(StepsConcatenated(), entry)
    assert observe(flat, entry) == observe(FeaturesJoinedOverTime(), entry)
    assert observe(joined, entry) != observe(StepsConcatenated(), entry)
    lacks = observe(wrapped(lambda h: h), entry)
    assert lacks == ("lacks", frozenset({"weight_hh_l0"}))
    assert observe(BackwardUpdatesTheWeights(), entry)[0] == "lacks"
    assert observe(MethodOfAnotherName(), entry) == ("raised", "backward", "AttributeError")


def test_a_fault_has_a_rounding_of_its_own_where_the_right_number_is_zero() -> None:
    class Summed(RecurrentGradientIsOneNumber):
        factor = 1.0

        def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
            total = 0.0
            for d, b in zip(delta.ravel()[::-1], tape.before.ravel()[::-1], strict=True):
                total += float(d) * float(b)
            return np.full_like(tape.cell.weight_hh, total * self.factor)

    class Nearly(Summed):
        factor = 1 + 1e-9

    entry = Calls(PoolCase(_with_a_dead_unit()))
    right = entry.entry.truth["weight_hh_l0"].hi
    assert (right[:, 0] == 0).all()
    assert is_same(observe(Summed(), entry), RecurrentGradientIsOneNumber, entry)
    assert not is_same(observe(Nearly(), entry), RecurrentGradientIsOneNumber, entry)


def _with_a_dead_unit() -> Case:
    """The state of unit 0 is 0 at every step, so column 0 of dW_hh is 0 exactly."""
    made = case(T=40, B=3, I=2, H=7)
    parameters = {n: a.copy() for n, a in made.parameters.items()}
    for array in parameters.values():
        array[0] = 0
    h0 = made.h0.copy()
    h0[..., 0] = 0
    return made.replace(parameters=parameters, h0=h0)


def test_three_faults_at_once_are_named_together() -> None:
    class Three(CarryWithoutTranspose, InputGradientByTheDirectPath, LastStateBeforeTheFirst):
        pass

    (found,) = names(Three, GRADIENT, entries())
    assert {part.id for part in found.parts} == {
        "carry_without_transpose",
        "input_gradient_by_the_direct_path",
        "last_state_before_the_first",
    }


class GradientOfItsOwn(Entrance):
    """The forward pass of a fault, and some other gradient."""

    name = "own"

    def __init__(self) -> None:
        self.plain = FinalStateAveraged()

    def forward(self, case: Case) -> Forward:
        return self.plain.forward(case)

    def gradients(self, case: Case) -> Gradients:
        return {n: a * 3 + 1 for n, a in self.plain.gradients(case).items()}


def test_a_wrong_forward_pass_is_named_whatever_its_gradient_is() -> None:
    found = names(GradientOfItsOwn, FORWARD, entries())
    assert told(found) == {"final_state_averaged"}
    assert {name.of for name in found} == {"forward pass"}
    assert {name.of for name in names(FinalStateAveraged, FORWARD, entries())} == {""}


def test_fewer_gradients_are_no_other_sign() -> None:
    """A network without biases' and states' gradients fails as a fault does that has them."""

    class Less(CarryWithoutTranspose):
        def gradients(self, case: Case) -> Gradients:
            found = super().gradients(case)
            return {n: a for n, a in found.items() if n not in ("x", "h0")}

    entry = entries()[0]
    less, full = (sign(GRADIENT, make(), entry) for make in (Less, CarryWithoutTranspose))
    assert less.resembles(full)
    assert full.resembles(less)
    assert less.equals(full)
    right = sign(GRADIENT, Plain(), entry)
    other = sign(GRADIENT, InputGradientByTheDirectPath(), entry)
    assert not less.resembles(right)
    assert not full.resembles(other)


def test_a_refusal_of_a_degenerate_case_says_nothing() -> None:
    class Refuses(Plain):
        def run(self, *arguments: Any, **more: Any) -> Any:
            raise ValueError("no")

    entry = Calls(PoolCase(case(T=0)))
    assert observe(Refuses(), entry) == REFUSED
    assert is_same(("shape", "h_n", 0, 10), Refuses, entry)
    assert not is_same(("raised", "forward", "KeyError"), Refuses, Calls(entries()[0]))


@pytest.mark.parametrize("make", [CarryWithoutTranspose, RecurrentGradientIsOneNumber])
def test_one_fault_is_one_name(make: type[Plain]) -> None:
    found = names(make, GRADIENT, entries())
    assert {len(name.parts) for name in found} == {1}
    assert make in {part.make for name in found for part in name.parts}
