"""`Value` against derivatives known in closed form.

U is the unit roundoff of a float: a result after n roundings, none of them of a difference of
like numbers, is right to a relative n·U (to first order).
"""

import math
from collections.abc import Callable

import pytest

from rnncheck.implementations.scalar import Value, dot
from rnncheck.implementations.scalar.activations import identity
from rnncheck.implementations.scalar.value import neurons, vector

U = 2.0**-53


def gradient(function: Callable[..., Value], *at: float) -> list[float]:
    """The value of `function` at these numbers, then its derivative by each."""
    leaves = [Value(number) for number in at]
    result = function(*leaves)
    result.backward()
    return [result.data, *(leaf.grad for leaf in leaves)]


def test_arithmetic_of_two_values() -> None:
    # dyadic numbers: everything below is exact
    assert gradient(lambda a, b: a + b, 3.0, 4.0) == [7.0, 1.0, 1.0]
    assert gradient(lambda a, b: a - b, 3.0, 4.0) == [-1.0, 1.0, -1.0]
    assert gradient(lambda a, b: a * b, 3.0, 4.0) == [12.0, 4.0, 3.0]
    assert gradient(lambda a, b: a / b, 3.0, 4.0) == [0.75, 0.25, -0.1875]
    assert gradient(lambda a: -a, 3.0) == [-3.0, -1.0]


@pytest.mark.parametrize("two", [2, 2.0])
def test_plain_numbers_on_either_side_are_constants(two: float) -> None:
    assert gradient(lambda a: a + two, 4.0) == [6.0, 1.0]
    assert gradient(lambda a: two + a, 4.0) == [6.0, 1.0]
    assert gradient(lambda a: a - two, 4.0) == [2.0, 1.0]
    assert gradient(lambda a: two - a, 4.0) == [-2.0, -1.0]
    assert gradient(lambda a: a * two, 4.0) == [8.0, 2.0]
    assert gradient(lambda a: two * a, 4.0) == [8.0, 2.0]
    assert gradient(lambda a: a / two, 4.0) == [2.0, 0.5]
    assert gradient(lambda a: two / a, 4.0) == [0.5, -0.125]
    assert gradient(lambda a: a**two, 4.0) == [16.0, 8.0]
    # d(2^a)/da = 2^a log 2; the power is exact, the logarithm and the product round
    assert gradient(lambda a: two**a, 4.0) == pytest.approx([16.0, 16.0 * math.log(2.0)], rel=3 * U)


def test_power() -> None:
    assert gradient(lambda a: a**0, 0.0) == [1.0, 0.0]
    assert gradient(lambda a: a**1, 0.0) == [0.0, 1.0]
    assert gradient(lambda a: a**-1, -2.0) == [-0.5, -0.25]
    assert gradient(lambda a, b: a**b, 4.0, 0.5) == pytest.approx(
        [2.0, 0.25, 2.0 * math.log(4.0)], rel=3 * U
    )
    with pytest.raises(ValueError, match="math domain error"):
        Value(-1.0) ** 0.5


def test_functions() -> None:
    x = 0.625
    y = math.tanh(x)
    assert gradient(Value.tanh, x) == [y, 1.0 - y * y]
    assert gradient(Value.exp, x) == [math.exp(x), math.exp(x)]
    assert gradient(Value.log, x) == [math.log(x), 1.6]
    # the derivative is e^-x / (1 + e^-x)², in the implementation y (1 - y): five roundings in each
    e = math.exp(-x)
    assert gradient(Value.sigmoid, x) == pytest.approx([1 / (1 + e), e / (1 + e) ** 2], rel=10 * U)


@pytest.mark.parametrize(
    ("x", "expected"),
    [(-2.0, [0.0, 0.0]), (0.0, [0.0, 0.0]), (-0.0, [0.0, 0.0]), (2.0, [2.0, 1.0])],
)
def test_relu_and_its_derivative_of_0_at_0(x: float, expected: list[float]) -> None:
    assert gradient(Value.relu, x) == expected


