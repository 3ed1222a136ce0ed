"""`wrap` on networks as people write them, forward and backward by hand, in four conventions.

Each is judged as any correct network is: it and the manual reference stray from the true values by
no more than the envelope allows, and lie at most twice as far apart.
"""

from typing import Any

import numpy as np
import pytest
from contract.drawing import B, H, I, O, draw

from rnncheck.implementations import manual
from rnncheck.oracles.envelope import envelope
from rnncheck.spec import RNNSpec
from rnncheck.wrapping import wrap


def columns_forward(p: Any, xs: Any, h: Any) -> Any:
    """One sequence, every vector a column, with a readout: h = tanh(Wxh x + Whh h + bh)."""
    ys = []
    for x in xs:
        h = np.tanh(p["Wxh"] @ x + p["Whh"] @ h + p["bh"])
        ys.append(p["Why"] @ h + p["by"])
    return np.array(ys), h


def columns_backward(p: Any, xs: Any, h0: Any, dys: Any, dh_last: Any) -> Any:
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(p["Wxh"] @ x + p["Whh"] @ hs[-1] + p["bh"]))
    d, dxs, dh_next = {name: np.zeros_like(a) for name, a in p.items()}, np.zeros_like(xs), dh_last
    for t in reversed(range(len(xs))):
        d["Why"] += dys[t] @ hs[t + 1].T
        d["by"] += dys[t]
        da = (1 - hs[t + 1] ** 2) * (p["Why"].T @ dys[t] + dh_next)
        d["Wxh"] += da @ xs[t].T
        d["Whh"] += da @ hs[t].T
        d["bh"] += da
        dxs[t] = p["Wxh"].T @ da
        dh_next = p["Whh"].T @ da
    return {**d, "x": dxs, "h0": dh_next}


def keras_forward(p: Any, x: Any) -> Any:
    """Batch first, rows times matrices, ReLU, one bias as a row, from zeros, no h_n."""
    h, hs = np.zeros((len(x), p["kernel"].shape[1])), []
    for t in range(x.shape[1]):
        h = np.maximum(x[:, t] @ p["kernel"] + h @ p["recurrent"] + p["bias"], 0)
        hs.append(h)
    return np.stack(hs, axis=1)


def keras_backward(p: Any, x: Any, d_output: Any) -> Any:
    hs = keras_forward(p, x)
    d, carried = {name: np.zeros_like(a) for name, a in p.items()}, 0
    for t in reversed(range(x.shape[1])):
        before = hs[:, t - 1] if t else np.zeros_like(hs[:, 0])
        da = (hs[:, t] > 0) * (d_output[:, t] + carried)
        d["kernel"] += x[:, t].T @ da
        d["recurrent"] += before.T @ da
        d["bias"] += da.sum(axis=0, keepdims=True)
        carried = da @ p["recurrent"].T
    return d


def batch_of_columns_forward(p: Any, x: Any, h: Any) -> Any:
    """Every step a matrix with a column a row of the batch; two biases; the logistic function."""
    hs = np.zeros((len(x), *h.shape))
    for t in range(len(x)):
        h = 1 / (1 + np.exp(-(p["U"] @ x[t] + p["b"] + p["W"] @ h + p["c"])))
        hs[t] = h
    return hs, h


def batch_of_columns_backward(p: Any, x: Any, h0: Any, d_hs: Any, d_h: Any) -> Any:
    hs, _ = batch_of_columns_forward(p, x, h0)
    d = {name: np.zeros_like(a) for name, a in p.items()}
    d_x = np.zeros_like(x)
    for t in reversed(range(len(x))):
        da = hs[t] * (1 - hs[t]) * (d_hs[t] + d_h)
        d["U"] += da @ x[t].T
        d["W"] += da @ (hs[t - 1] if t else h0).T
        for bias in "bc":
            d[bias] += da.sum(axis=1, keepdims=True)
        d_x[t] = p["U"].T @ da
        d_h = p["W"].T @ da
    return {"x": d_x, "h0": d_h, **d}


