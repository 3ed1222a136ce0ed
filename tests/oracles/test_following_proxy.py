"""What code sees as `np`, `math` and `float`: on balls what NumPy gives on floats.

The numbers are small multiples of 1/4, so that sums and products are exact in floats and the balls'
midpoints equal them; functions that round are compared within what NumPy's may be off.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnncheck.oracles.following.door import followed, subjects_turn
from rnncheck.oracles.following.numbers import ControlFlow, Number, Unfollowed, converted
from rnncheck.oracles.following.proxy import proxies
from rnncheck.oracles.own_code import BallNumber, ball_number

PROXY, MATH, FLOAT = proxies(ball_number)
FLOATS: dict[str, Any] = {
    "A": np.array([[0.25, -0.5, 1.0], [2.0, 0.75, -1.25]]),
    "B": np.array([[1.5, 0.5, -2.0], [0.25, 1.0, 3.0]]),
    "V": np.array([0.5, 0.25, 2.0]),
    "S": np.array([[2.0, 0.5], [0.5, 1.0]]),
}
BALLS = {name: converted(array, ball_number) for name, array in FLOATS.items()}

EXACT = """
np.zeros((2, 3)); np.zeros(2, dtype=np.float32); np.ones(3); np.ones((2,), float)
np.empty(2) * 0; np.full((2,), 0.5); np.full(2, fill_value=0.5, dtype=np.float32)
np.zeros_like(A); np.ones_like(A, dtype=float); np.empty_like(V) * 0; np.full_like(A, 0.5)
np.zeros_like(V[0]); np.zeros_like(A, dtype=np.float64); np.array([0.5, 0.25])
np.array([V[0], V[1]]); np.array([v * v for v in V], dtype=np.float64); np.array(0.5) * A
np.asarray(A, dtype=np.float64); np.asarray(0.5) + V[0]; np.eye(3); np.identity(2)
np.atleast_2d(V); np.ascontiguousarray(A.T); np.linspace(0, 1, 5); np.arange(3.0) * V
np.float32(0.5); np.float64(V[0]); np.float32(A); float(V[0]); float(2); np.asarray(V[0], dtype=float)
np.diag(V); np.diagonal(S); np.trace(S); np.tril(S); np.triu(S)
np.isfinite(A).all(); np.isnan(A).any(); np.isinf(V[0]); np.allclose(A, A); np.array_equal(A, A)
np.isclose(A, A); np.nan_to_num(A); np.isscalar(V[0]); np.isscalar(0.5); np.isscalar(A)
np.issubdtype(A.dtype, np.floating); np.issubdtype(A.dtype, np.float64); np.issubdtype(int, float)
np.finfo(A.dtype).eps; np.finfo(float).eps; np.finfo(np.float64).tiny
isinstance(V[0], float); isinstance(V[0], np.floating); isinstance(V[0], np.float64)
isinstance(1, float); isinstance(A, np.ndarray); A.dtype == np.float64; A.dtype == float
np.clip(A, -1, 1); A.clip(-1, 1); np.clip(A, -1, 1, out=np.zeros_like(A)); np.clip(V[0], 0, 1)
np.maximum(A, 0); np.minimum(A, 0.5); np.fmax(A, 0); np.maximum(0, A, out=A.copy())
np.where(A > 0, A, 0); np.where(A > 0, 1.0, 0.0) * A; (A > 0) * A; (A > 0).astype(float) * A
(A > 0).astype(A.dtype); np.heaviside(A, 0.5); np.heaviside(A - A, 0.5)
np.sign(A); np.abs(A); np.fabs(A); np.absolute(A)
abs(A); np.select([V > 0.4], [V], 0.0); np.any(A > 0); np.all(A > 0); np.nonzero(A > 0)[0]
np.count_nonzero(A); np.argmax(A, axis=1); A.argmax(); np.argsort(V); np.sort(V); np.max(A)
A.max(axis=1, keepdims=True); np.amax(A, axis=0); A.min(); np.amin(V); max(V); min(V); np.ptp(V)
np.sum(A); np.sum(A, axis=0, keepdims=True); A.sum(axis=-1); A.sum(axis=0, dtype=np.float64)
sum(V); np.prod(V); A.mean(); np.mean(S, axis=0); A.mean(axis=0, keepdims=True); np.cumsum(V)
np.mean([V[0], V[1]]); np.sum([V[0], V[1]]); np.cumsum(A, axis=0); np.cumprod(V); np.nansum(A)
np.add.reduce(A, axis=0); np.add.accumulate(V); np.diff(V); np.var(S); np.average(S)
np.dot(A, V); A.dot(V); A @ B.T; np.matmul(A, B.T); np.inner(V, V); np.vdot(V, V); np.outer(V, V)
np.einsum("ij,kj->ik", A, B); np.einsum("ij,j->i", A, V, optimize=True); np.einsum("ij->j", A)
np.tensordot(A, B, axes=([1], [1])); np.tensordot(A, B, axes=2); np.multiply.outer(V, V)
np.kron(V, V); np.cross(V, V); np.linalg.multi_dot([A, B.T, A]); np.linalg.matrix_power(S, 2)
np.concatenate([A, B]); np.concatenate((A, np.zeros((1, 3)))); np.stack([V, V]); np.vstack([V, V])
np.hstack([V, [1.0]]); np.column_stack([V, V]); np.r_[V, V]; np.c_[V, V]; np.append(V, 0.5)
np.split(A, 3, axis=1)[1]; np.array_split(V, 2)[0]; np.block([[S, S]]); np.dstack([A, B])
np.hsplit(A, 3)[0]; np.insert(V, 0, 0.5); np.delete(V, 0); np.take(A, [0], axis=0)
np.transpose(A); A.T; A.reshape(3, 2); A.ravel(); A.flatten(); np.squeeze(A[None]); V[:, None]
np.expand_dims(V, 0); np.swapaxes(A, 0, 1); np.moveaxis(A, 0, 1); np.flip(A, 0); A[::-1]
np.roll(A, 1, axis=0); np.tile(V, 2); np.repeat(V, 2); np.broadcast_to(V, (2, 3)); np.pad(V, 1)
np.copy(A); A.astype(np.float64); A.astype(float); A.astype(np.float32, copy=False); A.item(0)
V[0].astype(np.float64); V[0].item(); V[0].T; V[0][()]; V[0].sum(); V[0].reshape(1); V[0][None]
A**2; A**3; V**-1; 1 / V; 2**V[2:]; np.power(A, 2); np.square(A); np.reciprocal(V); -A; +A
np.negative(A); np.subtract(A, B); np.multiply(A, B); np.add(A, B, out=np.empty_like(A))
np.divide(A, V); np.true_divide(A, 4); np.vectorize(lambda v: v * 2)(V)
np.apply_along_axis(lambda v: v * 2, 0, A); np.fromiter((v for v in V), dtype=float)
np.real(A); np.conj(A); V[0].shape; np.ndim(V[0]); V[0].ndim; V[0].size; np.shape(A)
math.fabs(V[0]); math.pow(V[0], 2); math.fsum(V); math.isnan(V[0]); math.isfinite(V[0])
math.isinf(2.0); math.floor(2.5); math.pi; np.pi; np.exp(0 * V); np.tanh(np.zeros(2)); np.log(V / V)
np.exp([0.0, V[0] - V[0]]); np.tanh(0 * V[0]); np.sqrt(V * V); math.sqrt(V[2] * V[2])
np.exp(np.where(A > 99, A, 0)); np.linalg.norm(np.array([3.0, 4.0])); np.linalg.norm(0 * A, axis=1)
"""

ROUNDED = """
np.tanh(A); np.sinh(A); np.cosh(A); np.exp(A); np.log(B**2); np.log1p(V); np.expm1(V)
np.sqrt(V); np.sin(V); np.cos(V); np.exp(V[0]); np.tanh(V[0]); V**0.5; np.e**V; np.power(2, V)
np.logaddexp(A, B); np.logaddexp(0, A); np.logaddexp(0.0, -V[0]); np.linalg.norm(A)
np.linalg.norm(A, axis=1); np.linalg.norm(A, axis=0, keepdims=True); np.std(A); A.std(axis=0)
math.exp(V[0]); math.tanh(V[0]); math.sqrt(V[0]); math.log(V[0]); math.exp(0.5); math.log1p(V[1])
math.sqrt(2); np.sqrt(5); np.tanh(0.5); np.sqrt(2) * V; np.tanh(A, out=np.empty_like(A))
np.exp(A, out=A.copy()); np.exp(V - V.max()) / np.exp(V - V.max()).sum()
"""


def expressions(text: str) -> list[str]:
    return [e.strip() for line in text.splitlines() for e in line.split(";") if e.strip()]


def near(value: Any) -> Any:
    """The floats of the midpoints."""
    if isinstance(value, Number):
        return value.approximate()
    array = np.asarray(value)
    if array.dtype == object:
        return np.array([near(v) for v in array.ravel()], dtype=float).reshape(array.shape)
    return value


def by_both(expression: str) -> tuple[Any, Any]:
    names = {"np": np, "math": math, "float": float, "max": max, "min": min, "sum": sum}
    expected = eval(expression, names | FLOATS)
    replaced = names | {"np": PROXY, "math": MATH, "float": FLOAT}
    return eval(expression, replaced | BALLS), expected


@pytest.mark.parametrize("expression", expressions(EXACT))
def test_what_does_not_round_is_equal(expression: str) -> None:
    found, expected = by_both(expression)
    assert np.shape(found) == np.shape(expected)
    assert np.array_equal(near(found), expected)


@pytest.mark.parametrize("expression", expressions(ROUNDED))
def test_what_rounds_is_equal_but_for_numpys_rounding(expression: str) -> None:
    """NumPy's functions are within 4 ulp, at most three of them and a sum of 6 are composed, and a
    midpoint is rounded once: 16 ulp. (No result here is much smaller than what it is made of.)
    """
    found, expected = by_both(expression)
    assert np.shape(found) == np.shape(expected)
    assert np.all(np.abs(near(found) - expected) <= 16 * np.spacing(np.abs(expected)))


MAKERS = """
np.zeros((2, 3)); np.ones(3); np.empty(2); np.full(2, 0.5); np.zeros_like(A); np.ones_like(A)
np.empty_like(A); np.full_like(A, 2); np.array([0.5, 1]); np.array(0.5); np.asarray([1.0])
np.eye(2); np.identity(2); np.linspace(0, 1, 3); np.zeros((2, 2), dtype=np.float32)
np.zeros(2, "float64"); np.array([1, 2], dtype=float); np.float32(3); np.float64(1.5); float("2.5")
np.random.rand(2, 3); np.random.randn(4); np.random.random((2, 2)); np.random.normal(0, 1, (2,))
np.random.uniform(-1, 1, 3); np.random.standard_normal(2); np.random.random_sample(3)
np.random.randn(2, 2) * 0.01; math.sqrt(2); math.exp(1); np.full(2, fill_value=1.5)
"""


@pytest.mark.parametrize("expression", expressions(MAKERS))
def test_what_makes_floats_makes_numbers(expression: str) -> None:
    found = eval(expression, {"np": PROXY, "math": MATH, "float": FLOAT} | BALLS)
    assert all(type(v) is BallNumber for v in np.asarray(found, dtype=object).ravel())


PLAIN = """
np.zeros(2, dtype=int); np.zeros(2, dtype=bool); np.ones(3, "int64"); np.arange(4); np.array([1, 2])
np.array([True, False]); np.eye(2, dtype=int); np.zeros_like(np.arange(3)); np.full(2, 7)
np.asarray(["a"]); np.random.randint(0, 1, 3); np.random.permutation(1); np.int64(3)
np.where(np.array([True]), 1, 2); np.array([1, 2]).sum(); np.array([[1, 2]]).shape; np.uint8(2)
np.random.choice([5]); np.full((1,), True); np.empty(0, dtype=int)
"""


@pytest.mark.parametrize("expression", expressions(PLAIN))
def test_ints_and_words_stay_what_they_are(expression: str) -> None:
    """Indices, masks, tokens."""
    found, expected = by_both(expression)
    assert type(found) is type(expected)
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    assert np.array_equal(found, expected)


def test_arrays_are_written_to() -> None:
    def code(np: Any, V: Any, A: Any) -> Any:
        out = np.zeros((3, 3))
        out[0] = V
        out[1, :2] += V[:2]
        out[2][...] = V * 2
        out *= 2
        out -= 1
        out /= 4
        np.add.at(out, [0, 0], V)
        np.copyto(out[1], V)
        out[:, 0] = 3
        out[out < 0] = 0
        return out

    found, expected = code(PROXY, BALLS["V"], BALLS["A"]), code(np, FLOATS["V"], FLOATS["A"])
    assert np.array_equal(near(found), expected)


def test_the_same_array_comes_back_where_numpy_gives_it_back() -> None:
    assert PROXY.asarray(BALLS["A"]) is BALLS["A"]
    assert PROXY.array(BALLS["A"]) is not BALLS["A"]


def test_a_seed_gives_the_floats_that_it_always_gives() -> None:
    PROXY.random.seed(3)
    found = PROXY.random.randn(4)
    np.random.seed(3)  # noqa: NPY002 - as people seed
    assert np.array_equal(near(found), np.random.randn(4))  # noqa: NPY002


def failing(x: Any) -> object:
    raise ValueError("too bad")


REASONS: dict[str, tuple[Callable[[Any], object], str]] = {
    "an exception": (failing, r"ValueError: too bad \(test_following_proxy.py, line \d+\)"),
    "a float made by name": (lambda x: x.astype("float32"), r"into a float.* \(test_following_pr"),
    "a float array of a library": (lambda x: np.bincount([0, 1], x), "Cannot cast"),
    "log2": (lambda x: np.log2(x), "np.log2"),
    "another norm": (lambda x: np.linalg.norm(x, 1), "np.linalg.norm with ord=1"),
    "rounding": (lambda x: round(x[0], 2), "is rounded"),
    "an index": (lambda x: [1, 2][x[0]], "turned into an int"),
    "an inverse": (lambda x: np.linalg.inv(np.outer(x, x)), "inv"),
    "too near": (lambda x: x[0] / 3 > 1 / (3 / x[0]), "too near to be told apart"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_goes_wrong_in_the_code_is_a_reason(name: str) -> None:
    code, reason = REASONS[name]
    x = np.array([ball_number(0.5)] * 2, dtype=object)
    with pytest.raises(Unfollowed, match=reason), followed(code, ball_number), subjects_turn():
        code(x)
    assert np.zeros(1).dtype == np.float64


def test_control_flow_is_no_fault_of_the_code() -> None:
    class Again(ControlFlow):
        pass

    with pytest.raises(Again), subjects_turn():
        raise Again


def test_its_warnings_are_not_shown() -> None:
    with subjects_turn():
        warnings.warn("a division", RuntimeWarning, stacklevel=1)
        assert np.isinf(np.array([1.0]) / np.zeros(1)).all()
