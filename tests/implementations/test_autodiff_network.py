"""The network where its equations can be solved by hand.

Unless a tolerance is named, the numbers are small dyadic fractions, for which floating point is
exact: the results must be equal to the last bit.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import backward, forward
from rnncheck.spec import RNNSpec

Array = npt.NDArray[np.floating]
EPS = float(np.finfo(np.float64).eps)


def draw(spec: RNNSpec, T: int, B: int, seed: int = 0) -> tuple[dict[str, Array], Array, Array]:
    """Random parameters, x and h0, all of order 1/2."""
    rng = np.random.default_rng(seed)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    names = [*spec.parameter_shapes(), "x", "h0"]
    arrays: dict[str, Array] = {name: 0.5 * rng.standard_normal(shapes[name]) for name in names}
    x, h0 = arrays.pop("x"), arrays.pop("h0")
    return arrays, x, h0


def scalars(spec: RNNSpec, **values: float) -> dict[str, Array]:
    """Parameters of a network with sizes 1, by the start of their names; 0 if not given."""
    return {
        name: np.full(shape, values.get(name.removesuffix("_l0"), 0.0))
        for name, shape in spec.parameter_shapes().items()
    }


def test_scalar_linear_network_is_a_weighted_sum() -> None:
    """h_T = wᵀ h0 + Σ_t w^(T-1-t) (u x_t + b), and its derivatives by each of its letters."""
    spec, T, w, u, b, start = RNNSpec(1, 1, nonlinearity="identity"), 5, 0.5, 2.0, 3.0, 8.0
    x = np.array([1.0, -2.0, 4.0, 0.0, 3.0])
    parameters = scalars(spec, weight_hh=w, weight_ih=u, bias_ih=b)
    output, h_n, tape = forward(spec, parameters, x.reshape(T, 1, 1), np.full((1, 1, 1), start))
    left = T - 1 - np.arange(T)  # links still to come after step t
    assert h_n == w**T * start + np.sum(w**left * (u * x + b))
    assert output[-1] == h_n[0]
    got = backward(tape, np.zeros((T, 1, 1)), np.ones((1, 1, 1)))
    np.testing.assert_array_equal(got["x"].ravel(), u * w**left)
    assert got["h0"] == w**T
    assert got["weight_ih_l0"] == np.sum(w**left * x)
    assert got["bias_ih_l0"] == got["bias_hh_l0"] == np.sum(w**left)
    by_w = T * w ** (T - 1) * start + np.sum((left * w ** (left - 1.0)) * (u * x + b))
    assert got["weight_hh_l0"] == by_w


def test_geometric_series() -> None:
    """x = 1, h0 = 0: output_t = (1 - w^(t+1)) / (1 - w), and dx_s = Σ_{t>=s} w^(t-s)."""
    spec, T, w = RNNSpec(1, 1, nonlinearity="identity", bias=False), 12, 0.5
    parameters = scalars(spec, weight_hh=w, weight_ih=1.0)
    output, _, tape = forward(spec, parameters, np.ones((T, 1, 1)), np.zeros((1, 1, 1)))
    sums = (1 - w ** (1.0 + np.arange(T))) / (1 - w)
    np.testing.assert_array_equal(output.ravel(), sums)
    got = backward(tape, np.ones((T, 1, 1)), np.zeros((1, 1, 1)))
    np.testing.assert_array_equal(got["x"].ravel(), sums[::-1])
    assert got["weight_ih_l0"] == sums.sum()


def test_one_step_of_tanh() -> None:
    """T = 1: δ = (1 - h²) g, then dW_ih = δᵀ x, dW_hh = δᵀ h0, db = Σ δ, dx = δ W_ih, dh0 = δ W_hh.

    Every result is a sum of at most 8 products of a few numbers below 4: 100 roundings at most.
    """
    spec, rng = RNNSpec(3, 4), np.random.default_rng(1)
    p, x, h0 = draw(spec, T=1, B=2)
    output, h_n, tape = forward(spec, p, x, h0)
    a = x[0] @ p["weight_ih_l0"].T + h0[0] @ p["weight_hh_l0"].T
    h = np.tanh(a + p["bias_ih_l0"] + p["bias_hh_l0"])
    d_output, d_h_n = rng.standard_normal((1, 2, 4)), rng.standard_normal((1, 2, 4))
    delta = (1 - h**2) * (d_output + d_h_n)[0]
    expected = {
        "weight_ih_l0": delta.T @ x[0],
        "weight_hh_l0": delta.T @ h0[0],
        "bias_ih_l0": delta.sum(0),
        "bias_hh_l0": delta.sum(0),
        "x": (delta @ p["weight_ih_l0"])[None],
        "h0": (delta @ p["weight_hh_l0"])[None],
    }
    np.testing.assert_allclose(output[0], h, rtol=0, atol=100 * EPS)
    np.testing.assert_array_equal(output, h_n)
    got = backward(tape, d_output, d_h_n)
    assert list(got) == list(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=0, atol=100 * EPS)


def test_relu_keeps_its_corner_closed() -> None:
    """a = -1, 0, 2 in three units: h = 0, 0, 2, and only the last lets a cotangent through."""
    spec = RNNSpec(1, 3, nonlinearity="relu", bias=False)
    p = {"weight_ih_l0": np.array([[-1.0], [0.0], [2.0]]), "weight_hh_l0": np.zeros((3, 3))}
    output, _, tape = forward(spec, p, np.ones((1, 1, 1)), np.zeros((1, 1, 3)))
    np.testing.assert_array_equal(output.ravel(), [0.0, 0.0, 2.0])
    got = backward(tape, np.ones((1, 1, 3)), np.zeros((1, 1, 3)))
    np.testing.assert_array_equal(got["weight_ih_l0"].ravel(), [0.0, 0.0, 1.0])


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid", "identity"])
def test_without_recurrence_the_steps_do_not_meet(nonlinearity: str) -> None:
    """W_hh = 0: output_t is output_0 of x_t alone, dx_t needs d_output_t alone, and dh0 = 0."""
    spec = RNNSpec(3, 2, nonlinearity=nonlinearity)  # type: ignore[arg-type]
    p, x, h0 = draw(spec, T=4, B=2)
    p["weight_hh_l0"][:] = 0.0
    d_output = np.random.default_rng(1).standard_normal((4, 2, 2))
    output, _, tape = forward(spec, p, x, h0)
    got = backward(tape, d_output, np.zeros_like(h0))
    np.testing.assert_array_equal(got["h0"], np.zeros_like(h0))
    for t in range(4):
        alone, _, tape = forward(spec, p, x[t : t + 1], h0)
        np.testing.assert_array_equal(output[t], alone[0])
        dx = backward(tape, d_output[t : t + 1], np.zeros_like(h0))["x"]
        np.testing.assert_array_equal(got["x"][t], dx[0])


def test_recurrence_by_a_permutation_turns_the_state() -> None:
    """W_hh a cyclic shift, x = 0: h_t is h0 shifted t+1 times, and dh0 is shifted back."""
    spec = RNNSpec(1, 3, nonlinearity="identity", bias=False)
    p = {"weight_ih_l0": np.zeros((3, 1)), "weight_hh_l0": np.roll(np.eye(3), 1, axis=0)}
    h0 = np.array([[[1.0, 2.0, 3.0]]])
    output, _, tape = forward(spec, p, np.zeros((4, 1, 1)), h0)
    for t in range(4):
        np.testing.assert_array_equal(output[t], np.roll(h0[0], t + 1, axis=1))
    got = backward(tape, np.zeros((4, 1, 3)), np.array([[[5.0, 6.0, 7.0]]]))
    np.testing.assert_array_equal(got["h0"], [[[6.0, 7.0, 5.0]]])


def test_the_reverse_direction_is_the_forward_one_on_reversed_time() -> None:
    """With equal weights, output[..., H:] is the other half of the run on x[::-1], reversed."""
    spec = RNNSpec(2, 3, bidirectional=True)
    p, x, h0 = draw(spec, T=5, B=2)
    for name in list(p):
        if name.endswith("_reverse"):
            p[name] = p[name.removesuffix("_reverse")]
    output, h_n, _ = forward(spec, p, x, h0)
    mirrored, h_n_mirrored, _ = forward(spec, p, x[::-1], h0[::-1])
    np.testing.assert_array_equal(output[..., 3:], mirrored[::-1, :, :3])
    np.testing.assert_array_equal(h_n[1], h_n_mirrored[0])
    np.testing.assert_array_equal(h_n[1], output[0, :, 3:])
    np.testing.assert_array_equal(h_n[0], output[-1, :, :3])


def test_layers_are_networks_one_after_another() -> None:
    """The outputs, and the gradients, of two layers are those of two networks of one layer."""
    spec, first, second = RNNSpec(2, 3, 2), RNNSpec(2, 3), RNNSpec(3, 3)
    p, x, h0 = draw(spec, T=4, B=2)
    upper = {n.replace("_l1", "_l0"): v for n, v in p.items() if n.endswith("_l1")}
    middle, h_n_lower, tape_lower = forward(first, p, x, h0[:1])
    top, h_n_upper, tape_upper = forward(second, upper, middle, h0[1:])
    output, h_n, tape = forward(spec, p, x, h0)
    np.testing.assert_array_equal(output, top)
    np.testing.assert_array_equal(h_n, np.concatenate([h_n_lower, h_n_upper]))
    rng = np.random.default_rng(1)
    d_output, d_h_n = rng.standard_normal(output.shape), rng.standard_normal(h_n.shape)
    got = backward(tape, d_output, d_h_n)
    above = backward(tape_upper, d_output, d_h_n[1:])
    below = backward(tape_lower, above["x"], d_h_n[:1])
    expected: Mapping[str, Array] = {
        **{n: below[n] for n in below if n.endswith("_l0")},
        **{n.replace("_l0", "_l1"): above[n] for n in above if n.endswith("_l0")},
        "x": below["x"],
        "h0": np.concatenate([below["h0"], above["h0"]]),
    }
    assert list(got) == list(expected)
    for name, array in expected.items():
        # The same sums in another order: of fewer than 100 terms below 10.
        np.testing.assert_allclose(got[name], array, rtol=0, atol=1000 * EPS)


def test_dropped_inputs_leave_the_biases_and_kept_ones_are_scaled() -> None:
    """Identity, W = 1, layer 1 without recurrence: output_t = mask_t x_t + b."""
    spec = RNNSpec(1, 1, 2, nonlinearity="identity", dropout=0.5)
    p = {name: np.zeros(shape) for name, shape in spec.parameter_shapes().items()}
    p |= {"weight_ih_l0": np.ones((1, 1)), "weight_ih_l1": np.ones((1, 1))}
    p["bias_hh_l1"] = np.array([0.25])
    x, masks = np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.0, 2.0])
    output, _, tape = forward(
        spec, p, x.reshape(3, 1, 1), np.zeros((2, 1, 1)), None, masks.reshape(1, 3, 1, 1)
    )
    np.testing.assert_array_equal(output.ravel(), masks * x + 0.25)
    got = backward(tape, np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1), np.zeros((2, 1, 1)))
    np.testing.assert_array_equal(got["x"].ravel(), [2.0, 0.0, 200.0])
    assert got["weight_ih_l1"] == 2.0 * 1.0 * 1.0 + 2.0 * 3.0 * 100.0


def test_readouts_in_closed_form() -> None:
    """db_o = Σ Jᵀ g with J = y (1 - y) for the sigmoid and diag(y) - y yᵀ for the softmax."""
    rng = np.random.default_rng(1)
    g = rng.standard_normal((4, 2, 5))
    for readout in ("identity", "sigmoid", "softmax"):
        spec = RNNSpec(2, 3, output_size=5, readout=readout)
        p, x, h0 = draw(spec, T=4, B=2)
        y, _, tape = forward(spec, p, x, h0)
        top, _, _ = forward(RNNSpec(2, 3), p, x, h0)
        logits = top @ p["weight_ho"].T + p["bias_o"]
        e = np.exp(logits)
        expected, d_logits = {
            "identity": (logits, g),
            "sigmoid": (e / (1 + e), g * y * (1 - y)),
            "softmax": (e / e.sum(-1, keepdims=True), y * (g - (g * y).sum(-1, keepdims=True))),
        }[readout]
        got = backward(tape, g, np.zeros_like(h0))
        # Sums of at most 8 steps and 5 features, of terms below 10, each rounded a few times.
        atol = 8 * 5 * 10 * EPS
        np.testing.assert_allclose(y, expected, rtol=0, atol=atol)
        np.testing.assert_allclose(got["bias_o"], d_logits.sum((0, 1)), rtol=0, atol=atol)
        d_weight = np.einsum("tbo,tbh->oh", d_logits, top)
        np.testing.assert_allclose(got["weight_ho"], d_weight, rtol=0, atol=atol)
