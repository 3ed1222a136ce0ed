"""The class `RNN`: torch's layouts, names, modes and errors, around the functions tested beside."""

import math
import random
from array import array
from typing import Any

import pytest

from rnncheck.implementations.scalar import RNN, backward, forward
from rnncheck.implementations.scalar.nested import Nested, elements, full, shape_of

T, B, I, H, L, D = 3, 2, 4, 2, 2, 2  # noqa: E741


def network(**options: Any) -> RNN:
    """A bidirectional network of two layers, with fixed parameters."""
    return RNN(I, H, L, bidirectional=True, rng=random.Random(0), **options)


def numbers(*shape: int) -> Any:
    """Nested lists of random numbers, the same each time for a shape."""
    rng = random.Random(str(shape))
    return full(shape, lambda: rng.uniform(-1, 1))


def swap(nested: Any) -> Any:
    """The first two axes exchanged."""
    return [list(column) for column in zip(*nested, strict=True)]


class Array:
    """What an array is to the network: something with `tolist()`."""

    def __init__(self, nested: Nested[float]) -> None:
        self.nested = nested

    def tolist(self) -> Nested[float]:
        """The nested lists."""
        return self.nested


def test_parameters_are_uniform_within_one_over_the_root_of_hidden_size() -> None:
    state = RNN(5, 100, rng=random.Random(1)).state_dict()
    assert {name: shape_of(name, value) for name, value in state.items()} == {
        "weight_ih_l0": (100, 5),
        "weight_hh_l0": (100, 100),
        "bias_ih_l0": (100,),
        "bias_hh_l0": (100,),
    }
    for values in state.values():
        drawn = list(elements(values))
        assert max(map(abs, drawn)) <= 0.1
        # the mean of n numbers uniform in ±0.1 has the deviation 0.1/√(3n)
        assert abs(sum(drawn) / len(drawn)) < 6 * 0.1 / math.sqrt(3 * len(drawn))
        assert max(drawn) - min(drawn) > 0.15


def test_the_rng_decides_the_parameters() -> None:
    assert network().state_dict() == network().state_dict()
    assert RNN(1, 1).state_dict() != RNN(1, 1).state_dict()


def test_time_major_is_the_functional_interface() -> None:
    rnn = network()
    x, h0, d_output, d_h_n = (
        numbers(T, B, I), numbers(L * D, B, H), numbers(T, B, D * H), numbers(L * D, B, H),
    )  # fmt: skip
    output, h_n, tape = forward(rnn.spec, rnn.state_dict(), x, h0, [3, 1])
    assert rnn(x, h0, lengths=[3, 1]) == (output, h_n)
    assert rnn.backward(d_output, d_h_n) == backward(tape, d_output, d_h_n)


def test_batch_first_swaps_the_steps_but_not_the_states() -> None:
    x, h0, d_output, d_h_n = (
        numbers(T, B, I), numbers(L * D, B, H), numbers(T, B, D * H), numbers(L * D, B, H),
    )  # fmt: skip
    time_major, batch_first = network(), network(batch_first=True)
    output, h_n = time_major(x, h0, [3, 1])
    assert batch_first(swap(x), h0, [3, 1]) == (swap(output), h_n)
    expected = time_major.backward(d_output, d_h_n)
    expected["x"] = swap(expected["x"])
    assert batch_first.backward(swap(d_output), d_h_n) == expected


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_sequence_without_a_batch_is_a_batch_of_one_without_its_axis(batch_first: bool) -> None:
    x, h0, d_output, d_h_n = (
        numbers(T, I), numbers(L * D, H), numbers(T, D * H), numbers(L * D, H),
    )  # fmt: skip

    def batch(nested: Any) -> Any:
        return [[row] for row in nested]

    rnn, batched = network(batch_first=batch_first), network()
    output, h_n = batched(batch(x), batch(h0))
    output_1, h_n_1 = rnn(x, h0)
    assert (batch(output_1), batch(h_n_1)) == (output, h_n)
    expected, found = batched.backward(batch(d_output), batch(d_h_n)), rnn.backward(d_output, d_h_n)
    for name in ("x", "h0"):
        found[name] = batch(found[name])
    assert found == expected


