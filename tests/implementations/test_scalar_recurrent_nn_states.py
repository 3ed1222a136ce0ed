"""The states, the sizes and the errors of `RecurrentNN`, and sequences of thousands of steps."""

from typing import Any

import pytest

from rnncheck.implementations.scalar import Layer, RecurrentLayer, RecurrentNN, Value, ValueArray


def affine_network(wx: float, wa: float, ba: float, w: float, b: float) -> RecurrentNN:
    """`a_t = wx x_t + wa a_{t-1} + ba`, `y_t = w a_t + b`."""
    net = RecurrentNN([RecurrentLayer(1, 1, "linear"), Layer(1, 1, "linear")])
    set_parameters(net, wx, wa, ba, w, b)
    return net


def set_parameters(net: RecurrentNN, *numbers: float) -> None:
    """These numbers for the parameters, in their order."""
    for parameter, number in zip(net.parameters(), numbers, strict=True):
        parameter.data = number


def numbers(vectors: list[list[Value]]) -> list[list[float]]:
    """The numbers in Values."""
    return [[value.data for value in vector] for vector in vectors]


def test_reading_goes_on_where_it_has_stopped() -> None:
    net = affine_network(1.0, 0.5, 0.0, 2.0, 1.0)  # a = 4, 10, 21
    all_at_once, end = net.read([4.0, 8.0, 16.0])
    assert numbers(all_at_once) == [[9.0], [21.0], [43.0]]
    assert numbers(end) == [[21.0]]
    first, state = net.read([4.0])
    second, state = net.read([8.0, 16.0], state)
    assert numbers(first + second) == numbers(all_at_once)
    assert numbers(state) == numbers(end)
    nothing, unchanged = net.read([], state)
    assert (nothing, numbers(unchanged)) == ([], [[21.0]])
    assert numbers(net.read([1.0], [[2.0]])[0]) == [[5.0]]


def test_generating_goes_on_where_it_has_stopped() -> None:
    net = affine_network(1.0, 0.5, 0.0, 2.0, 1.0)
    all_at_once, end = net.generate([4.0], 4)
    first, state = net.generate([4.0], 2)
    second, state = net.generate(first[-1:], 2, state)
    assert numbers(first + second) == numbers(all_at_once)
    assert numbers(state) == numbers(end)


def test_an_encoder_hands_its_state_to_a_decoder() -> None:
    # the encoder adds up pairs, a = Σ_t x_t[0] + 10 x_t[1]; the decoder halves it and puts it out
    encoder = RecurrentNN([RecurrentLayer(2, 1, "linear")])
    set_parameters(encoder, 1.0, 10.0, 1.0, 0.0)
    decoder = affine_network(0.0, 0.5, 0.0, 1.0, 0.0)
    _, state = encoder.read([[1.0, 1.0], [2.0, 3.0], [5.0, 0.0]])
    ys, _ = decoder.generate([0.0], 4, state)
    assert numbers(ys) == [[24.0], [12.0], [6.0], [3.0]]
    ys[-1][0].backward()
    assert [p.grad for p in encoder.parameters()[:2]] == [8.0 / 16, 4.0 / 16]  # through the state


def test_layers_in_any_order() -> None:
    # y_t = Σ_s 2 x_s, by a layer below and nothing above; then without any state
    below = RecurrentNN([Layer(1, 1, "linear"), RecurrentLayer(1, 1, "linear")])
    set_parameters(below, 2.0, 0.0, 1.0, 1.0, 0.0)
    assert numbers(below.many_to_many([1.0, 2.0, 3.0])) == [[2.0], [6.0], [12.0]]
    memoryless = RecurrentNN([Layer(1, 1, "linear")])
    set_parameters(memoryless, 3.0, 1.0)
    assert numbers(memoryless.one_to_many(1.0, 3)) == [[4.0], [13.0], [40.0]]
    assert memoryless.read([1.0])[1] == []


