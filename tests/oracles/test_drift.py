"""Points that drift: what encloses does, for every kind of network, and long ones keep their digits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from flint import arb
from oracles.drawing import cases, draw, label

from rnncheck.case import Array, Case
from rnncheck.oracles import balls, drift
from rnncheck.oracles.balls import Ball, Matrix
from rnncheck.oracles.drift import Boxes, Drift, lengthening, recurrence, stretch, widening
from rnncheck.oracles.envelope import envelope
from rnncheck.oracles.truth import FIRST_BITS, at_precision, exact_balls, truth
from rnncheck.spec import RNNSpec

FAR_MORE_BITS = 4000


def orthogonal(H: int) -> Array:
    return np.linalg.qr(np.random.default_rng(H).normal(size=(H, H)))[0]


def turning(T: int, nonlinearity: str = "tanh", size: float = 1.0) -> Case:
    """Small states, turned by an orthogonal matrix of this size."""
    case = draw(RNNSpec(2, 3, nonlinearity=nonlinearity), T, 1, inputs=1e-2)  # type: ignore[arg-type]
    quiet = {name: 1e-3 * values for name, values in case.parameters.items()}
    return case.replace(parameters=quiet | {"weight_hh_l0": size * orthogonal(3)})


@contextmanager
def always(way: Callable[[Matrix], Any]) -> Iterator[None]:
    """Every recurrence enclosed in this way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnncheck.oracles.exact.recurrence", lambda weight, *_: way(weight))
        yield


def boxes(_weight: Matrix) -> Boxes:
    return Boxes()


def enclosures(case: Case, way: Callable[[Matrix], Any], bits: int) -> dict[str, list[Ball]]:
    with always(way), balls.precision(bits):
        return exact_balls(case)[0]


def all_enclosed(case: Case, way: Callable[[Matrix], Any], bits: int) -> bool:
    """Whether the enclosures contain what far more bits say, by boxes."""
    found, true = enclosures(case, way, bits), enclosures(case, boxes, FAR_MORE_BITS)
    with balls.precision(FAR_MORE_BITS):
        return all(
            a.contains(b.mid())
            for name, entries in true.items()
            for a, b in zip(found[name], entries, strict=True)
        )


@pytest.mark.parametrize("case", cases(), ids=label)
def test_the_truth_is_enclosed_whatever_the_network(case: Case) -> None:
    assert all_enclosed(case, Drift, 60)


