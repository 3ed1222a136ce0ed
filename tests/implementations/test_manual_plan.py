"""A plan: the numbers of the network's own call, in results that the next call overwrites."""

import copy
import pickle
import re

import numpy as np
import pytest

from rnncheck.implementations.manual import RNN

Array = np.ndarray
T, B = 6, 3


@pytest.fixture(params=[3, 1], autouse=True)
def number_of_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row goes through other layers than three."""
    monkeypatch.setitem(globals(), "B", request.param)


def arrays(network: RNN, seed: int = 0) -> dict[str, Array]:
    """x, h0, d_output and d_h_n for a network."""
    rng = np.random.default_rng(seed)
    shapes = network.spec.array_shapes(T, B)
    names = ("x", "h0", "d_output", "d_h_n")
    return {name: rng.normal(size=shapes[name]).astype(network.dtype) for name in names}


def run(called, network: RNN, seed: int = 0) -> dict[str, Array]:
    """What a network, or a plan of it, returns: output, h_n and the gradients by name."""
    a = arrays(network, seed)
    output, h_n = called(a["x"], a["h0"])
    return {"output": output, "h_n": h_n, **called.backward(a["d_output"], a["d_h_n"])}


def copied(found: dict[str, Array]) -> dict[str, Array]:
    return {name: values.copy() for name, values in found.items()}


def assert_same_bits(one: dict[str, Array], other: dict[str, Array]) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        assert (values.dtype, values.shape) == (other[name].dtype, other[name].shape), name
        assert values.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize(("layers", "bias"), [(1, True), (3, True), (2, False)])
def test_the_same_bits_as_the_networks_own_call(layers, bias, nonlinearity, dtype):
    network = RNN(2, 4, layers, nonlinearity, bias, dtype=dtype, rng=1)
    plan = network.plan(T, B)
    for seed in (0, 1, 0):
        assert_same_bits(run(plan, network, seed), run(network, network, seed))


def test_the_next_call_overwrites_the_results_and_nothing_else_does():
    network = RNN(2, 4, 2, rng=1)
    plan, another = network.plan(T, B), network.plan(T, B)
    first = run(plan, network, 0)
    kept = copied(first)
    run(another, network, 1)
    run(network, network, 1)
    assert_same_bits(first, kept)

    a = arrays(network, 1)
    output, h_n = plan(a["x"], a["h0"])
    assert output is first["output"]
    assert h_n is first["h_n"]
    assert (first["output"] != kept["output"]).all()
    assert first["weight_hh_l0"].tobytes() == kept["weight_hh_l0"].tobytes()
    second = plan.backward(a["d_output"], a["d_h_n"])
    for name in second:
        assert second[name] is first[name]
        assert (first[name] != kept[name]).any()


def test_results_and_arguments_can_be_written_into_between_the_passes():
    """The backward pass needs none of them: the plan has its own copies."""
    network = RNN(2, 4, 2, rng=1)
    plan, a = network.plan(T, B), arrays(network)
    expected = copied(run(plan, network))
    output, h_n = plan(a["x"], a["h0"])
    for values in (output, h_n, a["x"], a["h0"]):
        values[...] = np.nan
    found = plan.backward(a["d_output"], a["d_h_n"])
    assert_same_bits(found, {name: expected[name] for name in found})
    a["d_output"][...] = a["d_h_n"][...] = np.nan
    assert_same_bits(found, {name: expected[name] for name in found})
    for values in found.values():
        values[...] = np.nan
    found.clear()
    again = plan.backward(arrays(network)["d_output"], arrays(network)["d_h_n"])
    assert_same_bits(again, {name: expected[name] for name in again})


def test_no_two_results_share_memory():
    network = RNN(2, 4, 2, rng=1)
    everything = list(run(network.plan(T, B), network).values())
    for i, one in enumerate(everything):
        assert not any(np.shares_memory(one, other) for other in everything[:i])


def test_it_sees_what_becomes_of_the_parameters():
    network = RNN(2, 4, rng=1)
    plan = network.plan(T, B)
    run(plan, network)
    network.parameters["weight_hh_l0"] *= 2
    assert_same_bits(run(plan, network), run(network, network))
    network.load_state_dict(RNN(2, 4, rng=2).state_dict())
    assert_same_bits(run(plan, network), run(network, network))


def test_nothing_is_zeros():
    network = RNN(2, 4, rng=1)
    plan, a = network.plan(T, B), arrays(network)
    zeros = np.zeros((1, B, 4))
    h_n = plan(a["x"])[1].copy()
    found = copied(plan.backward(a["d_output"]))
    assert (plan(a["x"], zeros)[1] == h_n).all()
    assert_same_bits(found, plan.backward(a["d_output"], zeros))


@pytest.mark.parametrize(("t", "b"), [(0, 2), (3, 0), (0, 0), (0, 1)])
def test_empty_sizes(t, b):
    network = RNN(2, 4, 2, rng=1)
    plan = network.plan(t, b)
    output, h_n = plan(np.zeros((t, b, 2)), np.ones((2, b, 4)))
    found = plan.backward(np.ones((t, b, 4)), np.ones((2, b, 4)))
    assert output.shape == (t, b, 4)
    assert (h_n == 1).all()
    assert (found["h0"] == 1).all()
    assert all((found[name] == 0).all() for name in network.parameters)


def test_other_sizes_are_refused():
    plan = RNN(2, 4).plan(T, B)
    shape, short = (T, B, 2), (T - 1, B, 2)
    words = f"x has shape {short}; it must have shape {shape}"
    with pytest.raises(ValueError, match=re.escape(words)):
        plan(np.zeros(short))
    words = f"h0 has shape (3, 4); it must have shape {(1, B, 4)}"
    with pytest.raises(ValueError, match=re.escape(words)):
        plan(np.zeros(shape), np.zeros((3, 4)))
    with pytest.raises(TypeError, match="x is float32; this network computes in float64"):
        plan(np.zeros(shape, np.float32))
    plan(np.zeros(shape))
    words = f"d_output has shape {shape}; it must have shape {(T, B, 4)}"
    with pytest.raises(ValueError, match=re.escape(words)):
        plan.backward(np.zeros(shape))
    words = f"d_h_n has shape (4,); it must have shape {(1, B, 4)}"
    with pytest.raises(ValueError, match=re.escape(words)):
        plan.backward(np.zeros((T, B, 4)), np.zeros(4))


def test_backward_needs_a_call():
    with pytest.raises(RuntimeError, match="call the plan on an x"):
        RNN(2, 4).plan(T, B).backward(np.zeros((T, B, 4)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bidirectional": True}, "bidirectional=True"), ({"output_size": 2}, "output_size=2"),
        ({"truncation": 1}, "truncation=1"), ({"outputs": "last"}, "outputs='last'"),
        ({"num_layers": 2, "dropout": 0.5}, "dropout=0.5"), ({"batch_first": True}, "batch_first"),
    ],
)  # fmt: skip
def test_what_has_no_plan(arguments, words):
    with pytest.raises(ValueError, match=f"a plan is for .*this network has {words}"):
        RNN(2, 4, **arguments).plan(T, B)


def test_its_own_results_can_be_given_back_to_it():
    """A state carried from call to call, and its cotangent the other way: read before written."""
    network = RNN(4, 4, 2, rng=1)
    plan = network.plan(T, B)
    rng = np.random.default_rng(0)
    x, d_output = rng.normal(size=(2, T, B, 4))
    output, h_n = (values.copy() for values in network(x))
    expected = [values.copy() for values in network(output, h_n)]
    found = plan(*plan(x))
    for one, other in zip(found, expected, strict=True):
        assert one.tobytes() == other.tobytes()
    first = network.backward(d_output)
    again = network.backward(first["x"], first["h0"])
    first = plan.backward(d_output)
    assert_same_bits(plan.backward(first["x"], first["h0"]), again)


@pytest.mark.parametrize(
    "copy_of", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_a_copy_is_a_plan_of_its_own(copy_of):
    network = RNN(2, 4, 2, rng=1)
    plan = network.plan(T, B)
    first = run(plan, network)
    kept = copied(first)
    other = copy_of(plan)
    with pytest.raises(RuntimeError, match="call the plan on an x"):
        other.backward(np.zeros((T, B, 4)))
    assert_same_bits(run(other, network, 1), run(network, network, 1))
    assert_same_bits(first, kept)


def test_a_network_can_be_copied_between_its_passes():
    network = RNN(2, 4, 2, rng=1)
    a = arrays(network)
    network(a["x"], a["h0"])
    other = copy.deepcopy(network)
    expected = network.backward(a["d_output"], a["d_h_n"])
    assert_same_bits(other.backward(a["d_output"], a["d_h_n"]), expected)
