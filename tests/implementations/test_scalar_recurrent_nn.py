"""`RecurrentNN` against the functions `forward` and `backward`, at equal weights.

Weights and inputs are small integers and the activations linear or relu: nothing rounds, so that
the two must be equal, in whatever order they add.
"""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from rnncheck.implementations.scalar import (
    Layer,
    RecurrentLayer,
    RecurrentNN,
    Value,
    backward,
    forward,
)
from rnncheck.spec import RNNSpec

Array = Any
"""Nested lists of numbers."""


def network(inputs: int, hidden: int, outputs: int, num_layers: int = 1) -> RecurrentNN:
    """Recurrent layers, relu for one and linear for more, and a linear one, of integers."""
    activation = "linear" if num_layers > 1 else "relu"
    sizes = [inputs] + [hidden] * num_layers
    layers: list[Layer | RecurrentLayer] = [
        RecurrentLayer(size, hidden, activation) for size in sizes[:-1]
    ]
    net = RecurrentNN([*layers, Layer(hidden, outputs, "linear")])
    rng = random.Random(f"{inputs}, {hidden}, {outputs}, {num_layers}")
    for parameter in net.parameters():
        parameter.data = float(rng.choice([-1, 1, 2, 2]))
    return net


def integers(*shape: int) -> Array:
    """Nested lists of small integers, the same each time for a shape."""
    rng = random.Random(str(shape))

    def draw(sizes: Sequence[int]) -> Array:
        return (
            [draw(sizes[1:]) for _ in range(sizes[0])]
            if sizes
            else float(rng.choice([-1, 1, 2, 3]))
        )

    return draw(shape)


def spec_of(net: RecurrentNN, **options: Any) -> RNNSpec:
    """The network as an `RNNSpec`."""
    first, last = net.recurrent[0], net.layers[-1]
    nonlinearity: Any = {"linear": "identity"}.get(first.activation, first.activation)
    return RNNSpec(
        first.num_inputs, first.num_outputs, len(net.recurrent), nonlinearity,
        output_size=last.num_outputs, **options,
    )  # fmt: skip


def in_functional_form(net: RecurrentNN, attribute: str) -> dict[str, Array]:
    """`data` or `grad` of every parameter as arrays named as in `RNNSpec`; ba is bias_ih."""

    def of(values: Sequence[Value]) -> list[float]:
        return [getattr(value, attribute) for value in values]

    arrays: dict[str, Array] = {}
    for layer, recurrent in enumerate(net.recurrent):
        arrays[f"weight_ih_l{layer}"] = [of(n.wx.flatten()) for n in recurrent.neurons]
        arrays[f"weight_hh_l{layer}"] = [of(n.wa.flatten()) for n in recurrent.neurons]
        arrays[f"bias_ih_l{layer}"] = of([n.ba for n in recurrent.neurons])
    top: Any = net.layers[-1]
    arrays["weight_ho"] = [of(n.w.flatten()) for n in top.neurons]
    arrays["bias_o"] = of([n.b for n in top.neurons])
    return arrays


def functional(
    net: RecurrentNN, xs: Array, d_output: Array, **options: Any
) -> tuple[Array, dict[str, Array]]:
    """Output and gradients (those of in_functional_form, x) of `forward` and `backward`."""
    spec, H = spec_of(net, **options), net.recurrent[0].num_outputs
    parameters = in_functional_form(net, "data")
    expected = dict(parameters)
    for layer in range(spec.num_layers):
        parameters[f"bias_hh_l{layer}"] = [0.0] * H
    zeros = [[[0.0] * H]] * spec.num_layers
    output, _, tape = forward(spec, parameters, [[x_t] for x_t in xs], zeros)
    gradient: Array = backward(tape, [[d] for d in d_output], zeros)
    found = {name: gradient[name] for name in expected}
    return [y for (y,) in output], found | {"x": [x_t for (x_t,) in gradient["x"]]}


