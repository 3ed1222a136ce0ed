"""The manual implementation against formulas that can be worked out on paper.

Where every number is a small dyadic fraction, floating point makes no error and `==` is meant.
"""

import math
import warnings

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, forward
from rnncheck.implementations.manual.activations import ACTIVATIONS
from rnncheck.spec import RNNSpec

V, W = 0.5, -2.0  # scalar weight_ih and weight_hh


def column(*values: float) -> np.ndarray:
    """The values as (T, 1, 1)."""
    return np.array(values, dtype=np.float64).reshape(-1, 1, 1)


def scalar(**values: float) -> dict[str, np.ndarray]:
    """Parameters of size 1: weights (1, 1), biases (1,)."""
    return {
        name: np.full((1, 1) if name.startswith("weight") else 1, value)
        for name, value in values.items()
    }


def linear(spec: RNNSpec | None = None, **more: float) -> tuple[RNNSpec, dict[str, np.ndarray]]:
    """h_t = V x_t + W h_{t-1}."""
    spec = spec or RNNSpec(1, 1, nonlinearity="identity", bias=False)
    return spec, scalar(weight_ih_l0=V, weight_hh_l0=W, **more)


@pytest.mark.parametrize(
    ("nonlinearity", "value", "slope"),
    [
        ("tanh", math.tanh, lambda a: 1 / math.cosh(a) ** 2),
        ("relu", lambda a: max(a, 0.0), lambda a: float(a > 0)),
        ("sigmoid", lambda a: 1 / (1 + math.exp(-a)), lambda a: 0.25 / math.cosh(a / 2) ** 2),
        ("identity", lambda a: a, lambda a: 1.0),
    ],
)
@pytest.mark.parametrize("x", [1.5, -1.0, -3.0])
def test_one_step(nonlinearity, value, slope, x):
    """h = φ(a), a = V x + W h0 + b + c; every gradient is (d_output + d_h_n) φ'(a) ∂a/∂·."""
    spec = RNNSpec(1, 1, nonlinearity=nonlinearity)
    p = scalar(weight_ih_l0=V, weight_hh_l0=W, bias_ih_l0=0.75, bias_hh_l0=0.25)
    h0 = 0.25
    a = V * x + W * h0 + 1.0  # exact; 1.25, 0 (relu's kink) and -1
    output, h_n, tape = forward(spec, p, column(x), column(h0))
    found = backward(tape, column(2.0), column(-0.5))
    # At most 4 roundings in φ or φ' on either side, of numbers of size at most 4 (1.5 * slope * x).
    tolerance = 8 * 4 * np.finfo(float).eps
    delta = 1.5 * slope(a)
    expected = {
        "weight_ih_l0": delta * x,
        "weight_hh_l0": delta * h0,
        "bias_ih_l0": delta,
        "bias_hh_l0": delta,
        "x": delta * V,
        "h0": delta * W,
    }
    assert list(found) == list(expected)
    assert output.item() == h_n.item() == pytest.approx(value(a), rel=0, abs=tolerance)
    for name, number in expected.items():
        assert found[name].item() == pytest.approx(number, rel=0, abs=tolerance), name


def test_linear_recurrence_sums_a_geometric_series():
    """h_t = W^{t+1} h0 + Σ_{s<=t} W^{t-s} V x_s, and its derivatives."""
    x, h0, T = [1.0, 0.5, -1.0, 2.0], 0.25, 4
    output, h_n, tape = forward(*linear(), column(*x), column(h0))
    h = [W ** (t + 1) * h0 + sum(W ** (t - s) * V * x[s] for s in range(t + 1)) for t in range(T)]
    assert output.ravel().tolist() == h
    assert h_n.item() == h[-1]

    found = backward(tape, np.ones((T, 1, 1)), column(3.0))
    d = [1.0, 1.0, 1.0, 4.0]  # d_output, plus d_h_n at the last step
    d_x = [V * sum(d[t] * W ** (t - s) for t in range(s, T)) for s in range(T)]
    assert found["x"].ravel().tolist() == d_x
    assert found["h0"].item() == sum(d[t] * W ** (t + 1) for t in range(T))
    assert found["weight_ih_l0"].item() == sum(d_x[s] / V * x[s] for s in range(T))
    assert found["weight_hh_l0"].item() == sum(d_x[s] / V * [h0, *h][s] for s in range(T))


