"""Neurons and layers of them: the formulas, their gradients, the errors."""

import math
import random
from typing import Any

import numpy as np
import pytest

from rnncheck.implementations.scalar import (
    Layer,
    Neuron,
    RecurrentLayer,
    RecurrentNeuron,
    Value,
    ValueArray,
)

ACTIVATIONS = {
    "tanh": (math.tanh(0.75), 1.0 - math.tanh(0.75) ** 2),
    "linear": (0.75, 1.0),
    "relu": (0.75, 1.0),
}


def neuron(activation: str = "linear") -> Neuron:
    """`f(2 x_0 - 3 x_1 + 1/4)`."""
    one = Neuron(2, activation)
    one.w[:] = [2.0, -3.0]
    one.b.data = 0.25
    return one


def recurrent_neuron(activation: str = "linear") -> RecurrentNeuron:
    """`f(2 x + a_0/2 - a_1 + 1/4)`."""
    one = RecurrentNeuron(1, 2, activation)
    one.wx[0] = 2.0
    one.wa[:] = [0.5, -1.0]
    one.ba.data = 0.25
    return one


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_neuron_and_its_gradient(activation: str) -> None:
    y, slope = ACTIVATIONS[activation]
    one, x = neuron(activation), [Value(1.0), Value(0.5)]
    found = one(x)  # of 2 - 1.5 + 0.25 = 0.75
    found.backward()
    assert found.data == y
    assert [p.grad for p in one.parameters()] == [slope, 0.5 * slope, slope]
    assert [x_i.grad for x_i in x] == [2.0 * slope, -3.0 * slope]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_recurrent_neuron_and_its_gradient(activation: str) -> None:
    y, slope = ACTIVATIONS[activation]
    one, x, a = recurrent_neuron(activation), Value(0.5), [Value(1.0), Value(1.0)]
    found = one(x, a)  # of 1 + 0.5 - 1 + 0.25 = 0.75
    found.backward()
    assert found.data == y
    assert [p.grad for p in one.parameters()] == [0.5 * slope, slope, slope, slope]
    assert [v.grad for v in (x, *a)] == [2.0 * slope, 0.5 * slope, -slope]


def test_sigmoid_and_relu_below_0() -> None:
    for kind in ("sigmoid", "relu"):
        expected = 1 / (1 + math.exp(1.25)) if kind == "sigmoid" else 0.0  # of 1 - 2.5 + .25
        # the two forms of the sigmoid have some 5 roundings each
        assert recurrent_neuron(kind)(0.5, [0.0, 2.5]).data == pytest.approx(
            expected, rel=10 * 2**-53
        )


def test_inputs_may_be_numbers_values_and_arrays() -> None:
    for x in (
        [1.0, 0.5],
        (1, Value(0.5)),
        ValueArray([1.0, 0.5]),
        np.array([1.0, 0.5], np.float32),
    ):
        assert neuron()(x).data == 0.75
    for one in (0.5, [0.5], Value(0.5), ValueArray(0.5), np.float32(0.5)):
        assert recurrent_neuron()(one, [1.0, 1.0]).data == 0.75


def test_a_layer_is_its_neurons() -> None:
    layer = Layer(3, 2, "tanh", rng=random.Random(0))
    x = [Value(x_i) for x_i in (0.5, -1.0, 2.0)]
    y = layer(x)
    assert [y_i.data for y_i in y] == [n(x).data for n in layer.neurons]
    assert y[0].data != y[1].data
    assert len(layer.parameters()) == 2 * (3 + 1)


def test_a_recurrent_layer_takes_its_states_on() -> None:
    # a_t[0] = x_t + a_{t-1}[1], a_t[1] = a_{t-1}[0] + 1: the neurons read the old states of both
    layer = RecurrentLayer(1, 2, "linear")
    for i, (wx, wa, ba) in enumerate([(1.0, [0.0, 1.0], 0.0), (0.0, [1.0, 0.0], 1.0)]):
        layer.neurons[i].wx[0] = wx
        layer.neurons[i].wa[:] = wa
        layer.neurons[i].ba.data = ba
    states = [[2.0, 1.0], [5.0, 3.0], [11.0, 6.0]]
    assert numbers(layer([2.0, 4.0, 8.0])) == states
    assert numbers(layer([4.0, 8.0], a0=states[0])) == states[1:]
    assert numbers([layer.step(8.0, states[1])]) == states[2:]
    assert layer([]) == []


def numbers(vectors: list[list[Value]]) -> list[list[float]]:
    """The numbers in Values."""
    return [[value.data for value in vector] for vector in vectors]