@pytest.mark.parametrize("size", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid", "identity"])
def test_the_truth_is_enclosed_after_many_steps(nonlinearity: str, size: float) -> None:
    assert all_enclosed(turning(60, nonlinearity, size), Drift, 53)


class Forgetful(Drift):
    """Knows of the last step's rounding only."""

    def step(self, computed: Matrix, steepest: Callable[[Matrix], Ball]) -> tuple[Matrix, Matrix]:
        self.distance = arb(0)
        return super().step(computed, steepest)


class Shrinking(Drift):
    """Takes W for half of what it is."""

    def __init__(self, weight: Matrix) -> None:
        super().__init__(weight)
        self.stretch /= 2


class Flat(Drift):
    """Takes φ for flat."""

    def step(self, computed: Matrix, steepest: Callable[[Matrix], Ball]) -> tuple[Matrix, Matrix]:
        return super().step(computed, lambda states: steepest(states) / 2)


class Sure(Drift):
    """Takes its own rounding for nothing."""

    def step(self, computed: Matrix, steepest: Callable[[Matrix], Ball]) -> tuple[Matrix, Matrix]:
        return super().step(computed.mid(), steepest)


@pytest.mark.parametrize("way", [Forgetful, Shrinking, Flat, Sure])
def test_what_forgets_a_part_of_the_way_is_seen(way: type[Drift]) -> None:
    assert not all_enclosed(turning(60, "identity"), way, 53)


def test_an_argument_of_relu_is_enclosed_too() -> None:
    """A point may be on the wrong side of 0: then the slope is undecided, and only then."""

    class Off(Drift):
        def step(
            self, computed: Matrix, steepest: Callable[[Matrix], Ball]
        ) -> tuple[Matrix, Matrix]:
            point, state = super().step(computed, steepest)
            moved = point + balls.entries_as_column([arb("1e-6")] * point.nrows())
            self.distance = arb("1e-5")
            return moved, state

    case = turning(2, "relu")
    zero = {name: 0.0 * values for name, values in case.parameters.items()}
    weights = {"weight_hh_l0": np.diag([-1.0, 1.0, 1.0]), "weight_ih_l0": zero["weight_ih_l0"]}
    case = case.replace(
        parameters=zero | weights, x=0.0 * case.x, h0=np.array([[[0.5, 1e-7, 0.0]]])
    )
    with always(Off), balls.precision(53):
        undecided = exact_balls(case)[1].undecided
    with always(Drift), balls.precision(53):
        exactly = exact_balls(case)[1]
    assert undecided > 0
    assert exactly.undecided == 0
    assert len(exactly.found) == 3, "-0.5 stays 0, and 0 stays 0 twice"


@pytest.mark.parametrize("T", [300, 3000])
def test_a_long_network_that_does_not_forget_keeps_its_digits(T: int) -> None:
    """Boxes of three units widen by 0.6 bits a step or so: 192 are gone after 300 steps."""
    case = turning(T)
    allowed = envelope(case)
    assert not any((~allowance.telling).any() for allowance in allowed.arrays.values())
    assert truth(case, allowed).bits == FIRST_BITS
    with always(boxes):
        found = at_precision(case, FIRST_BITS)
    wide = [
        bool((exact.radius > allowed[name].allowed).any()) for name, exact in found.arrays.items()
    ]
    assert any(wide)


@pytest.mark.parametrize("H", [1, 2, 5, 17])
@pytest.mark.parametrize("kind", ["turning", "normal", "nilpotent", "zero", "one entry"])
def test_stretch_bounds_the_largest_singular_value(kind: str, H: int) -> None:
    """From above, by a factor of at most H^(1/2048): the row sums of A^1024 are at most √H ‖A^1024‖."""
    random = np.random.default_rng(H)
    weight = {
        "turning": orthogonal(H),
        "normal": random.normal(size=(H, H)),
        "nilpotent": np.triu(random.normal(size=(H, H)), 1),
        "zero": np.zeros((H, H)),
        "one entry": np.pad([[3.0]], (0, H - 1)),
    }[kind]
    with balls.precision(FIRST_BITS):
        bound = float(stretch(balls.matrix(weight)))
    true = float(np.linalg.norm(weight, 2))
    rounding = 8 * H * np.finfo(float).eps * true
    assert true - rounding <= bound <= true * H ** (1 / 2048) + rounding


def test_what_is_expected_of_boxes_and_of_distances() -> None:
    """|W| of a turn by 45° has the eigenvalue √2, half a bit a step; a turn keeps lengths."""
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    assert widening(turn) == pytest.approx(0.5)
    assert lengthening(turn) == pytest.approx(0.0, abs=1e-12)
    assert widening(8.0 * turn) == pytest.approx(3.5)
    assert lengthening(8.0 * turn) == pytest.approx(3.0)
    assert widening(np.triu(np.ones((4, 4)), 1)) == -np.inf, "nilpotent: after 4 steps nothing"
    assert widening(np.zeros((2, 2))) == lengthening(np.zeros((2, 2))) == -np.inf
    assert widening(np.float32([[1e30]])) == pytest.approx(np.log2(1e30))
    assert lengthening(np.array([[1e300, 1e300]] * 2)) == pytest.approx(np.log2(2e300))


@pytest.mark.parametrize(
    ("size", "steps", "points"),
    [
        (1.0, drift.FEW_STEPS, False), (1.0, 126, False), (1.0, 130, True), (1.0, 10**5, True),
        (0.7, 10**5, False), (0.75, 10**5, True), (2.0, 100, False),
    ],
)  # fmt: skip
def test_points_are_for_where_boxes_fail_and_they_do_not(
    size: float, steps: int, points: bool
) -> None:
    """By 45°, at 192 bits: 64 may be lost, half a bit a step. 0.7·√2 < 1 < 0.75·√2; 2 lengthens."""
    weight = size * np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    with balls.precision(192):
        found = recurrence(balls.matrix(weight), weight, steps)
    assert isinstance(found, Drift if points else Boxes)
