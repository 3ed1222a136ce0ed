"""A network's next call works in the arrays of its last one: nobody can tell."""

import copy
import pickle

import numpy as np
import pytest

from rnncheck.implementations.manual import RNN, network, straight
from rnncheck.spec import RNNSpec

Array = np.ndarray
KINDS = {
    "plain": {},
    "layers": {"num_layers": 3, "bias": False},
    "relu": {"nonlinearity": "relu"},
    "readout": {"output_size": 2},
    "last": {"outputs": "last"},
    "directions": {"bidirectional": True},
    "truncated": {"truncation": 1},
}
ROWS = 3
ALL_KINDS = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
COPIES = {
    "copy": copy.copy, "deepcopy": copy.deepcopy,
    "pickle": lambda one: pickle.loads(pickle.dumps(one)),
}  # fmt: skip


def build(options: dict[str, object]) -> RNN:
    return RNN(2, 4, **options, rng=1)


@pytest.fixture(params=[3, 1], autouse=True)
def number_of_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row goes through other layers than three."""
    monkeypatch.setitem(globals(), "ROWS", request.param)


def arrays(rnn: RNN, T: int = 5, B: int | None = None, seed: int = 0) -> list[Array]:
    """x, h0, d_output and d_h_n."""
    B = ROWS if B is None else B
    rng = np.random.default_rng(seed)
    shapes = rnn.spec.array_shapes(T, B)
    x, h0, d_output, d_h_n = (
        rng.normal(size=shapes[name]) for name in ("x", "h0", "d_output", "d_h_n")
    )
    return [x, h0, d_output if rnn.spec.outputs == "all" else d_output[0], d_h_n]


def run(rnn: RNN, given: list[Array]) -> dict[str, Array]:
    x, h0, d_output, d_h_n = given
    output, h_n = rnn(x, h0)
    return {"output": output, "h_n": h_n} | rnn.backward(d_output, d_h_n)


def assert_same_bits(one: dict[str, Array], other: dict[str, Array]) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        assert values.shape == other[name].shape, name
        assert values.tobytes() == other[name].tobytes(), name


@ALL_KINDS
def test_call_after_call_gives_what_a_new_network_gives(options):
    rnn = build(options)
    for T, B, seed in ((5, ROWS, 0), (5, ROWS, 1), (5, 2, 2), (0, 2, 2), (7, 2, 3), (7, 2, 4)):
        given = arrays(rnn, T, B, seed)
        assert_same_bits(run(rnn, given), run(build(options), given))


@ALL_KINDS
def test_what_a_call_returned_stays(options):
    rnn = build(options)
    first = run(rnn, arrays(rnn))
    kept = {name: values.copy() for name, values in first.items()}
    second = run(rnn, arrays(rnn, seed=1))
    rnn.backward(*arrays(rnn, seed=2)[2:])
    assert_same_bits(first, kept)
    everything = [*first.values(), *second.values()]
    for i, one in enumerate(everything):
        assert not any(np.shares_memory(one, other) for other in everything[:i])


@ALL_KINDS
def test_results_and_arguments_may_be_written_into(options):
    rnn, given = build(options), arrays(build(options))
    expected = run(build(options), given)
    run(rnn, arrays(rnn, seed=1))
    x, h0 = given[0].copy(), given[1].copy()
    output, h_n = rnn(x, h0)
    for values in (x, h0, output, h_n, *rnn.parameters.values()):
        values[...] = np.nan
    found = rnn.backward(*given[2:])
    assert_same_bits(found, {name: expected[name] for name in found})


@pytest.mark.parametrize("options", [KINDS["plain"], KINDS["readout"]], ids=["plain", "readout"])
def test_the_arrays_are_in_fact_those_of_the_last_call(options):
    """Else nothing here would be tested."""

    def states(rnn: RNN) -> Array:
        tape = rnn._run.tape
        cells = tape.cells if isinstance(tape, network.Tape) else tape
        assert isinstance(cells, straight.Tape)
        return cells.layers[0].h

    rnn = build(options)
    run(rnn, arrays(rnn))
    first = states(rnn)
    run(rnn, arrays(rnn, seed=1))
    assert states(rnn) is first
    run(rnn, arrays(rnn, B=2))
    assert states(rnn) is not first


@ALL_KINDS
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_goes_on_by_itself(options, copied):
    """Neither of the two writes into what the other needs."""
    rnn, given = build(options), arrays(build(options), seed=1)
    expected = run(rnn, given)
    another = copied(rnn)
    assert_same_bits(run(another, arrays(rnn, seed=2)), run(build(options), arrays(rnn, seed=2)))
    found = rnn.backward(*given[2:])
    assert_same_bits(found, {name: expected[name] for name in found})


def test_a_copy_on_which_everything_but_the_parameters_is_its_own_begins_anew():
    rnn = build({})
    rnn(*arrays(rnn)[:2])
    another = copy.copy(rnn)
    assert another.parameters is rnn.parameters
    with pytest.raises(RuntimeError, match="forward pass first"):
        another.backward(*arrays(rnn)[2:])


@ALL_KINDS
@pytest.mark.parametrize("copied", [COPIES["deepcopy"], COPIES["pickle"]])
def test_a_copy_made_between_the_passes_can_go_back(options, copied):
    rnn, given = build(options), arrays(build(options), seed=1)
    expected = run(rnn, given)
    another = copied(rnn)
    run(rnn, arrays(rnn, seed=2))
    found = another.backward(*given[2:])
    assert_same_bits(found, {name: expected[name] for name in found})


@pytest.mark.parametrize("copied", [COPIES["deepcopy"], COPIES["pickle"]])
def test_a_tape_can_be_copied(copied):
    """It gives the same gradients; its arrays are no views of each other, and not written into again."""
    rnn = RNN(2, 4, 2, rng=1)
    x, h0, *cotangents = arrays(rnn)
    _, _, tape = straight.forward(rnn.spec, rnn.parameters, x, h0)
    expected = straight.backward(tape, *cotangents)
    another = copied(tape)
    straight.forward(rnn.spec, rnn.parameters, 2 * x, h0, used=tape)
    assert_same_bits(straight.backward(another, *cotangents), expected)
    spec = another.spec
    _, _, new = straight.forward(spec, rnn.parameters, x, h0, used=another)
    assert new is not another
    assert_same_bits(straight.backward(new, *cotangents), expected)


@pytest.mark.parametrize(
    "other",
    [None, RNNSpec(2, 4), RNNSpec(2, 4, 2, "relu"), RNNSpec(2, 3, 2), RNNSpec(2, 4, 2, bias=False)],
)
def test_a_tape_of_another_network_or_size_is_left_alone(other):
    """Of another network, or (None) of the same one."""
    rnn = RNN(2, 4, 2, rng=1)
    other = other or rnn.spec
    x, h0, *cotangents = arrays(rnn)
    expected = run(rnn, [x, h0, *cotangents])
    parameters = {name: np.ones(shape, x.dtype) for name, shape in other.parameter_shapes().items()}
    zeros = np.zeros(other.array_shapes(5, ROWS)["h0"], x.dtype)
    for data in (x, x[:3], x.astype(np.float32)):
        _, _, used = straight.forward(other, parameters, data, zeros.astype(data.dtype))
        output, h_n, tape = straight.forward(rnn.spec, rnn.parameters, x, h0, used)
        found = {"output": output, "h_n": h_n} | straight.backward(tape, *cotangents)
        assert_same_bits(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tape_of_another_dtype_is_left_alone(dtype):
    rnn = RNN(2, 4, dtype=dtype, rng=1)
    x, h0, *_ = (array.astype(dtype) for array in arrays(rnn))
    for other in (np.float32, np.float64):
        _, _, used = straight.forward(rnn.spec, rnn.parameters, x.astype(other), h0.astype(other))
        output, h_n, tape = straight.forward(rnn.spec, rnn.parameters, x, h0, used)
        assert (tape is used) == (other is dtype)
        assert output.dtype == h_n.dtype == dtype


def test_generated_steps_in_between():
    rnn = RNN(4, 4, rng=1)
    given = arrays(rnn)
    expected = run(rnn, given)
    longer = rnn.generate(given[0], 3, given[1])
    d_longer = np.ones_like(longer[0])
    gradients = rnn.backward(d_longer)
    assert_same_bits(run(rnn, given), expected)
    again = rnn.generate(given[0], 3, given[1])
    assert [a.tobytes() for a in again] == [a.tobytes() for a in longer]
    assert_same_bits(rnn.backward(d_longer), gradients)


def test_after_a_call_that_failed_there_is_nothing_to_go_back_through():
    rnn = build({})
    given = arrays(rnn)
    run(rnn, given)
    weight = rnn.parameters.pop("weight_hh_l0")
    with pytest.raises(KeyError, match="weight_hh_l0"):
        rnn(*given[:2])
    with pytest.raises(RuntimeError, match="forward pass first"):
        rnn.backward(*given[2:])
    rnn.parameters["weight_hh_l0"] = weight
    assert_same_bits(run(rnn, given), run(build({}), given))