def linear_forward(p: Any, x: Any, h: Any) -> Any:
    """One sequence of rows, linear, without biases: h = x Uᵀ + h Wᵀ, as torch has it."""
    hs = []
    for x_t in x:
        h = x_t @ p["U"].T + h @ p["W"].T
        hs.append(h)
    return np.stack(hs), h


def linear_backward(p: Any, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Any:
    hs, carried = [h0, *linear_forward(p, x, h0)[0]], d_h_n
    d_U, d_W = np.zeros_like(p["U"]), np.zeros_like(p["W"])
    for t in reversed(range(len(x))):
        da = d_output[t] + carried
        d_U += np.outer(da, x[t])
        d_W += np.outer(da, hs[t])
        carried = da @ p["W"]
    return {"U": d_U, "W": d_W, "h0": carried}


NETWORKS: dict[str, tuple[Any, RNNSpec, int]] = {
    "columns": (
        wrap(
            columns_forward, columns_backward,
            x="time input 1", h0="hidden 1", output="time output 1",
            params={
                "Wxh": "hidden input", "Whh": "hidden prev", "bh": "hidden 1",
                "Why": "output hidden", "by": "output 1",
            },
        ),
        RNNSpec(I, H, output_size=O), 1,
    ),
    "keras": (
        wrap(
            keras_forward, keras_backward, x="batch time input", output="batch time hidden",
            params={"kernel": "input hidden", "recurrent": "prev hidden", "bias": "1 hidden"},
            nonlinearity="relu",
        ),
        RNNSpec(I, H, nonlinearity="relu"), B,
    ),
    "batch of columns": (
        wrap(
            batch_of_columns_forward, batch_of_columns_backward,
            x="time input batch", h0="hidden batch", output="time hidden batch",
            params={"U": "hidden input", "b": "hidden 1", "W": "hidden prev", "c": "hidden 1"},
            nonlinearity="sigmoid",
        ),
        RNNSpec(I, H, nonlinearity="sigmoid"), B,
    ),
    "linear": (
        wrap(
            linear_forward, linear_backward, x="time input", h0="hidden", output="time hidden",
            params={"W": "hidden prev", "U": "hidden input"}, nonlinearity="identity",
        ),
        RNNSpec(I, H, nonlinearity="identity", bias=False), 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(NETWORKS))
@pytest.mark.parametrize("seed", range(3))
def test_a_right_network_is_the_reference(kind, seed):
    wrapped, spec, b = NETWORKS[kind]
    can, case = wrapped.capabilities, draw(spec, 7, b, seed=seed)
    parameters = dict(case.parameters)
    if 1 in can.bias_vectors:
        parameters["bias_hh_l0"] = np.zeros(H)
    if not can.initial_state:
        case = case.replace(h0=np.zeros_like(case.h0))
    if not can.final_state:
        case = case.replace(d_h_n=np.zeros_like(case.d_h_n))
    case = case.replace(parameters=parameters)
    assert can.missing(case) is None
    allowed = envelope(case)
    assert allowed.near_kinks == 0

    output, h_n, tape = manual.forward(spec, case.parameters, case.x, case.h0)
    expected = manual.backward(tape, case.d_output, case.d_h_n) | {"output": output, "h_n": h_n}
    forward = wrapped.forward(case)
    found = wrapped.gradients(case) | {"output": forward.output}
    if forward.h_n is not None:
        found["h_n"] = forward.h_n
    needed = [n for n in spec.parameter_shapes() if "bias_hh" not in n or 2 in can.bias_vectors]
    assert {*needed, "output"} <= set(found)
    for name, values in found.items():
        assert values.shape == expected[name].shape, name
        assert allowed[name].telling.all(), name
        assert (np.abs(values - expected[name]) <= 2 * allowed[name].allowed).all(), name