def check(net: RecurrentNN, xs: list[list[Value]], ys: list[list[Value]], expected: Array) -> None:
    """That `ys` and the gradient of `Σ d · y` by all parameters and x are the expected ones."""
    d_output = integers(len(ys), len(ys[0]))
    loss = sum(
        (
            d_i * y_i
            for d, y in zip(d_output, ys, strict=True)
            for d_i, y_i in zip(d, y, strict=True)
        ),
        Value(0.0),
    )
    net.zero_grad()
    loss.backward()
    found = in_functional_form(net, "grad") | {"x": [[x_i.grad for x_i in x_t] for x_t in xs]}
    output, gradient = expected
    assert [[y_i.data for y_i in y] for y in ys] == output
    assert found == gradient
    assert any(x_i for x_t in gradient["x"] for x_i in x_t)


def leaves(xs: Array) -> list[list[Value]]:
    """Values of these numbers."""
    return [[Value(x_i) for x_i in x_t] for x_t in xs]


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("T", [1, 2, 5])
def test_many_to_many_and_many_to_one(T: int, num_layers: int) -> None:
    net, xs = network(2, 3, 2, num_layers), integers(T, 2)
    x = leaves(xs)
    check(net, x, net.many_to_many(x), functional(net, xs, integers(T, 2)))
    x = leaves(xs)
    expected = functional(net, xs, integers(1, 2), outputs="last")
    check(net, x, [net.many_to_one(x)], expected)
    if T == 1:
        x = leaves(xs)
        check(net, x, [net.one_to_one(x[0])], expected)


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("num_outputs", [1, 2, 5])
def test_one_to_many_carries_the_state(num_outputs: int, num_layers: int) -> None:
    net, xs = network(1, 2, 1, num_layers), [[3.0]]
    x, d_output = leaves(xs), integers(num_outputs, 1)
    expected = functional(net, xs, d_output, generated=num_outputs - 1)
    check(net, x, net.one_to_many(x[0], num_outputs), expected)


@pytest.mark.parametrize(("T", "num_outputs"), [(3, 1), (2, 4), (5, 2)])
def test_sequence_to_sequence_of_different_lengths(T: int, num_outputs: int) -> None:
    net, xs = network(2, 3, 2), integers(T, 2)
    x, d_output = leaves(xs), [[0.0] * 2] * (T - 1) + integers(num_outputs, 2)
    output, gradient = functional(net, xs, d_output, generated=num_outputs - 1)
    ys = net.sequence_to_sequence(x, num_outputs)
    check(net, x, ys, (output[T - 1 :], gradient))


def affine_network(wx: float, wa: float, ba: float, w: float, b: float) -> RecurrentNN:
    """`a_t = wx x_t + wa a_{t-1} + ba`, `y_t = w a_t + b`."""
    net = RecurrentNN([RecurrentLayer(1, 1, "linear"), Layer(1, 1, "linear")])
    for parameter, number in zip(net.parameters(), (wx, wa, ba, w, b), strict=True):
        parameter.data = number
    return net


def test_without_a_carried_state_one_affine_map_is_iterated() -> None:
    net = affine_network(2.0, 5.0, 1.0, 0.5, 3.0)  # y = (2x + 1)/2 + 3 = x + 3.5
    ys = net.one_to_many(4.0, 4, carry_state=False)
    assert [y.data for (y,) in ys] == [7.5, 11.0, 14.5, 18.0]
    carried = net.one_to_many(4.0, 2)  # a = 9, y = 7.5, then a = 15 + 45 + 1, y = 33.5
    assert [y.data for (y,) in carried] == [7.5, 33.5]
    # over a given sequence the state is carried all the same: a = 3, 18
    ys = net.sequence_to_sequence([1.0, 1.0], 2, carry_state=False)
    assert [y.data for (y,) in ys] == [12.0, 15.5]


@pytest.mark.parametrize("num_outputs", [1, 2, 5])
def test_without_a_carried_state_it_is_the_network_without_wa(num_outputs: int) -> None:
    net, xs, d_output = network(1, 2, 1), [[3.0]], integers(num_outputs, 1)
    x = leaves(xs)
    ys = net.one_to_many(x[0], num_outputs, carry_state=False)
    memoryless = network(1, 2, 1)
    for neuron in memoryless.recurrent[0].neurons:
        neuron.wa[:] = 0.0
    output, gradient = functional(memoryless, xs, d_output, generated=num_outputs - 1)
    gradient["weight_hh_l0"] = [[0.0] * 2] * 2  # wa is multiplied by zeros alone
    check(net, x, ys, (output, gradient))
