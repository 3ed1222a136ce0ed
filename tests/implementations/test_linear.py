"""The linear layer of each reference: a network that remembers nothing, of which the truth is known.

With W_hh = 0 and h_0 = 0 a recurrent layer computes φ(W x_t + b), and with φ = identity, W_ih = 1 and
no biases its readout computes ψ(W x_t + b): ball arithmetic knows either, and the envelope says how
near a right layer must come. Where every number is dyadic and small, there is no rounding at all.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from training.judging import Judged, drawn, judged, same_bits

from rnncheck.case import Array
from rnncheck.implementations.autodiff import linear as autodiff
from rnncheck.implementations.manual import linear as manual
from rnncheck.implementations.scalar import linear as scalar
from rnncheck.spec import RNNSpec

Run = Callable[[dict[str, Array], Array, str, Array], dict[str, Array]]
T, B, I, O = 4, 3, 5, 2  # noqa: E741
ACTIVATIONS = ("identity", "tanh", "relu", "sigmoid", "softmax")


def on_arrays(module: ModuleType) -> Run:
    def run(parameters: dict[str, Array], x: Array, psi: str, d: Array) -> dict[str, Array]:
        output, tape = module.linear_forward(parameters, x, psi)
        return {"output": output, **module.linear_backward(tape, d)}

    return run


def on_lists(parameters: dict[str, Array], x: Array, psi: str, d: Array) -> dict[str, Array]:
    lists = {name: array.tolist() for name, array in parameters.items()}
    output, tape = scalar.linear_forward(lists, x.tolist(), psi)
    results = {"output": output, **scalar.linear_backward(tape, d.tolist())}
    return {name: np.array(value, x.dtype) for name, value in results.items()}


RUNS: dict[str, Run] = {
    "scalar": on_lists, "manual": on_arrays(manual), "autodiff": on_arrays(autodiff)
}  # fmt: skip


@cache
def as_layer(psi: Any, bias: bool, dtype: str) -> tuple[Judged, dict[str, str]]:
    spec = RNNSpec(I, O, nonlinearity=psi, bias=bias)
    zeros = {"weight_hh_l0": np.zeros((O, O)), "bias_hh_l0": np.zeros(O)}
    names = {"weight": "weight_ih_l0", "bias": "bias_ih_l0", "output": "output", "x": "x"}
    return judged(drawn(spec, T, B, dtype=dtype, **zeros)), names


@cache
def as_readout(psi: Any, bias: bool, dtype: str) -> tuple[Judged, dict[str, str]]:
    spec = RNNSpec(I, I, 1, "identity", False, output_size=O, readout=psi, readout_bias=bias)
    fixed = {"weight_hh_l0": np.zeros((I, I)), "weight_ih_l0": np.eye(I)}
    names = {"weight": "weight_ho", "bias": "bias_o", "output": "output", "x": "x"}
    return judged(drawn(spec, T, B, dtype=dtype, **fixed)), names


def pairs() -> list[Any]:
    by_layer = [(as_layer, psi) for psi in ("identity", "tanh", "relu", "sigmoid")]
    by_readout = [(as_readout, psi) for psi in ("identity", "sigmoid", "softmax")]
    return [pytest.param(f, psi, id=f"{f.__name__}-{psi}") for f, psi in by_layer + by_readout]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("network", "psi"), pairs())
@pytest.mark.parametrize("name", RUNS)
def test_a_layer_is_a_network_without_memory(name, network, psi, bias, dtype):
    right, names = network(psi, bias, dtype)
    case = right.case
    keys = ("weight", "bias") if bias else ("weight",)
    parameters = {key: case.parameters[names[key]] for key in keys}
    found = RUNS[name](parameters, case.x, psi, case.d_output)
    assert list(found) == ["output", *keys, "x"]
    for key, value in found.items():
        assert right.accepts(names[key], value), key


def by_definition(parameters: dict[str, Array], x: Array, psi: str, d: Array) -> dict[str, Array]:
    """y and its derivatives in rational numbers, an index at a time; ψ is ReLU or the identity."""
    w = [[Fraction(v) for v in row] for row in parameters["weight"].tolist()]
    b = [Fraction(v) for v in parameters["bias"].tolist()]
    y = [[[Fraction(0)] * O for _ in range(B)] for _ in range(T)]
    dw, db = [[Fraction(0)] * I for _ in range(O)], [Fraction(0)] * O
    dx = [[[Fraction(0)] * I for _ in range(B)] for _ in range(T)]
    for t, r, o in np.ndindex(T, B, O):
        u = [Fraction(v) for v in x[t, r].tolist()]
        a = sum((w[o][i] * u[i] for i in range(I)), b[o])
        passes = psi == "identity" or a > 0
        y[t][r][o] = a if passes else Fraction(0)
        slope = Fraction(float(d[t, r, o])) if passes else Fraction(0)
        db[o] += slope
        for i in range(I):
            dw[o][i] += slope * u[i]
            dx[t][r][i] += slope * w[o][i]
    exact = {"output": y, "weight": dw, "bias": db, "x": dx}
    return {name: np.array(value, dtype=float) for name, value in exact.items()}


@pytest.mark.parametrize("psi", ["identity", "relu"])
@pytest.mark.parametrize("name", RUNS)
def test_dyadic_numbers_give_the_rational_result(name, psi):
    """Quarters up to 2, of which 5 products or 12 are added: no sum comes near 2⁵³ sixteenths."""
    rng = np.random.default_rng(2)
    shapes = {"weight": (O, I), "bias": (O,), "x": (T, B, I), "d": (T, B, O)}
    a = {key: rng.integers(-8, 9, shape) / 4 for key, shape in shapes.items()}
    parameters = {key: a[key] for key in ("weight", "bias")}
    found = RUNS[name](parameters, a["x"], psi, a["d"])
    assert same_bits(found, by_definition(parameters, a["x"], psi, a["d"]))


def drawn_arrays() -> tuple[dict[str, Array], Array, Array]:
    rng = np.random.default_rng(4)
    parameters = {"weight": rng.normal(size=(O, I)), "bias": rng.normal(size=O)}
    return parameters, rng.normal(size=(T, B, I)), rng.normal(size=(T, B, O))


@pytest.mark.parametrize("psi", ACTIVATIONS)
@pytest.mark.parametrize("module", [manual, autodiff], ids=["manual", "autodiff"])
def test_a_tape_keeps_what_it_needs(module, psi):
    """It may be used twice, and nothing that is done to arrays outside reaches it."""
    parameters, x, d = drawn_arrays()
    kept = {name: array.copy() for name, array in {**parameters, "x": x, "d": d}.items()}
    output, tape = module.linear_forward(parameters, x, psi)
    first = module.linear_backward(tape, d)
    assert same_bits({**parameters, "x": x, "d": d}, kept)
    expected = {name: array.copy() for name, array in first.items()}
    for array in (*parameters.values(), x, output, *first.values()):
        array[...] = np.nan
    assert same_bits(module.linear_backward(tape, d), expected)


def test_a_scalar_tape_may_be_used_twice():
    parameters, x, d = drawn_arrays()
    lists = {name: array.tolist() for name, array in parameters.items()}
    _, tape = scalar.linear_forward(lists, x.tolist(), "softmax")
    first = scalar.linear_backward(tape, d.tolist())
    assert scalar.linear_backward(tape, d.tolist()) == first
    doubled = scalar.linear_backward(tape, (2 * d).tolist())
    assert (np.array(doubled["x"]) == 2 * np.array(first["x"])).all()


@pytest.mark.parametrize("shape", [(0, B), (T, 0)])
@pytest.mark.parametrize("psi", ACTIVATIONS)
@pytest.mark.parametrize("module", [manual, autodiff], ids=["manual", "autodiff"])
def test_of_nothing_comes_nothing(module, psi, shape):
    parameters, _, _ = drawn_arrays()
    output, tape = module.linear_forward(parameters, np.zeros((*shape, I)), psi)
    found = module.linear_backward(tape, np.zeros((*shape, O)))
    assert output.shape == (*shape, O)
    assert {name: array.shape for name, array in found.items()} == {
        "weight": (O, I), "bias": (O,), "x": (*shape, I)
    }  # fmt: skip
    assert not found["weight"].any()
    assert not found["bias"].any()


@pytest.mark.parametrize("x", [[], [[], []]])
def test_of_empty_lists_come_empty_lists(x):
    parameters, _, _ = drawn_arrays()
    lists = {name: array.tolist() for name, array in parameters.items()}
    output, tape = scalar.linear_forward(lists, x, "softmax")
    assert output == x
    assert scalar.linear_backward(tape, x) == {
        "weight": [[0.0] * I] * O, "bias": [0.0] * O, "x": x
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": [[[1.0, 2.0]]]}, r"x has shape \(1, 1, 2\); it must have shape \(1, 1, 3\)"),
        ({"bias": [1.0]}, r"bias has shape \(1,\); it must have shape \(2,\)"),
        ({"weight": [[1.0], [1.0, 2.0]]}, "weight is ragged"),
        ({"activation": "elu"}, "activation must be one of identity, .*, not 'elu'"),
    ],
)
def test_scalar_says_what_is_wrong(change, message):
    right = {"weight": [[1.0] * 3] * 2, "bias": [0.0] * 2, "x": [[[1.0] * 3]]} | change
    psi = right.pop("activation", "identity")
    with pytest.raises(ValueError, match=message):
        scalar.linear_forward({k: right[k] for k in ("weight", "bias")}, right["x"], psi)


def test_scalar_wants_a_cotangent_of_the_outputs_shape():
    _, tape = scalar.linear_forward({"weight": [[1.0]]}, [[[1.0]]])
    with pytest.raises(ValueError, match=r"d_output has shape \(1, 1, 2\)"):
        scalar.linear_backward(tape, [[[1.0, 1.0]]])
