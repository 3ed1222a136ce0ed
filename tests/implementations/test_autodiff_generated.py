"""One to many: steps whose input is the output of the step before."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import backward, forward
from rnncheck.spec import RNNSpec

Array = npt.NDArray[np.floating]

T, B, G = 3, 2, 4
EPS = float(np.finfo(np.float64).eps)
SPECS = [
    RNNSpec(3, 3, generated=G),
    RNNSpec(2, 3, 1, "relu", output_size=2, readout_bias=False, generated=G),
    RNNSpec(2, 3, 2, "sigmoid", output_size=2, readout="softmax", dropout=0.5, generated=G),
    RNNSpec(2, 2, 3, "identity", bias=False, output_size=2, readout="sigmoid", generated=G),
]
each_spec = pytest.mark.parametrize("spec", SPECS, ids=str)


def draw(spec: RNNSpec) -> dict[str, Array]:
    """Every array of a case, random; the dropout masks are 0 or 2."""
    rng = np.random.default_rng(0)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    arrays: dict[str, Array] = {n: 0.5 * rng.standard_normal(s) for n, s in shapes.items()}
    arrays["dropout_masks"] = 2.0 * (arrays["dropout_masks"] > 0)
    return arrays


def results(spec: RNNSpec, arrays: dict[str, Array]) -> dict[str, Array]:
    """Output, h_n and every gradient, under their names."""
    x, h0, masks = arrays["x"], arrays["h0"], arrays["dropout_masks"]
    output, h_n, tape = forward(spec, arrays, x, h0, None, masks)
    return {"output": output, "h_n": h_n} | backward(tape, arrays["d_output"], arrays["d_h_n"])


def scalar_loop(
    u: float, v: float, w: float, b: float, steps: int
) -> tuple[RNNSpec, dict[str, Array]]:
    """h = u x + w h_prev + b and y = v h, with y the next x: h = (u v + w) h_prev + b."""
    spec = RNNSpec(
        1, 1, nonlinearity="identity", output_size=1, readout_bias=False, generated=steps
    )
    p = {"weight_ih_l0": u, "weight_hh_l0": w, "bias_ih_l0": b, "bias_hh_l0": 0.0, "weight_ho": v}
    return spec, {name: np.full(shape, p[name]) for name, shape in spec.parameter_shapes().items()}


def test_scalar_linear_network_is_a_power() -> None:
    """From x_0 = 3, h0 = 5: y_t = v rᵗ s with r = u v + w and s = u x_0 + w h0; dyadic, so exact.

    The last output's derivative by u is v (r^G s)' = v (G r^(G-1) v s + r^G x_0), and likewise by
    w, with r' = 1 and s' = h0, and by v, with r' = u and the factor in front.
    """
    u, v, w, x_0, h0 = 0.5, 2.0, -0.25, 3.0, 5.0
    spec, p = scalar_loop(u, v, w, 0.0, steps=G)
    output, h_n, tape = forward(spec, p, np.full((1, 1, 1), x_0), np.full((1, 1, 1), h0))
    r, s = u * v + w, u * x_0 + w * h0
    np.testing.assert_array_equal(output.ravel(), [v * r**t * s for t in range(1 + G)])
    assert h_n == r**G * s
    got = backward(tape, np.eye(1 + G)[G].reshape(1 + G, 1, 1), np.zeros((1, 1, 1)))
    assert got["weight_ih_l0"] == v * (G * r ** (G - 1) * v * s + r**G * x_0)
    assert got["weight_hh_l0"] == v * (G * r ** (G - 1) * s + r**G * h0)
    assert got["weight_ho"] == v * G * r ** (G - 1) * u * s + r**G * s
    assert got["x"] == v * r**G * u
    assert got["h0"] == v * r**G * w


def test_a_bias_makes_a_geometric_series() -> None:
    """x_0 = h0 = 0: h after t+1 steps is b (1 - r^(t+1)) / (1 - r), with r = u v + w = 3/4."""
    spec, p = scalar_loop(0.25, 2.0, 0.25, b=8.0, steps=G)
    zero, r = np.zeros((1, 1, 1)), 0.75
    output, _, tape = forward(spec, p, zero, zero)
    sums = (1 - r ** np.arange(1.0, 2 + G)) / (1 - r)
    np.testing.assert_array_equal(output.ravel(), 2.0 * 8.0 * sums)
    got = backward(tape, np.zeros((1 + G, 1, 1)), np.ones((1, 1, 1)))
    assert got["bias_ih_l0"] == got["bias_hh_l0"] == sums[-1]


def test_a_network_that_only_hands_its_input_on_repeats_it() -> None:
    """W_ih = 1, W_hh = 0: x_{T-1} is repeated, its gradient adds up, and no other x has any."""
    spec = RNNSpec(2, 2, 2, "identity", bias=False, generated=G)
    one, zero = np.eye(2), np.zeros((2, 2))
    p = {name: one if "_ih_" in name else zero for name in spec.parameter_shapes()}
    x, state = np.arange(1.0, 13.0).reshape(T, 2, 2), np.full((2, 2, 2), 9.0)
    output, h_n, tape = forward(spec, p, x, state)
    np.testing.assert_array_equal(output, x[[0, 1, 2, 2, 2, 2, 2]])
    np.testing.assert_array_equal(h_n, x[[2, 2]])
    got = backward(tape, np.ones_like(output), 10.0 * np.ones_like(h_n))
    np.testing.assert_array_equal(got["x"], np.broadcast_to([[[1]], [[1]], [[25]]], x.shape))
    assert not got["h0"].any()


@each_spec
def test_teacher_forcing_with_its_own_outputs_changes_no_value(spec: RNNSpec) -> None:
    """ "all" over x and then the outputs generated gives the same bits."""
    arrays = draw(spec)
    got = results(spec, arrays)
    longer = np.concatenate([arrays["x"], got["output"][T - 1 : -1]])
    expected = results(replace(spec, generated=0), arrays | {"x": longer})
    assert got["output"].shape == (T + G, B, spec.output_features)
    np.testing.assert_array_equal(got["output"], expected["output"])
    np.testing.assert_array_equal(got["h_n"], expected["h_n"])
    assert got["x"].shape == arrays["x"].shape


@each_spec
def test_gradients_are_those_of_teacher_forcing_fed_back(spec: RNNSpec) -> None:
    """With x_t = y_{t-1}, the dx_t of teacher forcing belongs to d_output_{t-1}; from the end back.

    The same sums in another order: of fewer than 100 terms below 10.
    """
    arrays = draw(spec)
    got = results(spec, arrays)
    forced = replace(spec, generated=0)
    longer = np.concatenate([arrays["x"], got["output"][T - 1 : -1]])
    _, _, tape = forward(forced, arrays, longer, arrays["h0"], None, arrays["dropout_masks"])
    d_output = arrays["d_output"].copy()
    for t in reversed(range(T, T + G)):
        d_output[t - 1] += backward(tape, d_output, arrays["d_h_n"])["x"][t]
    assert (d_output != arrays["d_output"]).any()
    expected = backward(tape, d_output, arrays["d_h_n"])
    expected["x"] = expected["x"][:T]
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=0, atol=1000 * EPS, err_msg=name)


@each_spec
def test_what_is_generated_does_not_touch_the_steps_before(spec: RNNSpec) -> None:
    """The first T outputs are those without generation, and so are their gradients."""
    arrays = draw(spec)
    arrays["d_h_n"][:] = arrays["d_output"][T:] = 0.0
    got = results(spec, arrays)
    masks = arrays["dropout_masks"]
    given = arrays | {"d_output": arrays["d_output"][:T], "dropout_masks": masks[:, :T]}
    expected = results(replace(spec, generated=0), given)
    np.testing.assert_array_equal(got["output"][:T], expected["output"])
    for name in [*spec.parameter_shapes(), "x", "h0"]:
        np.testing.assert_array_equal(got[name], expected[name], err_msg=name)
        assert expected[name].any(), name


@each_spec
def test_generation_can_be_resumed(spec: RNNSpec) -> None:
    """G = 4 steps are 1 step, and then 1 given (its output) and 2 more, from its h_n: same bits."""
    arrays = draw(spec)
    masks = arrays["dropout_masks"]
    whole, h_n, _ = forward(spec, arrays, arrays["x"], arrays["h0"], None, masks)
    one, two = replace(spec, generated=1), replace(spec, generated=2)
    start, h, _ = forward(one, arrays, arrays["x"], arrays["h0"], None, masks[:, : T + 1])
    rest, h, _ = forward(two, arrays, start[-1:], h, None, masks[:, T + 1 :])
    np.testing.assert_array_equal(np.concatenate([start, rest]), whole)
    np.testing.assert_array_equal(h, h_n)


def test_no_rows() -> None:
    """B = 0: the shapes are right, and every gradient is 0."""
    spec = RNNSpec(2, 3, 2, output_size=2, readout="softmax", generated=G)
    p = {name: np.ones(shape) for name, shape in spec.parameter_shapes().items()}
    output, h_n, tape = forward(spec, p, np.zeros((T, 0, 2)), np.zeros((2, 0, 3)))
    assert output.shape == (T + G, 0, 2)
    got = backward(tape, output, h_n)
    shapes = spec.parameter_shapes() | {"x": (T, 0, 2), "h0": (2, 0, 3)}
    assert {name: array.shape for name, array in got.items()} == shapes
    assert not any(array.any() for array in got.values())
