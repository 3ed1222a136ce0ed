"""The tape: its bookkeeping, its closed forms of any order, and what it refuses."""

import gc
import weakref

import numpy as np
import pytest

from rnncheck.implementations.autodiff import Tensor, gradient, gradients
from rnncheck.implementations.autodiff import operations as op
from rnncheck.implementations.autodiff.tensor import record


def test_a_tensor_used_twice_gets_both_cotangents() -> None:
    """y = x x + x: y' = 2x + 1, whether x reaches y once, twice or by a detour."""
    x = Tensor([3.0, -2.0])
    square = x * x
    [dx] = gradient(square + x, [x], np.array([1.0, 10.0]))
    np.testing.assert_array_equal(dx.value, [7.0, -30.0])


def test_gradient_by_an_intermediate_tensor_and_by_what_is_before_it() -> None:
    """z = 3 y, y = x²: dz/dy = 3 and dz/dx = 6x, from one sweep."""
    x = Tensor(5.0)
    y = x * x
    dy, dx = gradient(3.0 * y, [y, x])
    assert [dy.value, dx.value] == [3.0, 30.0]


def test_an_input_that_is_the_output_has_the_cotangent_itself() -> None:
    """dx/dx = 1."""
    x = Tensor([1.0, 2.0])
    [dx] = gradient(x, [x], np.array([7.0, 8.0]))
    np.testing.assert_array_equal(dx.value, [7.0, 8.0])


def test_an_input_without_influence_has_gradient_zero_of_its_shape() -> None:
    """Neither a stranger, nor what is detached, nor what comes after the output has any."""
    x, stranger = Tensor([1.0, 2.0]), Tensor(np.ones((2, 3)))
    y = x * stranger.sum().detach()
    after = y * x
    d_stranger, d_after, dx = gradient(y, [stranger, after, x], np.ones(2))
    np.testing.assert_array_equal(d_stranger.value, np.zeros((2, 3)))
    np.testing.assert_array_equal(d_after.value, np.zeros(2))
    np.testing.assert_array_equal(dx.value, [6.0, 6.0])


def test_only_what_lies_between_input_and_output_is_visited() -> None:
    """y = a b: the gradient by a asks for no vjp of b, which may be dear, or not exist."""

    def never(*_: object) -> Tensor:
        raise AssertionError("asked for the gradient of b")

    a, b = Tensor(2.0), Tensor(3.0)
    y = record(a.value * b.value, (a, b), (lambda g, y, a, b: g * b, never))
    [da] = gradient(y * y, [a])
    assert da.value == 2.0 * 6.0 * 3.0


def test_several_outputs_add_up() -> None:
    """Σ g_i y_i, also where one output is computed from another, or named twice."""
    x = Tensor(2.0)
    y = x * x
    z = y * x
    [dx] = gradients([y, z, z], [x], [np.array(1.0), np.array(10.0), np.array(100.0)])
    assert dx.value == 4.0 + 110.0 * 12.0


def test_only_create_graph_records() -> None:
    """Without it a gradient is a constant; with it, a Tensor with a history."""
    x = Tensor([0.5, -1.0])
    y = op.tanh(x)
    [plain] = gradient(y, [x], np.ones(2))
    [recorded] = gradient(y, [x], np.ones(2), create_graph=True)
    assert not plain.tracked
    assert plain.parents == ()
    assert recorded.tracked
    assert recorded.parents != ()
    np.testing.assert_array_equal(plain.value, recorded.value)
    assert op.tanh(x).tracked, "recording is on again after a sweep"


def test_recording_is_on_again_after_a_sweep_that_failed() -> None:
    """The error of a wrong cotangent must not switch the tape off for good."""
    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="cotangent"):
        gradient(x * x, [x], np.ones(3))
    assert (x * x).tracked


def test_a_chain_of_constants_records_nothing() -> None:
    """Constants of constants have no parents, so nothing keeps them alive."""
    c = Tensor([1.0, 2.0]).detach()
    assert (c * c + 1.0).parents == ()


def test_derivatives_of_every_order_of_a_power_and_an_exponential() -> None:
    """x³ has 3x², 6x, 6, 0; e^(2x) has 2ⁿ e^(2x). At x = 2 and x = 0 all are exact."""
    x = Tensor(2.0)
    y = x * x * x
    for expected in (12.0, 12.0, 6.0, 0.0):
        [y] = gradient(y, [x], create_graph=True)
        assert y.value == expected
    x = Tensor(0.0)
    y = op.exp(x + x)
    for n in range(1, 6):
        [y] = gradient(y, [x], create_graph=True)
        assert y.value == 2.0**n


def test_hessian_of_a_quadratic_form() -> None:
    """f = xᵀ A x: ∇f = (A + Aᵀ) x and ∇²f v = (A + Aᵀ) v; integers make it exact."""
    A = np.array([[1.0, 2.0, -3.0], [0.0, 4.0, 5.0], [7.0, -1.0, 2.0]])
    x, v = Tensor([[1.0], [-2.0], [3.0]]), np.array([[2.0], [1.0], [-1.0]])
    [dx] = gradient((x.T @ (Tensor(A) @ x)).sum(), [x], create_graph=True)
    [Hv] = gradient(dx, [x], v)
    np.testing.assert_array_equal(dx.value, (A + A.T) @ x.value)
    np.testing.assert_array_equal(Hv.value, (A + A.T) @ v)