def test_absent_states_and_cotangents_are_0() -> None:
    rnn, zeros = network(), full((L * D, B, H), float)
    x, d_output = numbers(T, B, I), numbers(T, B, D * H)
    result = rnn(x)
    gradient = rnn.backward(d_output)
    assert rnn(x, zeros) == result
    assert rnn.backward(d_output, zeros) == gradient
    assert shape_of("h0", gradient["h0"]) == (L * D, B, H)
    assert any(elements(gradient["h0"]))


def test_anything_with_tolist_will_do() -> None:
    rnn = network()
    arguments = numbers(T, B, I), numbers(L * D, B, H), [2, 1]
    result = rnn(*arguments)
    gradient = rnn.backward(numbers(T, B, D * H), numbers(L * D, B, H))
    x, h0, _ = arguments
    assert rnn(Array(x), Array(h0), array("i", [2, 1])) == result
    assert gradient == rnn.backward(Array(numbers(T, B, D * H)), Array(numbers(L * D, B, H)))
    rnn.load_state_dict({name: Array(value) for name, value in network().state_dict().items()})
    assert rnn(*arguments) == result


def test_state_dict_and_load_state_dict_copy() -> None:
    rnn, other = network(), RNN(I, H, L, bidirectional=True, rng=random.Random(1))
    state: Any = rnn.state_dict()
    assert state != other.state_dict()
    other.load_state_dict(state)
    assert other.state_dict() == state
    before = state["weight_hh_l0"][0][0]
    state["weight_hh_l0"][0][0] = 100.0
    for one in (rnn, other):
        assert next(elements(one.state_dict()["weight_hh_l0"])) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_hh_l1": None}, "missing parameters: weight_hh_l1$"),
        ({"weight_ho": [[0.0]]}, "unknown parameters: weight_ho$"),
        ({"bias_ih_l0": [0.0]}, r"bias_ih_l0 has shape \(1,\); it must have shape \(2,\)"),
        ({"bias_ih_l0": [0.0, [0.0]]}, "bias_ih_l0 is ragged"),
    ],
)
def test_a_wrong_state_is_refused_whole(change: dict[str, Any], message: str) -> None:
    rnn = network()
    before = rnn.state_dict()
    other = RNN(I, H, L, bidirectional=True, rng=random.Random(1)).state_dict()
    state = {name: value for name, value in (other | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        rnn.load_state_dict(state)
    assert rnn.state_dict() == before


def test_backward_before_forward() -> None:
    with pytest.raises(RuntimeError, match="backward needs a forward"):
        network().backward(numbers(T, B, D * H))


def test_dropout_is_for_training_between_layers_and_keeps_the_mean() -> None:
    steps, p = 1000, 0.25
    rnn = RNN(1, 1, 2, "identity", dropout=p, rng=random.Random(3))
    # both layers only hand on x = 1
    state: Any = {name: full(shape, float) for name, shape in rnn.spec.parameter_shapes().items()}
    rnn.load_state_dict(state | {"weight_ih_l0": [[1.0]], "weight_ih_l1": [[1.0]]})
    x = [[[1.0]]] * steps

    assert rnn(x)[0] == x
    assert rnn.train() is rnn
    first, second = rnn(x)[0], rnn(x)[0]
    assert first != second  # drawn anew each time
    for output in (first, second):
        outputs = list(elements(output))
        assert set(outputs) == {0.0, 1 / (1 - p)}
        # each is 0 or 1/(1-p): the mean is 1, the variance p/(1-p)
        assert abs(sum(outputs) / steps - 1.0) < 6 * math.sqrt(p / (1 - p) / steps)
    gradient = rnn.backward(x)
    assert gradient["x"] == second  # the mask of the last call, that is
    assert rnn.eval() is rnn
    assert rnn(x)[0] == x


def test_dropout_does_nothing_to_one_layer() -> None:
    rnn = RNN(I, H, dropout=0.5, rng=random.Random(0))
    x = numbers(T, B, I)
    assert rnn(x) == rnn.train()(x)


def test_the_spec_refuses_what_describes_no_network() -> None:
    with pytest.raises(ValueError, match="hidden_size must be at least 1"):
        RNN(1, 0)
    softplus: Any = "softplus"
    with pytest.raises(ValueError, match="nonlinearity must be one of"):
        RNN(1, 1, nonlinearity=softplus)
