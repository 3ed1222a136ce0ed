"""Two trainings with `RecurrentNN`; their gradients are those of `forward` and `backward`."""

import math
import random
from collections.abc import Callable, Sequence
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
from rnncheck.implementations.scalar.nested import elements, map_nested
from rnncheck.spec import RNNSpec

U = 2.0**-53
Array = Any
"""Nested lists of numbers."""


def two_layers(
    inputs: int, hidden: int, first: str, second: str, seed: int
) -> tuple[RecurrentNN, Callable[[str], dict[str, Array]]]:
    """A network, and a function for its `data` or `grad` in arrays named as in `RNNSpec`."""
    rng = random.Random(seed)
    recurrent = RecurrentLayer(inputs, hidden, first, rng=rng)
    top = Layer(hidden, 1, second, rng=rng)

    def arrays(attribute: str) -> dict[str, Array]:
        def of(values: Sequence[Value]) -> list[float]:
            return [getattr(value, attribute) for value in values]

        return {
            "weight_ih_l0": [of(neuron.wx.flatten()) for neuron in recurrent.neurons],
            "weight_hh_l0": [of(neuron.wa.flatten()) for neuron in recurrent.neurons],
            "bias_ih_l0": of([neuron.ba for neuron in recurrent.neurons]),
            "weight_ho": [of(neuron.w.flatten()) for neuron in top.neurons],
            "bias_o": of([neuron.b for neuron in top.neurons]),
        }

    return RecurrentNN([recurrent, top]), arrays


def train(net: RecurrentNN, loss_of: Callable[[], Value], rate: float, steps: int) -> list[float]:
    """Gradient descent: the loss before every step."""
    losses = []
    for _ in range(steps):
        loss = loss_of()
        losses.append(loss.data)
        net.zero_grad()
        loss.backward()
        for parameter in net.parameters():
            parameter.data -= rate * parameter.grad
    return losses


RISING = [  # is the sum of each pair larger than that of the pair before, at every step?
    ([[0.1, 0.2], [0.3, 0.4]], 1.0),
    ([[0.9, 0.7], [0.2, 0.1]], 0.0),
    ([[0.2, 0.1], [0.3, 0.2], [0.5, 0.3]], 1.0),
    ([[0.6, 0.5], [0.4, 0.4], [0.2, 0.3]], 0.0),
    ([[0.1, 0.1], [0.2, 0.3], [0.4, 0.5], [0.8, 0.6]], 1.0),
    ([[0.9, 0.9], [0.8, 0.7], [0.5, 0.6], [0.3, 0.2], [0.1, 0.0]], 0.0),
]


def cross_entropy(net: RecurrentNN) -> Value:
    """The mean of `-log y` or `-log (1 - y)` over RISING, y being the last output."""
    total = Value(0.0)
    for xs, target in RISING:
        (y,) = net.many_to_one(xs)
        total -= (y if target else 1.0 - y).log()
    return total / len(RISING)


def test_many_to_one_is_trained() -> None:
    net, arrays = two_layers(2, 5, "tanh", "sigmoid", seed=1)
    cross_entropy(net).backward()

    lengths = [len(xs) for xs, _ in RISING]
    T, rows = max(lengths), range(len(RISING))
    x = [[RISING[b][0][t] if t < lengths[b] else [math.nan] * 2 for b in rows] for t in range(T)]
    spec = RNNSpec(2, 5, output_size=1, readout="sigmoid", outputs="last")
    parameters = arrays("data") | {"bias_hh_l0": [0.0] * 5}
    zeros = [[[0.0] * 5] * len(rows)]
    output, _, tape = forward(spec, parameters, x, zeros, lengths)
    targets = [target for _, target in RISING]
    d_output = [
        [
            [-1.0 / (y if target else y - 1.0) / len(rows)]
            for (y,), target in zip(output[0], targets, strict=True)
        ]
    ]
    expected = backward(tape, d_output, zeros)
    # All of |y - target|, x and the states are at most 1, and the row sums of the weights below
    # 5/√7 < 2. A derivative is the mean over the rows of at most 5 terms, each below 2^5 = 32; it
    # took fewer than 15 roundings at each of 5 steps there and back, and one for each of 30 sums.
    tolerance = 2 * (2 * 5 * 15 + 30) * U * 5 * 32
    for name, found in arrays("grad").items():
        assert list(elements(found)) == pytest.approx(
            list(elements(expected[name])), rel=0, abs=tolerance
        )

    losses = train(net, lambda: cross_entropy(net), rate=0.3, steps=100)
    assert losses[-1] < losses[0] / 2
    assert [round(net.many_to_one(xs)[0].data) for xs, _ in RISING] == targets


COUNTING = [float(n) for n in range(0, 100, 10)]  # n is to be followed by n+1, ..., n+5


def squared_error(net: RecurrentNN, carry_state: bool) -> Value:
    """The mean of `(y_k - n - k)²` over the five outputs, and over COUNTING."""
    total = Value(0.0)
    for n in COUNTING:
        for k, (y,) in enumerate(net.one_to_many(n, 5, carry_state=carry_state), start=1):
            total += (y - (n + k)) ** 2
    return total / (5 * len(COUNTING))


def functional_counting(parameters: dict[str, Array], worst: bool = False) -> dict[str, Array]:
    """The gradient of squared_error, or worst: with all minus signs in it made plus signs."""
    spec = RNNSpec(1, 4, nonlinearity="identity", output_size=1, generated=4)
    zeros = [[[0.0] * 4 for _ in COUNTING]]
    if worst:
        parameters = {name: map_nested(abs, array) for name, array in parameters.items()}
    output, _, tape = forward(spec, parameters, [[[n] for n in COUNTING]], zeros)
    sign = 1.0 if worst else -1.0
    d_output = [
        [
            [2.0 * (y + sign * (n + k)) / (5 * len(COUNTING))]
            for n, (y,) in zip(COUNTING, y_k, strict=True)
        ]
        for k, y_k in enumerate(output, start=1)
    ]
    return backward(tape, d_output, zeros)


@pytest.mark.parametrize("carry_state", [True, False])
def test_one_to_many_is_trained(carry_state: bool) -> None:
    net, arrays = two_layers(1, 4, "linear", "linear", seed=1)
    squared_error(net, carry_state).backward()

    parameters = arrays("data") | {"bias_hh_l0": [0.0] * 4}
    if not carry_state:
        parameters["weight_hh_l0"] = [[0.0] * 4] * 4
    expected, worst = functional_counting(parameters), functional_counting(parameters, worst=True)
    if not carry_state:
        expected["weight_hh_l0"] = [[0.0] * 4] * 4  # the states before are 0
    # A derivative is a sum of products of weights, inputs and targets, and `worst` that of their
    # magnitudes. On the way to each there were fewer than 15 roundings at each of 5 steps, three
    # times (the output in d_output, the state, and back), and 50 for the sums.
    roundings = 3 * 5 * 15 + 50
    for name, found in arrays("grad").items():
        for one, other, size in zip(
            *map(elements, (found, expected[name], worst[name])), strict=True
        ):
            assert abs(one - other) <= 2 * roundings * U * size

    losses = train(net, lambda: squared_error(net, carry_state), rate=7e-6, steps=40)
    assert losses[-1] < losses[0] / 10