@pytest.mark.parametrize("k", [0, 1, 2, 3, 10])
def test_truncation_cuts_the_geometric_series(k):
    """With φ = identity, δ_s = Σ_{lag=0}^{min(k, T-1-s)} W^lag d_{s+lag}."""
    x, h0, T = [1.0, 0.5, -1.0, 2.0], 0.25, 4
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, truncation=k)
    output, _, tape = forward(*linear(spec), column(*x), column(h0))
    found = backward(tape, np.ones((T, 1, 1)), column(3.0))
    d = [1.0, 1.0, 1.0, 4.0]
    delta = [sum(d[s + j] * W**j for j in range(min(k, T - 1 - s) + 1)) for s in range(T)]
    h_prev = [h0, *output.ravel().tolist()]
    assert found["x"].ravel().tolist() == [V * part for part in delta]
    assert found["h0"].item() == W * delta[0]
    assert found["weight_ih_l0"].item() == sum(delta[s] * x[s] for s in range(T))
    assert found["weight_hh_l0"].item() == sum(delta[s] * h_prev[s] for s in range(T))


def test_truncation_with_tanh_drops_lag_two_only():
    """T = 3, k = 1: δ_0 = s_0 (g_0 + W s_1 g_1), with s = φ' and without W² s_1 s_2 g_2."""
    spec = RNNSpec(1, 1, bias=False, truncation=1)
    w = scalar(weight_ih_l0=V, weight_hh_l0=W)
    output, _, tape = forward(spec, w, column(1.0, -0.5, 2.0), column(0.5))
    found = backward(tape, column(1.0, -2.0, 3.0), column(1.0))
    s, g = 1 - output.ravel() ** 2, np.array([1.0, -2.0, 4.0])
    delta = [s[0] * (g[0] + W * s[1] * g[1]), s[1] * (g[1] + W * s[2] * g[2]), s[2] * g[2]]
    # At most 8 roundings of numbers of size at most |g| + |W g| <= 10 on either side.
    tolerance = 2 * 8 * 10 * np.finfo(float).eps
    assert np.abs(found["x"].ravel() - V * np.array(delta)).max() <= tolerance
    assert abs(found["h0"].item() - W * delta[0]) <= tolerance


def test_without_recurrence_every_step_stands_alone():
    """W_hh = 0: h_t = relu(W_ih x_t), d_x_t = W_ihᵀ ([h_t > 0] d_t), d_h0 = 0."""
    spec = RNNSpec(2, 3, nonlinearity="relu", bias=False)
    weight = np.array([[1.0, -2.0], [0.5, 1.0], [-1.0, 0.25]])
    p = {"weight_ih_l0": weight, "weight_hh_l0": np.zeros((3, 3))}
    x = np.random.default_rng(0).integers(-4, 5, size=(5, 2, 2)).astype(float)
    d = np.random.default_rng(1).integers(-4, 5, size=(5, 2, 3)).astype(float)
    output, h_n, tape = forward(spec, p, x, np.full((1, 2, 3), 7.0))
    found = backward(tape, d, np.zeros((1, 2, 3)))
    for t, b in np.ndindex(5, 2):
        h = np.maximum(weight @ x[t, b], 0)
        assert (output[t, b] == h).all()
        assert (found["x"][t, b] == weight.T @ np.where(h > 0, d[t, b], 0)).all()
    assert (h_n[0] == output[-1]).all()
    assert (found["h0"] == 0).all()


