"""No collection while a reference works, and everything as it was afterwards."""

import gc

import numpy as np
import pytest

from rnncheck.garbage import uncollected
from rnncheck.implementations import autodiff, scalar
from rnncheck.implementations.references import reference
from rnncheck.properties.draw import Draw
from rnncheck.properties.strategies import build
from rnncheck.spec import RNNSpec


@pytest.fixture
def collections():
    """The generations collected so far, with a collector that is quick to start."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            found.append(info["generation"])

    usual = gc.get_threshold()
    gc.callbacks.append(note)
    gc.set_threshold(50, 2, 2)
    yield found
    gc.set_threshold(*usual)
    gc.callbacks.remove(note)


def many() -> int:
    """How many objects of which the collector keeps count."""
    return len([[number] for number in range(1000)])


def test_nothing_is_collected_meanwhile(collections):
    many()
    assert collections, "else nothing would be tested"
    collections.clear()
    run = uncollected(lambda: (many(), list(collections)))
    assert run() == (1000, [])
    assert gc.isenabled()


def test_the_collector_is_on_again_after_an_error():
    with pytest.raises(ZeroDivisionError):
        uncollected(lambda: 1 // 0)()
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    try:
        assert uncollected(gc.isenabled)() is False
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_one_within_another_leaves_it_off():
    inner = uncollected(gc.isenabled)
    assert uncollected(lambda: (inner(), gc.isenabled()))() == (False, False)
    assert gc.isenabled()


@pytest.mark.parametrize("name", ["scalar", "autodiff"])
def test_a_reference_is_not_interrupted(name, collections):
    """A few collections for what is made around the two passes, none for their graph."""
    case = build(
        Draw(
            RNNSpec(3, 4), 200, 2, "orthogonal", "both", h0=True, final_state=True, lengths=None,
            dropout=False, dtype="float64", one_bias=False, seed=1,
        )
    )  # fmt: skip
    one = reference(name)
    one.gradients(case)
    collections.clear()
    one.gradients(case)
    assert len(collections) <= 10


def test_nor_are_its_functions_and_its_class(collections):
    spec, x = RNNSpec(2, 3), np.ones((500, 1, 2))
    parameters = {name: np.full(shape, 0.1) for name, shape in spec.parameter_shapes().items()}
    lists = {name: array.tolist() for name, array in parameters.items()}
    network = scalar.RNN(2, 3)
    d_output, h0 = np.ones((500, 1, 3)), np.zeros((1, 1, 3))
    x_list, d_list, h0_list = x.tolist(), d_output.tolist(), h0.tolist()
    tape = scalar.forward(spec, lists, x_list, h0_list)[2]
    vectors = {"x": np.ones_like(x)}

    def passes():
        yield lambda: autodiff.forward(spec, parameters, x, h0)
        yield lambda: autodiff.hessian_vector(spec, parameters, x, h0, d_output, h0, vectors)
        yield lambda: scalar.forward(spec, lists, x_list, h0_list)
        yield lambda: scalar.backward(tape, d_list, h0_list)
        yield lambda: network(x_list)
        yield lambda: network.backward(d_list)

    for run in passes():
        collections.clear()
        kept = run()
        assert len(collections) <= 2, kept