@pytest.mark.parametrize("function", [Value.relu, Value.sigmoid, Value.tanh])
def test_not_a_number_stays_so(function: Callable[[Value], Value]) -> None:
    assert math.isnan(function(Value(math.nan)).data)


def test_sigmoid_at_the_ends_of_the_floats() -> None:
    assert gradient(Value.sigmoid, 1e308) == [1.0, 0.0]
    assert gradient(Value.sigmoid, -1e308) == [0.0, 0.0]
    # far below 0 it is e^x, and so is its derivative, to a relative e^x < U
    assert gradient(Value.sigmoid, -600.0) == pytest.approx([math.exp(-600.0)] * 2, rel=6 * U)


def test_dot_is_the_sum_of_products_and_has_its_derivatives() -> None:
    w, x, b = [Value(2.0), Value(-3.0)], [Value(5.0), Value(7.0)], Value(0.5)
    y = dot(w, x, b)
    y.backward()
    assert y.data == 2.0 * 5.0 - 3.0 * 7.0 + 0.5
    assert [v.grad for v in w] == [5.0, 7.0]
    assert [v.grad for v in x] == [2.0, -3.0]
    assert b.grad == 1.0
    assert dot([], []).data == 0.0
    assert dot([], [], 2.0).data == 2.0


def test_dot_of_different_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        dot([Value(1.0)], [Value(1.0)] * 2)


def test_a_value_used_more_than_once_collects_all_its_paths() -> None:
    assert gradient(lambda a: a + a, 3.0) == [6.0, 2.0]
    assert gradient(lambda a: a * a * a, 3.0) == [27.0, 27.0]

    def diamond(a: Value) -> Value:
        b = a * 2.0
        return b * b + b  # 4a² + 2a, derivative 8a + 2

    assert gradient(diamond, 3.0) == [42.0, 26.0]


def test_a_child_is_swept_before_its_parent_whatever_the_path_lengths() -> None:
    a = Value(2.0)
    b = a * 3.0
    far = ((b + 1.0) + 1.0) + 1.0
    (b + far * b).backward()  # 3a + (3a + 3) 3a = 9a² + 12a, derivative 18a + 12
    assert a.grad == 48.0


def test_leaves_add_up_over_losses_and_other_values_start_afresh() -> None:
    a = Value(3.0)
    b = a * 2.0
    first, second = b * b, 5.0 * b  # 4a² and 10a
    first.backward()
    assert (a.grad, b.grad) == (24.0, 12.0)
    second.backward()
    assert (a.grad, b.grad) == (34.0, 5.0)
    a.grad = 0.0
    first.backward()
    assert (a.grad, first.grad) == (24.0, 1.0)


def test_backward_of_a_leaf_is_1() -> None:
    a = Value(3.0)
    a.backward()
    assert a.grad == 1.0


def test_cut_values_are_constants() -> None:
    a = Value(3.0)
    b = a * 2.0
    loss = b * a  # with b constant, the derivative is b
    loss.backward(cut=[b])
    assert a.grad == 6.0
    a.grad = 0.0
    loss.backward()
    assert a.grad == 12.0


def test_what_is_itself_cut_is_a_leaf() -> None:
    a = Value(3.0)
    b = a * 2.0
    b.backward(cut=[b])
    assert (a.grad, b.grad) == (0.0, 1.0)


def test_a_value_may_be_weight_and_input_of_one_neuron() -> None:
    a = Value(3.0)
    (y,) = neurons([vector((a, a))], vector((a, Value(2.0))), identity)
    y.backward()
    assert (y.data, a.grad) == (15.0, 8.0)  # a² + 2a


def test_a_deep_graph_needs_no_recursion() -> None:
    a = Value(1.0)
    deep = a
    for _ in range(200_000):
        deep = deep + a
    deep.backward()
    assert a.grad == 200_001.0


def test_repr_and_slots() -> None:
    assert repr(Value(2)) == "Value(data=2.0, grad=0.0)"
    assert repr(Value(2.0, label="w")) == "Value(w: data=2.0, grad=0.0)"
    assert not hasattr(Value(1.0), "__dict__")