def test_second_derivatives_of_the_nonlinearities() -> None:
    """tanh'' = -2 y (1 - y²), σ'' = y (1 - y) (1 - 2y), relu'' = 0, in a few roundings."""
    points = np.array([-2.0, -0.3, 0.4, 1.5])
    tanh, sigmoid = np.tanh(points), 1 / (1 + np.exp(-points))
    cases = (
        (op.tanh, -2 * tanh * (1 - tanh**2)),
        (op.sigmoid, sigmoid * (1 - sigmoid) * (1 - 2 * sigmoid)),
        (op.relu, np.zeros(4)),
    )
    for function, expected in cases:
        x = Tensor(points)
        [first] = gradient(function(x), [x], np.ones(4), create_graph=True)
        [second] = gradient(first, [x], np.ones(4))
        # y and each of fewer than 16 products and sums of numbers <= 2 are off by half an ulp of 2.
        atol = 16 * np.finfo(np.float64).eps
        np.testing.assert_allclose(second.value, expected, rtol=0, atol=atol)


def test_two_reverse_sweeps_make_a_forward_one() -> None:
    """u ↦ Jᵀu is linear, so its own gradient with cotangent v is J v; here J = diag(2x)."""
    x, u, v = Tensor([1.0, 2.0, 3.0]), Tensor([5.0, 5.0, 5.0]), np.array([1.0, -1.0, 10.0])
    [Jt_u] = gradient(x * x, [x], u, create_graph=True)
    [Jv] = gradient(Jt_u, [u], v)
    np.testing.assert_array_equal(Jv.value, [2.0, -4.0, 60.0])


def test_where_passes_no_nan_from_the_value_not_chosen() -> None:
    """The other side's value, and the cotangent there, may be NaN in every order; 0 is chosen."""
    chosen = np.array([True, False])
    x = Tensor([2.0, np.nan])
    safe = op.where(chosen, x, 0.0)
    y = op.where(chosen, safe * safe * safe, 0.0)
    np.testing.assert_array_equal(y.value, [8.0, 0.0])
    for expected in (12.0, 12.0, 6.0):
        [y] = gradient(y, [x], np.array([1.0, np.nan]), create_graph=True)
        np.testing.assert_array_equal(y.value, [expected, 0.0])


def test_relu_at_zero_and_at_nan() -> None:
    """relu'(0) = 0 on either side of 0; NaN is passed on and not mistaken for a negative."""
    x = Tensor([-1.0, -0.0, 0.0, 2.0, np.nan])
    y = op.relu(x)
    np.testing.assert_array_equal(y.value, [0.0, 0.0, 0.0, 2.0, np.nan])
    [dx] = gradient(y, [x], np.full(5, 3.0))
    np.testing.assert_array_equal(dx.value[:4], [0.0, 0.0, 0.0, 3.0])


def test_sigmoid_and_softmax_do_not_overflow() -> None:
    """Their limits are reached exactly, with gradient 0, and without a warning."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        x = Tensor([-1000.0, 0.0, 1000.0])
        for function, limit in ((op.sigmoid, [0.0, 0.5, 1.0]), (op.softmax, [0.0, 0.0, 1.0])):
            y = function(x)
            np.testing.assert_array_equal(y.value, limit)
            [dx] = gradient(y, [x], np.array([1.0, 0.0, 1.0]))
            np.testing.assert_array_equal(dx.value, np.zeros(3))


def test_a_chain_longer_than_the_stack_is_swept_and_freed() -> None:
    """50 000 additions of x: gradient 50 001. Neither the sweep nor freeing it may recurse."""
    x = Tensor(1.0)
    y = x
    for _ in range(50_000):
        y = y + x
    [dx] = gradient(y, [x])
    assert dx.value == 50_001
    del y
    assert x.value == 1.0


def test_a_graph_is_freed_without_the_garbage_collector() -> None:
    """A result holds its parents and never the other way round: no reference cycles."""
    gc.disable()
    try:
        x = Tensor([[1.0, 2.0], [3.0, 4.0]])
        y = op.softmax(op.tanh(x / 2.0) @ x.T + op.sigmoid(x) * op.exp(x)[0] / op.log(x + 1.0))
        alive = weakref.ref(y)
        gradient(y, [x], np.ones((2, 2)), create_graph=True)
        del y
        assert alive() is None
    finally:
        gc.enable()


def test_values_cannot_be_written() -> None:
    """A vjp reads the values of the forward pass, so they must stay; the caller's array may not."""
    array = np.array([1.0, 2.0])
    x = Tensor(array)
    with pytest.raises(ValueError, match="read-only"):
        x.value[0] = 5.0
    array[0] = 1.0
    assert array.flags.writeable


def test_refusals() -> None:
    """Each error names what was wrong."""
    x, matrix = Tensor([1.0, 2.0]), Tensor(np.ones((2, 2)))
    with pytest.raises(ValueError, match="constant"):
        gradient(x, [x.detach()], np.ones(2))
    with pytest.raises(ValueError, match="needs a cotangent"):
        gradient(x, [x])
    with pytest.raises(TypeError, match="one dtype"):
        x + Tensor(np.ones(2, np.float32))
    with pytest.raises(TypeError, match="one dtype"):
        gradient(x, [x], Tensor(np.ones(2, np.float32)))
    with pytest.raises(ValueError, match="two matrices"):
        matrix @ x
    with pytest.raises(TypeError, match="integers and slices"):
        x[np.array([0, 0])]  # type: ignore[index]
    with pytest.raises(ValueError, match="at least one"):
        op.stack([])
    with pytest.raises(IndexError):
        x.sum(axis=1)
