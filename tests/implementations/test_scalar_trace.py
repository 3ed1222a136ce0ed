"""Every operation of a `Trace` against the derivative in closed form, and what is cut out of it."""

import math
import random
from typing import Any, cast

import pytest

from rnncheck.implementations.scalar import Value, backward, dot, forward
from rnncheck.implementations.scalar.activations import ACTIVATIONS, identity, relu, softmax
from rnncheck.implementations.scalar.nested import elements, full, map_nested
from rnncheck.implementations.scalar.trace import Trace, Weights
from rnncheck.spec import Nonlinearity, RNNSpec

U = 2.0**-53


def zeroed(rows: list[list[float]], bias: list[float]) -> Weights:
    """Weights whose gradients are 0."""
    weights = Weights(rows, bias)
    weights.zero_grad()
    return weights


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_neurons_are_dot_products_with_a_function_each(name: str) -> None:
    # dyadic: 2·3 - 1·1/2 + 1/4 and 0·3 - 2·1/2 + 1/2 are exact, and so are 2 and -1 times a slope;
    # a weight's derivative rounds once and the same way, as a product of the same two numbers
    trace, weights = Trace(), zeroed([[2.0, -1.0], [0.0, -2.0]], [0.25, 0.5])
    x = trace.leaves([3.0, 0.5])
    y = trace.neurons(weights, x, ACTIVATIONS[name])
    function, slope = ACTIVATIONS[name]
    first, second = function(5.75), function(-0.5)
    first_slope, second_slope = slope(first), slope(second)
    assert trace.numbers(y) == [first, second]
    grad = trace.differentiate(y, [1.0, 0.0])
    assert weights.d_rows == [[3.0 * first_slope, 0.5 * first_slope], [0.0, 0.0]]
    assert weights.d_bias == [first_slope, 0.0]
    assert [grad[i] for i in x] == [2.0 * first_slope, -first_slope]
    weights.zero_grad()
    grad = trace.differentiate(y, [0.0, 2.0])
    assert weights.d_rows == [[0.0, 0.0], [3.0 * 2.0 * second_slope, second_slope]]
    assert weights.d_bias == [0.0, 2.0 * second_slope]
    assert [grad[i] for i in x] == [0.0, -4.0 * second_slope]


def test_the_gradient_of_weights_adds_up_until_it_is_zeroed() -> None:
    trace, weights = Trace(), zeroed([[2.0]], [0.5])
    first, second = (trace.neurons(weights, trace.leaves([x]), identity) for x in (3.0, 4.0))
    for times in (1.0, 2.0):
        trace.differentiate([*first, *second], [1.0, 10.0])
        assert (weights.d_rows, weights.d_bias) == ([[43.0 * times]], [11.0 * times])
    weights.zero_grad()
    assert (weights.d_rows, weights.d_bias) == ([[0.0]], [0.0])


def test_a_number_read_twice_is_owed_twice() -> None:
    trace, weights = Trace(), zeroed([[2.0, 5.0, 1.0]], [0.0])
    (a,) = trace.leaves([3.0])
    y = trace.neurons(weights, [a, a, a], identity)
    assert trace.numbers(y) == [24.0]
    assert trace.differentiate([*y, a], [1.0, 0.5]) == [8.5, 1.0]


def test_neurons_of_neurons() -> None:
    # relu(2 x - 1) and relu(-x), then 3 times the first plus 5 times the second
    trace = Trace()
    x = trace.leaves([2.0])
    below, above = zeroed([[2.0], [-1.0]], [-1.0, 0.0]), zeroed([[3.0, 5.0]], [0.0])
    h = trace.neurons(below, x, relu)
    y = trace.neurons(above, h, identity)
    assert trace.numbers([*h, *y]) == [3.0, 0.0, 9.0]
    assert trace.differentiate(y, [1.0]) == [6.0, 3.0, 5.0, 1.0]
    assert (below.d_rows, below.d_bias) == ([[6.0], [0.0]], [3.0, 0.0])
    assert (above.d_rows, above.d_bias) == ([[3.0, 0.0]], [1.0])


def test_scaled() -> None:
    trace = Trace()
    x = trace.leaves([3.0, 5.0])
    y = trace.scaled(x, [2.0, 0.0])
    assert trace.numbers(y) == [6.0, 0.0]
    assert trace.differentiate(y, [0.5, 0.25]) == [1.0, 0.0, 0.5, 0.25]