def test_parameters_are_all_there_once_and_labelled() -> None:
    layer = RecurrentLayer(2, 3, "tanh")
    parameters = layer.parameters()
    assert len({id(p) for p in parameters}) == len(parameters) == 3 * (2 + 3 + 1)
    assert [p.label for p in parameters[6:12]] == [
        "neuron1.wx_0", "neuron1.wx_1", "neuron1.wa_0", "neuron1.wa_1", "neuron1.wa_2", "neuron1.ba",
    ]  # fmt: skip
    assert [p.label for p in Layer(1, 2, "tanh").parameters()] == [
        "neuron0.w_0", "neuron0.b", "neuron1.w_0", "neuron1.b",
    ]  # fmt: skip
    assert [p.label for p in Neuron(1, "tanh", label="my ").parameters()] == ["my w_0", "my b"]


def test_weights_are_uniform_within_one_over_the_root_of_fan_in_and_biases_0() -> None:
    for layer, fan_in in ((Layer(25, 40, "relu"), 25), (RecurrentLayer(9, 16, "tanh"), 25)):
        weights = [p.data for p in layer.parameters() if "b" not in p.label]
        assert len(weights) >= 400
        assert max(map(abs, weights)) <= 1 / math.sqrt(fan_in)
        # all of 400 numbers miss an outer tenth with the probability 0.95^400 < 2e-9
        assert max(weights) > 0.9 / math.sqrt(fan_in)
        assert min(weights) < -0.9 / math.sqrt(fan_in)
        assert {p.data for p in layer.parameters() if "b" in p.label} == {0.0}


@pytest.mark.parametrize("kind", [Layer, RecurrentLayer])
def test_the_rng_decides_the_weights(kind: Any) -> None:
    def drawn(rng: random.Random | None) -> list[float]:
        return [p.data for p in kind(2, 3, "tanh", rng=rng).parameters()]

    state = random.getstate()
    assert drawn(random.Random(5)) == drawn(random.Random(5)) != drawn(random.Random(6))
    assert drawn(None) != drawn(None)
    assert random.getstate() == state  # the global generator is left alone


def test_zero_grad() -> None:
    layer, other = RecurrentLayer(1, 2, "tanh"), Layer(2, 1, "linear")
    (y,) = other(layer([1.0, 2.0])[-1])
    y.backward()
    assert all(p.grad for p in layer.parameters())
    layer.zero_grad()
    assert not any(p.grad for p in layer.parameters())
    assert other.parameters()[-1].grad == 1.0  # it is not this one's
    other.neurons[0].zero_grad()
    assert not any(p.grad for p in other.parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Neuron(2, "tanh")([1.0]), r"Neuron\(2, 'tanh'\) takes 2 inputs, but was given 1"),
        (lambda: Neuron(2, "tanh")(1.0), "takes 2 inputs, but was given 1"),
        (
            lambda: Layer(2, 4, "relu")([1.0] * 3),
            r"Layer\(2, 4, 'relu'\) takes 2 inputs, but was given 3",
        ),
        (
            lambda: RecurrentNeuron(1, 3, "tanh")([1.0] * 2, [1.0] * 3),
            r"RecurrentNeuron\(1, 3, 'tanh'\) takes 1 inputs, but was given 2",
        ),
        (lambda: RecurrentNeuron(1, 3, "tanh")(1.0, [1.0]), "takes 3 states, but was given 1"),
        (
            lambda: RecurrentLayer(2, 3, "tanh")([[1.0, 2.0], [1.0]]),
            r"RecurrentLayer\(2, 3, 'tanh'\) takes 2 inputs, but was given 1",
        ),
        (lambda: RecurrentLayer(1, 3, "tanh")([1.0], [0.0] * 4), "takes 3 states, but was given 4"),
        (
            lambda: Neuron(2, "tanh")(ValueArray.zeros((1, 2))),
            r"takes 2 inputs, but was given a \(1, 2\) array",
        ),
        (
            lambda: Neuron(1, "Tanh"),
            "activation must be one of tanh, sigmoid, linear, relu, not 'Tanh'",
        ),
        (lambda: RecurrentNeuron(1, 1, ""), "activation must be one of"),
        (lambda: Layer(1, 0, "tanh"), "num_outputs must be at least 1, not 0"),
        (lambda: RecurrentLayer(1, -1, "tanh"), "hidden_size must be at least 1, not -1"),
    ],
)
def test_what_is_wrong_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_layer_without_inputs() -> None:
    (neuron,) = RecurrentLayer(0, 1, "linear").neurons
    neuron.wa[0], neuron.ba.data = 2.0, 1.0
    layer = RecurrentLayer(0, 1, "linear")
    layer.neurons = [neuron]
    assert numbers(layer([[], [], []])) == [[1.0], [3.0], [7.0]]
