"""The complex step: derivatives to the last digits, and a refusal where it does not apply."""

import math
from typing import Any

import numpy as np
import pytest
from oracles.drawing import draw

from rnncheck.case import Case
from rnncheck.oracles.differences.complex_step import complex_step
from rnncheck.oracles.envelope import envelope
from rnncheck.oracles.truth import at_precision
from rnncheck.spec import RNNSpec

U = 2.0**-53
Complex = Any


@pytest.mark.parametrize("x", [-1.5, -1e-3, 1e-8, 0.3, 2.0, 20.0])
def test_a_polynomial_to_the_last_digits(x: float) -> None:
    """Horner's rule: 2 roundings a step and part (two products and a sum in the imaginary one)."""
    c = np.random.default_rng(0).standard_normal(6).tolist()

    def f(z: Complex) -> Complex:
        total = np.zeros_like(z)
        for coefficient in reversed(c):
            total = total * z + coefficient
        return total

    found = complex_step(f, np.array([x]), np.array([1.0])).item()
    exact = math.fsum(k * a * x ** (k - 1) for k, a in enumerate(c) if k)
    size = sum(k * abs(a * x ** (k - 1)) for k, a in enumerate(c) if k)
    assert abs(found - exact) <= 4 * len(c) * U * size


@pytest.mark.parametrize("x", [-30.0, -1.0, 0.0, 1e-6, 0.5, 3.0])
@pytest.mark.parametrize(
    ("f", "slope"),
    [(np.exp, math.exp), (np.sin, math.cos), (np.tanh, lambda x: 1 / math.cosh(x) ** 2)],
    ids=["exp", "sin", "tanh"],
)
def test_a_function_of_the_library_to_the_last_digits(f: Any, slope: Any, x: float) -> None:
    """4 ulp for each of the two functions that are called, as for any activation."""
    found = complex_step(f, np.array([x]), np.array([1.0])).item()
    assert abs(found - slope(x)) <= 16 * U * abs(slope(x))


@pytest.mark.parametrize("scale", [1e-250, 1e-100, 1e100, 1e250])
def test_neither_underflow_nor_overflow_at_any_scale(scale: float) -> None:
    found = complex_step(lambda z: z * scale, np.array([1.0]), np.array([1.0])).item()
    assert abs(found - scale) <= 4 * U * scale


def test_every_output_at_once_along_the_direction() -> None:
    """J v of a linear function is A v: its own rounding, 3 roundings of 3 terms, and no more."""
    A = np.random.default_rng(1).standard_normal((4, 3))
    x, v = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.0, -1.0])
    found = complex_step(lambda z: A @ z, x, v)
    assert found.shape == (4,)
    assert found.dtype == np.float64
    assert np.all(np.abs(found - A @ v) <= 8 * U * (np.abs(A) @ np.abs(v)))


def outputs(case: Case, h0: Complex) -> Complex:
    """A tanh network on numbers of any kind."""
    p, h, states = case.parameters, h0, []
    for x in case.x:
        a = x @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_ih_l0"] + p["bias_hh_l0"]
        h = np.tanh(a)
        states.append(h)
    return np.stack(states)


@pytest.mark.parametrize("seed", range(10))
def test_a_network_along_h0(seed: int) -> None:
    """<d, J v> = <Jᵀd, v>, as exactly as a gradient may be had: its envelope, and the last sum."""
    case = draw(RNNSpec(2, 4), 10, 1, seed=seed)
    case = case.replace(d_h_n=np.zeros_like(case.d_h_n))
    v = np.random.default_rng(seed).standard_normal(case.h0[0].shape)
    tangent = complex_step(lambda h0: outputs(case, h0), case.h0[0], v)
    found = float((case.d_output * tangent).sum())
    gradient = at_precision(case, 192)["h0"].hi[0]
    allowed = float((envelope(case)["h0"].allowed[0] * np.abs(v)).sum())
    allowed += 2 * tangent.size * U * float(np.abs(case.d_output * tangent).sum())
    assert abs(found - float((gradient * v).sum())) <= allowed


def test_a_buffer_of_floats_is_refused() -> None:
    def into_floats(z: Complex) -> Complex:
        out = np.empty(z.shape)
        for i, value in enumerate(z):
            out[i] = value.real
        return out

    with pytest.raises(TypeError, match="returned float64 for complex128 input: it drops the imag"):
        complex_step(into_floats, np.ones(3), np.ones(3))


def test_a_buffer_that_drops_the_imaginary_part_with_a_warning_is_refused_too() -> None:
    def into_floats(z: Complex) -> Complex:
        out = np.empty(z.shape)
        out[...] = np.tanh(z)
        return out

    with (
        pytest.warns(np.exceptions.ComplexWarning),
        pytest.raises(TypeError, match="does not apply"),
    ):
        complex_step(into_floats, np.ones(3), np.ones(3))