def test_reverse_direction_starts_at_the_last_valid_step():
    """n = 3 of T = 4: h_2 = V x_2 + W h0, h_1 = V x_1 + W h_2, ...; h_n is h_0; output_3 is 0."""
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, bidirectional=True)
    p = scalar(weight_ih_l0=V, weight_hh_l0=W, weight_ih_l0_reverse=3.0, weight_hh_l0_reverse=0.25)
    x, h0 = column(1.0, -2.0, 4.0, np.nan), column(8.0, 16.0)
    output, h_n, tape = forward(spec, p, x, h0, np.array([3]))
    h_0, h_1, h_2 = 0.5 * 1 - 2 * 8, -0.5 * 2 - 2 * -15.5, 0.5 * 4 - 2 * 30
    r_2 = 3 * 4 + 16 / 4
    r_1 = 3 * -2 + r_2 / 4
    r_0 = 3 * 1 + r_1 / 4
    assert output[:, 0, 0].tolist() == [h_0, h_1, h_2, 0.0]
    assert output[:, 0, 1].tolist() == [r_0, r_1, r_2, 0.0]
    assert h_n.ravel().tolist() == [h_2, r_0]

    d_output = np.zeros((4, 1, 2))
    d_output[3] = np.nan
    found = backward(tape, d_output, column(0.0, 1.0))  # the loss is the reverse h_n, r_0
    assert found["x"].ravel().tolist() == [3.0, 3.0 / 4, 3.0 / 16, 0.0]
    assert found["h0"].ravel().tolist() == [0.0, 1 / 64]


def test_dropout_multiplies_what_the_next_layer_reads():
    """Two layers, W_hh = 0: output_t = U m_t V x_t, d_x_t = V m_t U; the top is not dropped."""
    spec = RNNSpec(1, 1, num_layers=2, nonlinearity="identity", bias=False, dropout=0.5)
    p = scalar(weight_ih_l0=V, weight_hh_l0=0.0, weight_ih_l1=4.0, weight_hh_l1=0.0)
    x, masks = column(1.0, 3.0, 5.0), column(2.0, 0.0, 2.0)[None]
    output, h_n, tape = forward(spec, p, x, np.zeros((2, 1, 1)), None, masks)
    found = backward(tape, np.ones((3, 1, 1)), np.zeros((2, 1, 1)))
    assert output.ravel().tolist() == [4.0, 0.0, 20.0]
    assert h_n.ravel().tolist() == [2.5, 20.0]  # h_n of the first layer is not dropped either
    assert found["x"].ravel().tolist() == [4.0, 0.0, 4.0]
    assert found["weight_ih_l1"].item() == 2 * 0.5 * 1.0 + 2 * 0.5 * 5.0


def test_softmax_readout():
    """W_ho = (log 1, log 2, log 5)ᵀ at h = 1 gives (1, 2, 5) / 8; d_b = y ⊙ (d - ⟨y, d⟩)."""
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, output_size=3, readout="softmax")
    p = scalar(weight_ih_l0=1.0, weight_hh_l0=0.0)
    p |= {"weight_ho": np.log([[1.0], [2.0], [5.0]]), "bias_o": np.full(3, 0.5)}
    output, _, tape = forward(spec, p, column(1.0), column(0.0))
    found = backward(tape, np.array([[[8.0, 0.0, 0.0]]]), column(0.0))
    # 8 roundings (two in the logarithm) of numbers no larger than 8.
    tolerance = 8 * 8 * np.finfo(float).eps
    assert np.abs(output.ravel() - np.array([1, 2, 5]) / 8).max() <= tolerance
    assert np.abs(found["bias_o"] - np.array([1 * 7, -2 * 1, -5 * 1]) / 8).max() <= tolerance


@pytest.mark.parametrize("name", list(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_at_the_extremes(name, dtype):
    """No warning, no NaN, and the limits: (-1, 1), (0, inf), (0, 1), itself, (0, 1)."""
    huge = np.finfo(dtype).max
    a = np.array([-huge / 4, huge / 4], dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = ACTIVATIONS[name].value(a)
        d_a = ACTIVATIONS[name].pull_back(y, np.ones_like(y))
    low, high = {"tanh": (-1, 1), "relu": (0, a[1]), "identity": (a[0], a[1])}.get(name, (0, 1))
    assert y.tolist() == [low, high]
    assert d_a.tolist() == {"relu": [0, 1], "identity": [1, 1]}.get(name, [0, 0])
    assert y.dtype == d_a.dtype == dtype
