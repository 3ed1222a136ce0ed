"""`neurons`, which makes one value of a whole neuron, and the record that saves the search."""

import math
from threading import Thread

import pytest

from rnncheck.implementations.scalar.activations import ACTIVATIONS, softmax
from rnncheck.implementations.scalar.cell import softmax as softmax_of_values
from rnncheck.implementations.scalar.value import Value, neurons, recording, sweep, vector


def leaves(*numbers: float) -> list[Value]:
    """A leaf for each."""
    return [Value(number) for number in numbers]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_neurons_are_dot_products_with_a_function_each(name: str) -> None:
    # dyadic: 2·3 - 1·1/2 + 1/4 and 0·3 - 2·1/2 + 1/2 are exact, and all products with the slopes
    # round once and the same way, as they are products of the same two numbers
    rows, biases, x = [leaves(2.0, -1.0), leaves(0.0, -2.0)], leaves(0.25, 0.5), leaves(3.0, 0.5)
    inputs = vector(x, 1.0)
    made = neurons(
        [vector((*w, b)) for w, b in zip(rows, biases, strict=True)], inputs, ACTIVATIONS[name]
    )
    pairs = [ACTIVATIONS[name](a) for a in (5.75, -0.5)]
    assert [y.data for y in made] == [y for y, _ in pairs]
    for j, (y, (_, slope)) in enumerate(zip(made, pairs, strict=True)):
        for leaf in (*x, *biases, *rows[j]):
            leaf.grad = 0.0
        y.backward()
        assert [w.grad for w in rows[j]] == [3.0 * slope, 0.5 * slope]
        assert biases[j].grad == slope
        assert [x_i.grad for x_i in x] == [w.data * slope for w in rows[j]]


def test_a_value_may_be_weight_and_input_of_one_neuron() -> None:
    a = Value(3.0)
    (y,) = neurons([vector((a, a))], vector((a, Value(2.0))), ACTIVATIONS["identity"])
    y.backward()
    assert (y.data, a.grad) == (15.0, 8.0)  # a² + 2a


def test_softmax_and_its_derivative() -> None:
    # e^a = 1 and 2: y is 1/3 and 2/3, and the derivatives are ±2/9; some ten roundings in each
    a = leaves(0.0, math.log(2.0))
    y = softmax_of_values(a, softmax)
    close = [1 / 3, 2 / 3]
    assert [y_i.data for y_i in y] == pytest.approx(close, rel=10 * 2**-53)
    y[0].backward()
    assert [a_i.grad for a_i in a] == pytest.approx([2 / 9, -2 / 9], rel=20 * 2**-53)
    assert softmax([1e308, 1e308]) == [0.5, 0.5]


def test_a_recording_has_every_result_in_order_and_no_leaf() -> None:
    with recording() as outer:
        a = Value(2.0)
        b = a * 3.0
        with recording() as inner:
            c = b + a
        d = c * c
    e = d + a
    assert (outer, inner) == ([b, d], [c])
    assert e.data == 66.0


def test_a_sweep_of_a_recording_is_backward() -> None:
    with recording() as results:
        a = Value(2.0)
        b = a * 3.0
        c = b + a
        d = c * c * b
    for _ in range(2):  # the results start from 0, the leaf goes on
        a.grad = 0.0
        sweep(results)
        assert a.grad == 2 * 8.0 * 4.0 * 6.0 + 8.0 * 8.0 * 3.0  # of (4a)² 3a
    a.grad = 0.0
    d.backward()
    assert a.grad == 576.0


def test_a_recording_ends_with_an_error_and_is_this_threads_alone() -> None:
    made: list[Value] = []
    with recording() as results:
        thread = Thread(target=lambda: made.append(Value(1.0) + 1.0))
        thread.start()
        thread.join()
    assert (len(made), results) == (1, [])
    with pytest.raises(ZeroDivisionError), recording() as results:
        Value(1.0) / 0.0
    assert Value(1.0) + 1.0 not in results
    assert results == []