def test_sequences_may_be_arrays_and_generators() -> None:
    net = RecurrentNN([RecurrentLayer(2, 1, "linear")])
    set_parameters(net, 1.0, 10.0, 0.0, 0.0)
    rows: Any = ValueArray([[1.0, 2.0], [3.0, 4.0]], "x")
    assert numbers(net.many_to_many(rows)) == [[21.0], [43.0]]
    (y,) = net.many_to_one(row for row in rows)
    y.backward()
    assert [x.grad for x in rows.flatten()] == [0.0, 0.0, 1.0, 10.0]


def test_parameters_and_their_gradients() -> None:
    net = RecurrentNN([RecurrentLayer(2, 5, "tanh"), Layer(5, 1, "sigmoid")])
    parameters = net.parameters()
    assert len({id(p) for p in parameters}) == len(parameters) == 5 * (2 + 5 + 1) + 5 + 1
    for _ in range(2):  # the same again: nothing is left of the time before
        net.zero_grad()
        assert not any(p.grad for p in parameters)
        net.many_to_one([[1.0, -1.0], [0.5, 2.0]])[0].backward()
        assert all(p.grad for p in parameters)
    assert repr(net) == "RecurrentNN([RecurrentLayer(2, 5, 'tanh'), Layer(5, 1, 'sigmoid')])"


NET = RecurrentNN([RecurrentLayer(2, 5, "tanh"), Layer(5, 1, "sigmoid")])
TAKES_2 = r"RecurrentLayer\(2, 5, 'tanh'\) takes 2 inputs, but was given "


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NET.many_to_one([[1.0, 2.0], [1.0, 2.0, 3.0]]), TAKES_2 + "3"),
        (lambda: NET.many_to_many([1.0, 2.0]), TAKES_2 + "1"),
        (lambda: NET.one_to_one([]), TAKES_2 + "0"),
        (lambda: NET.one_to_many([1.0, 2.0], 2), TAKES_2 + "1"),  # the output, fed back
        (lambda: NET.many_to_one([]), "there must be at least one input"),
        (lambda: NET.one_to_many([1.0, 2.0], 0), "num_outputs must be at least 1, not 0"),
        (lambda: NET.read([], [[0.0] * 4]), "takes 5 states, but was given 4"),
        (lambda: NET.read([], []), "has 1 states, not 0"),
        (
            lambda: RecurrentNN([RecurrentLayer(2, 5, "tanh"), Layer(4, 1, "sigmoid")]),
            r"Layer\(4, 1, 'sigmoid'\) takes 4 inputs, but RecurrentLayer\(2, 5, 'tanh'\) puts out 5",
        ),
        (lambda: RecurrentNN([]), "a network needs at least one layer"),
    ],
)
def test_what_is_wrong_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_five_thousand_steps() -> None:
    # y_T = Σ_t x_t with x = 1: nothing fades
    T = 5000
    net = affine_network(1.0, 1.0, 0.0, 1.0, 0.0)
    (y,) = net.many_to_one([1.0] * T)
    y.backward()
    assert y.data == T
    assert [p.grad for p in net.parameters()] == [T, T * (T - 1) / 2, T, T, 1.0]


def test_five_thousand_generated_steps() -> None:
    # y_T = w a_T and a_T = r^{T-1} a_1, with r = wx w + wa = 1 and a_1 = wx x = 1
    T, x = 5000, 2.0
    net = affine_network(0.5, 0.5, 0.0, 1.0, 0.0)
    (y,) = net.one_to_many(x, T)[-1]
    y.backward()
    assert y.data == 1.0
    by_wx = (T - 1) * 1.0 + x  # through r, w r^{T-2}, and through a_1
    by_w = (T - 1) * 0.5 + 1.0
    by_b = (T - 1) * 0.5 + 1.0  # wx at each time it is fed back
    assert [p.grad for p in net.parameters()] == [by_wx, T - 1, T, by_w, by_b]
