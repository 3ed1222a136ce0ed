"""Every operation's first and second derivative against central differences, and its dtype."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import Tensor, gradient
from rnncheck.implementations.autodiff import operations as op
from rnncheck.implementations.autodiff.shares import Part

Array = npt.NDArray[np.floating]
Operation = Callable[..., Tensor]

EVEN = np.array([[True, False], [False, True], [True, False]])
TWO_D, ROW, COLUMN, SCALAR = (3, 2), (2,), (3, 1), ()

OPERATIONS: dict[str, tuple[Operation, list[tuple[int, ...]]]] = {
    "add": (lambda a, b: a + b, [TWO_D, TWO_D]),
    "add, row": (lambda a, b: a + b, [TWO_D, ROW]),
    "add, column to row": (lambda a, b: a + b, [COLUMN, ROW]),
    "add, scalar": (lambda a, b: a + b, [SCALAR, TWO_D]),
    "add, to size 1": (lambda a, b: a + b, [(1, 1), (1,)]),
    "add, array on the left": (lambda a: np.arange(6.0).reshape(3, 2) + a, [ROW]),
    "subtract": (lambda a, b: a - b, [COLUMN, ROW]),
    "subtract from number": (lambda a: 5.0 - a, [TWO_D]),
    "multiply": (lambda a, b: a * b, [TWO_D, TWO_D]),
    "multiply, row": (lambda a, b: a * b, [ROW, TWO_D]),
    "multiply, array on the left": (lambda a: np.arange(6.0).reshape(3, 2) * a, [COLUMN]),
    "divide": (lambda a, b: a / b, [TWO_D, TWO_D]),
    "divide, row": (lambda a, b: a / b, [COLUMN, ROW]),
    "divide number": (lambda a: 2.0 / a, [TWO_D]),
    "negate": (lambda a: -a, [TWO_D]),
    "matmul": (lambda a, b: a @ b, [TWO_D, (2, 4)]),
    "matmul with itself": (lambda a: a @ a.T, [TWO_D]),
    "matmul, a matrix used thrice": (
        lambda a, b: a @ b + a[::-1] @ b + (a * a) @ b.T @ b,
        [TWO_D, (2, 2)],
    ),
    "affine": (op.affine, [TWO_D, (4, 2)]),
    "affine, row": (op.affine, [TWO_D, (4, 2), (4,)]),
    "affine, column": (op.affine, [TWO_D, (4, 2), COLUMN]),
    "affine, step after step": (
        lambda a, W, b: op.affine(op.affine(a, W, b), W, b),
        [TWO_D, (2, 2), TWO_D],
    ),
    "affine with itself": (lambda a: op.affine(a, a, a @ a.T), [TWO_D]),
    "affine_steps": (op.affine_steps, [(3, 2, 2), (2, 2), ROW]),
    "transpose": (lambda a: a.T, [(2, 3, 4)]),
    "reshape": (lambda a: a.reshape((2, 3)), [TWO_D]),
    "with_value": (lambda a: a.with_value(a.value), [TWO_D]),
    "broadcast_to": (lambda a: a.broadcast_to((4, 3, 2)), [COLUMN]),
    "sum_to": (lambda a: a.sum_to(COLUMN), [(4, 3, 2)]),
    "sum": (lambda a: a.sum(), [TWO_D]),
    "sum, first axis": (lambda a: a.sum(axis=0), [TWO_D]),
    "sum, last axis": (lambda a: a.sum(axis=-1), [(2, 3, 2)]),
    "sum, axis kept": (lambda a: a.sum(axis=1, keepdims=True), [(2, 3, 2)]),
    "index": (lambda a: a[1], [TWO_D]),
    "index, negative": (lambda a: a[-1, 0], [TWO_D]),
    "slice": (lambda a: a[1:, ::-1], [TWO_D]),
    "place": (lambda a, b: op.place([Part(a, slice(1, 3)), Part(b, 2)], (4, 2)), [(2, 2), ROW]),
    "place, overlapping": (
        lambda a, b: op.place([Part(a, slice(0, 2)), Part(b, slice(1, 3)), Part(a[0], 1)], (4, 2)),
        [(2, 2), (2, 2)],
    ),
    "slices that overlap": (lambda a: a[:2] * a[1:] + a[2], [TWO_D]),
    "exp": (op.exp, [TWO_D]),
    "log": (op.log, [TWO_D]),
    "tanh": (op.tanh, [TWO_D]),
    "one_minus_square": (op.one_minus_square, [TWO_D]),
    "sigmoid": (lambda a: op.sigmoid(a - 1.0), [TWO_D]),
    "relu": (lambda a: op.relu(a - 1.0), [TWO_D]),
    "identity": (op.identity, [TWO_D]),
    "softmax": (op.softmax, [TWO_D]),
    "where": (lambda a, b: op.where(EVEN, a, b), [TWO_D, ROW]),
    "where, number": (lambda a: op.where(EVEN, a, 3.0), [COLUMN]),
    "where, all broadcast": (lambda a, b: op.where(EVEN[:, :1], a, b), [ROW, ROW]),
    "concatenate": (lambda a, b: op.concatenate([a, b, a]), [TWO_D, (1, 2)]),
    "concatenate, last axis": (lambda a, b: op.concatenate([a, b], axis=-1), [TWO_D, COLUMN]),
    "stack": (lambda a, b: op.stack([a, b, a * b]), [ROW, ROW]),
    "unstack": (lambda a: op.stack(op.unstack(a)[::-2]), [(5, 2)]),
}


def loss(operation: Operation, inputs: list[Tensor]) -> Tensor:
    """f = Σ c y², with c_i different: nonlinear in y, so that linear operations have an f'' too."""
    y = operation(*inputs)
    c = 1.0 + np.arange(y.value.size).reshape(y.shape) / max(y.value.size, 1)
    return (c * y * y).sum()


def central_difference(f: Callable[[float], Array], roundings: float) -> tuple[Array, Array]:
    """f'(0) and how far off it may be.

    D(ε) = (f(ε) - f(-ε)) / 2ε = f' + ε² f'''/6 + O(ε⁴), so D(2ε) - D(ε) is three times the error
    ε² f'''/6, and room enough for the terms after it. With f off by `roundings`, D(ε) is off by
    roundings / ε. ε = eps^(1/3) makes the two about equal.
    """
    step = float(np.finfo(np.float64).eps) ** (1 / 3)
    near, far = ((f(e) - f(-e)) / (2 * e) for e in (step, 2 * step))
    return near, np.abs(far - near) + roundings / step


@pytest.mark.parametrize("name", OPERATIONS)
def test_first_and_second_derivative_are_central_differences(name: str) -> None:
    """<∇f, v> against f along v, and ∇²f v against ∇f along v, for a random v of all inputs.

    All inputs lie in [1/2, 3/2], and not near 1, where relu has its corner. f is a sum of at most
    24 positive terms, each rounded a few times: off by at most 64 eps f. The terms of ∇f are
    2 c y ∂y/∂x with |∂y/∂x| <= 8 (of 2/x at 1/2), and 2 |y| <= y² + 1, so they add up to at most
    8 (f + Σ c) <= 8 (f + 2 · 24), and are rounded as often.
    """
    operation, shapes = OPERATIONS[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    points = [1.0 + rng.uniform(0.1, 0.5, s) * rng.choice([-1, 1], s) for s in shapes]
    v = [np.asarray(rng.standard_normal(shape)) for shape in shapes]

    def moved(e: float) -> list[Tensor]:
        return [Tensor(p + e * v_i) for p, v_i in zip(points, v, strict=True)]

    def first(e: float) -> Array:
        inputs = moved(e)
        flat = [np.ravel(g.value) for g in gradient(loss(operation, inputs), inputs)]
        return np.concatenate(flat)

    inputs = moved(0.0)
    f = loss(operation, inputs)
    df = gradient(f, inputs, create_graph=True)
    slope = sum(((v_i * g).sum() for v_i, g in zip(v, df, strict=True)), start=Tensor(0.0))
    curvature = np.concatenate([np.ravel(g.value) for g in gradient(slope, inputs)])

    unit = 64 * float(np.finfo(np.float64).eps)
    numeric, tolerance = central_difference(
        lambda e: loss(operation, moved(e)).value, unit * float(f.value)
    )
    assert abs(slope.value - numeric) <= tolerance < 1e-6 * max(1.0, float(f.value))
    scale = 8.0 * (float(f.value) + 48.0)
    numeric, tolerance = central_difference(first, unit * scale)
    assert np.all(np.abs(curvature - numeric) <= tolerance)
    assert np.all(tolerance < 1e-6 * scale)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_vjp_of_arrays_is_the_vjp_of_tensors(name: str) -> None:
    """A gradient that is not recorded is computed on arrays alone, and has the same bits."""
    operation, shapes = OPERATIONS[name]
    rng = np.random.default_rng(0)
    inputs = [Tensor(rng.uniform(1.1, 1.5, shape)) for shape in shapes]
    f = loss(operation, inputs)
    recorded = gradient(f, inputs, create_graph=True)
    for g, expected in zip(gradient(f, inputs), recorded, strict=True):
        assert not g.tracked
        np.testing.assert_array_equal(g.value, expected.value)


@pytest.mark.parametrize("name", OPERATIONS)
def test_float32_stays_float32(name: str) -> None:
    """Values, gradients and gradients of gradients; shapes are the inputs'."""
    operation, shapes = OPERATIONS[name]
    inputs = [Tensor(np.full(shape, 0.75, np.float32)) for shape in shapes]
    f = loss(operation, inputs)
    first = gradient(f, inputs, create_graph=True)
    second = gradient(first[0].sum(), inputs)
    for tensor in (operation(*inputs), f, *first, *second):
        assert tensor.dtype == np.float32
    assert [g.shape for g in first] == [g.shape for g in second] == shapes


def test_unstack_and_stack_undo_each_other_for_any_length() -> None:
    """Also for T = 0 (no steps), 1, and lengths that do not halve evenly."""
    assert op.unstack(Tensor(np.zeros((0, 2)))) == []
    for T in (1, 2, 3, 7, 64):
        x = np.arange(2.0 * T).reshape(T, 2)
        steps = op.unstack(Tensor(x))
        assert [step.shape for step in steps] == [(2,)] * T
        np.testing.assert_array_equal(op.stack(steps).value, x)
