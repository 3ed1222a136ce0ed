"""What a step costs, counted and not timed: objects, calls of functions, and numbers computed.

Each count is taken at lengths T, 2T and 4T. It is a + bT, with some a and b, if and only if it grows
from 2T to 4T by exactly twice as much as from T to 2T; a term of T² makes that four times.
"""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import Tape, Tensor, backward, forward, sweep
from rnncheck.implementations.autodiff.shares import Cotangent, Part, Product
from rnncheck.spec import RNNSpec

Array = npt.NDArray[np.floating]

B, LENGTHS = 2, (20, 40, 80)
FORWARD_OBJECTS = 6
"""Of a step: three Tensors, which are its drive, W h + u and φ(W h + u), and the parents of each."""
BACKWARD_OBJECTS = 2
"""Of a step: its `Product` for W, and its `Part` of the drives' cotangent."""
SPECS = [
    RNNSpec(2, 3),
    RNNSpec(2, 3, 2, "relu", bidirectional=True, output_size=2, readout="softmax"),
    RNNSpec(2, 3, 1, "sigmoid", outputs="last"),
    RNNSpec(2, 3, truncation=0),
    RNNSpec(2, 3, truncation=3),
]
each_spec = pytest.mark.parametrize("spec", SPECS, ids=str)
whole_or_cut = pytest.mark.parametrize("spec", [SPECS[0], SPECS[-1]], ids=["whole", "truncated"])
each_raggedness = pytest.mark.parametrize("ragged", [False, True], ids=["whole", "padded"])


def run(spec: RNNSpec, T: int, ragged: bool = False) -> tuple[Tape, Callable[[], object]]:
    """A tape, and the sweep back over it."""
    rng = np.random.default_rng(0)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    arrays: dict[str, Array] = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    lengths = np.array([T, T // 2]) if ragged else None
    _, _, tape = forward(spec, arrays, arrays["x"], arrays["h0"], lengths)
    return tape, lambda: backward(tape, arrays["d_output"], arrays["d_h_n"])


def grows_evenly(count: Callable[[int], int]) -> bool:
    one, two, four = (count(T) for T in LENGTHS)
    assert two > one, "nothing was counted"
    return four - two == 2 * (two - one)


def tracked_objects() -> int:
    """How many the garbage collector goes through, without tuples of numbers, which it has let go."""
    gc.collect()
    return len(gc.get_objects())


@whole_or_cut
def test_a_step_of_the_tape_is_six_objects_to_the_garbage_collector(spec: RNNSpec) -> None:
    """The links that truncation runs again add none: they are a few for all steps."""
    run(spec, 20)  # what is made once
    found = []
    for T in LENGTHS:
        before = tracked_objects()
        kept = run(spec, T)
        found.append(tracked_objects() - before)
        del kept
    one, two, four = found
    assert four - two == 2 * (two - one) == FORWARD_OBJECTS * 40


@whole_or_cut
def test_a_step_of_the_sweep_adds_two(spec: RNNSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted at each sum of shares, of which the last but a few finds all steps played."""
    most: list[int] = []
    summed = sweep.summed

    def counted(shares: Sequence[Part | Product], shape: tuple[int, ...]) -> list[Cotangent]:
        most[-1] = max(most[-1], tracked_objects())
        return list(summed(shares, shape))

    monkeypatch.setattr(sweep, "summed", counted)
    for T in LENGTHS:
        before = tracked_objects()
        _, back = run(spec, T)
        most.append(0)
        back()
        del back, _
        most[-1] -= before
    one, two, four = most
    assert four - two == 2 * (two - one) == (FORWARD_OBJECTS + BACKWARD_OBJECTS) * 40


@each_spec
def test_a_gradient_makes_no_tensors_but_its_cotangents_and_results(spec: RNNSpec) -> None:
    """The vjps are called with arrays: only a gradient to be differentiated again has a history."""
    tape, back = run(spec, 10)
    before = Tensor(0.0).birth
    back()
    assert Tensor(0.0).birth - before - 1 <= 2 + len(tape.leaves)


@each_raggedness
@each_spec
def test_calls_of_functions_grow_evenly(spec: RNNSpec, ragged: bool) -> None:
    """Python's and NumPy's."""

    def calls(T: int) -> int:
        counter: Counter[str] = Counter()
        sys.setprofile(lambda _, event, __: counter.update([event]))
        try:
            run(spec, T, ragged)[1]()
        finally:
            sys.setprofile(None)
        return counter["call"] + counter["c_call"]

    assert grows_evenly(calls)


@each_raggedness
@each_spec
def test_numbers_computed_grow_evenly(
    spec: RNNSpec, ragged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of all Tensors, of all shares of their cotangents, and of what is summed at once."""
    summed = sweep.summed

    def numbers(T: int) -> int:
        tape, back = run(spec, T, ragged)
        counter: Counter[str] = Counter()
        seen = {tape.output, tape.h_n}
        waiting = [*seen]
        while waiting:
            tensor = waiting.pop()
            counter["values"] += tensor.value.size
            tensor.vjps = [_counting(vjp, counter) for vjp in tensor.vjps]
            new = set(tensor.parents) - seen
            seen |= new
            waiting += new

        def counted(shares: Sequence[Part | Product], shape: tuple[int, ...]) -> list[Cotangent]:
            totals = list(summed(shares, shape))
            counter["sums"] += sum(total.size for total in totals)
            return totals

        monkeypatch.setattr(sweep, "summed", counted)
        back()
        assert counter["shares"] > 0
        return counter.total()

    assert grows_evenly(numbers)


def _counting(vjp: object, counter: Counter[str]) -> Callable[..., object]:
    def counted(g: Array, *arguments: object) -> object:
        share = vjp(g, *arguments) if callable(vjp) else g[vjp]  # type: ignore[call-overload]
        factors = share if isinstance(share, Product) else [getattr(share, "g", share)]
        counter["shares"] += sum(np.size(factor) for factor in factors)
        return share

    return counted