def test_softmax() -> None:
    # e^a = 1 and 2: y is 1/3 and 2/3, and the derivatives are ±2/9; some ten roundings in each
    trace = Trace()
    a = trace.leaves([0.0, math.log(2.0)])
    y = trace.softmax(a, softmax)
    assert trace.numbers(y) == pytest.approx([1 / 3, 2 / 3], rel=10 * U)
    for d, slope in (([1.0, 0.0], 2 / 9), ([0.0, 1.0], -2 / 9)):
        grad = trace.differentiate(y, d)
        assert [grad[i] for i in a] == pytest.approx([slope, -slope], rel=20 * U)
    assert softmax([1e308, 1e308]) == [0.5, 0.5]


def test_what_is_cut_is_a_constant() -> None:
    # b = 2 a, c = 2 b, and the loss a + b + c: with b constant, only a and c are left
    trace, weights = Trace(), zeroed([[2.0]], [0.0])
    a = trace.leaves([3.0])
    b = trace.neurons(weights, a, identity)
    c = trace.neurons(weights, b, identity)
    loss = [*a, *b, *c], [1.0, 1.0, 1.0]
    assert trace.differentiate(*loss)[0] == 1.0 + 2.0 + 4.0
    weights.zero_grad()
    assert trace.differentiate_parts([(*loss, b)])[0] == 1.0
    assert weights.d_rows == [[6.0]]  # of c = w b alone


def test_no_time_is_spent_on_what_the_loss_does_not_depend_on() -> None:
    # 0 times infinity is no number: what is not needed must not be touched, where something is cut
    trace, weights = Trace(), zeroed([[math.inf]], [0.0])
    a = trace.leaves([1.0])
    trace.neurons(weights, a, identity)
    assert trace.differentiate_parts([(a, [1.0], ())]) == [1.0, 0.0]
    assert weights.d_rows == [[0.0]]


def test_a_deep_trace_needs_no_recursion() -> None:
    trace, weights = Trace(), zeroed([[1.0]], [1.0])
    a = trace.leaves([0.0])
    y = a
    for _ in range(20_000):
        y = trace.neurons(weights, y, identity)
    assert trace.numbers(y) == [20_000.0]
    assert trace.differentiate(y, [1.0])[0] == 1.0
    assert weights.d_bias == [20_000.0]


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid", "relu", "identity"])
def test_the_same_bits_as_a_graph_of_values(nonlinearity: Nonlinearity) -> None:
    # each number is the same sum of the same products: of the neurons of a step the trace sums up
    # the first one first, and so does a sweep over values if that was created last
    T, I, H = 5, 2, 3  # noqa: E741 - the sizes' names
    rng = random.Random(1)
    spec = RNNSpec(I, H, nonlinearity=nonlinearity)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, 1)
    numbers: Any = {
        name: full(shape, lambda: rng.uniform(-1, 1))
        for name, shape in shapes.items()
        if name in spec.parameter_shapes() or name in ("x", "h0", "d_output", "d_h_n")
    }
    parameters = {name: numbers[name] for name in spec.parameter_shapes()}
    output, h_n, tape = forward(spec, parameters, numbers["x"], numbers["h0"])
    gradient = backward(tape, numbers["d_output"], numbers["d_h_n"])

    w, u = (cast(Any, map_nested(Value, numbers[f"weight_{k}_l0"])) for k in ("ih", "hh"))
    b = [Value(p + q) for p, q in zip(numbers["bias_ih_l0"], numbers["bias_hh_l0"], strict=True)]
    x = [[Value(number) for number in x_t] for (x_t,) in numbers["x"]]
    h0 = h = [Value(number) for number in numbers["h0"][0][0]]
    states = []
    for x_t in x:
        made = {
            j: dot([*w[j], *u[j]], [*x_t, *h], b[j]).apply(ACTIVATIONS[nonlinearity])
            for j in reversed(range(H))
        }
        h = [made[j] for j in range(H)]
        states.append(h)
    d = [Value(number) for name in ("d_output", "d_h_n") for number in elements(numbers[name])]
    dot(d, [value for values in (*states, h) for value in values]).backward()

    assert output == [[[value.data for value in values]] for values in states]
    assert h_n == [[[value.data for value in h]]]
    assert gradient == {
        "weight_ih_l0": [[value.grad for value in row] for row in w],
        "weight_hh_l0": [[value.grad for value in row] for row in u],
        "bias_ih_l0": [value.grad for value in b],
        "bias_hh_l0": [value.grad for value in b],
        "x": [[[value.grad for value in x_t]] for x_t in x],
        "h0": [[[value.grad for value in h0]]],
    }
