"""One output instead of a sequence: at each row's last step, or of the final states."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import backward, forward
from rnncheck.spec import Outputs, RNNSpec

Array = npt.NDArray[np.floating]
Lengths = npt.NDArray[np.integer]

T, LENGTHS = 4, np.array([3, 0, 4, 1])
B = len(LENGTHS)
ROWS, HAS_STEPS = np.arange(B), LENGTHS > 0
EPS = float(np.finfo(np.float64).eps)
ONE_WAY = [
    RNNSpec(2, 3),
    RNNSpec(2, 3, 2, "relu", False, output_size=2, readout="softmax", dropout=0.5),
    RNNSpec(2, 3, 3, "sigmoid", output_size=1, readout="sigmoid", dropout=0.5),
    RNNSpec(2, 3, output_size=2, readout_bias=False, truncation=0),
    RNNSpec(2, 3, output_size=2, readout="softmax", truncation=2),
]
SPECS = [
    *ONE_WAY,
    RNNSpec(2, 3, 1, "identity", bidirectional=True),
    RNNSpec(2, 2, 2, bidirectional=True, output_size=3, readout="softmax", dropout=0.5),
]
each_length = pytest.mark.parametrize("lengths", [LENGTHS, None], ids=["padded", "full"])


def draw(spec: RNNSpec) -> dict[str, Array]:
    """Every array of a case, random; the dropout masks are 0 or 2."""
    rng = np.random.default_rng(0)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    arrays: dict[str, Array] = {n: 0.5 * rng.standard_normal(s) for n, s in shapes.items()}
    arrays["dropout_masks"] = 2.0 * (arrays["dropout_masks"] > 0)
    return arrays


def results(spec: RNNSpec, arrays: dict[str, Array], lengths: Lengths | None) -> dict[str, Array]:
    """Output, h_n and every gradient, under their names."""
    x, h0, masks = arrays["x"], arrays["h0"], arrays["dropout_masks"]
    output, h_n, tape = forward(spec, arrays, x, h0, lengths, masks)
    return {"output": output, "h_n": h_n} | backward(tape, arrays["d_output"], arrays["d_h_n"])


@each_length
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_last_is_a_slice_of_all(spec: RNNSpec, lengths: Lengths | None) -> None:
    """output_{n-1} of every row; 0 where n = 0, and what d_output says there is ignored.

    Its gradients are those of "all" with the same cotangents at the steps n-1 and 0 elsewhere:
    the same sums, but for zeros and the order, of fewer than 100 terms below 10.
    """
    last = replace(spec, outputs="last")
    arrays = draw(last)
    n = np.full(B, T) if lengths is None else lengths
    at, rows = n[n > 0] - 1, ROWS[n > 0]
    d_all = np.zeros((T, B, spec.output_features))
    d_all[at, rows] = arrays["d_output"][0, rows]
    arrays["d_output"][:, n == 0] = np.nan
    expected = results(spec, arrays | {"d_output": d_all}, lengths)
    got = results(last, arrays, lengths)
    everywhere = expected.pop("output")
    assert got["output"].shape == (1, B, spec.output_features)
    assert not got["output"][:, n == 0].any()
    atol = 1000 * EPS
    np.testing.assert_allclose(got["output"][0, rows], everywhere[at, rows], rtol=0, atol=atol)
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=0, atol=atol, err_msg=name)
        assert array.any() or spec.truncation is not None, name


@each_length
@pytest.mark.parametrize("spec", ONE_WAY, ids=str)
def test_final_is_last_in_one_direction(spec: RNNSpec, lengths: Lengths | None) -> None:
    """The same bits in every row with steps; the others have no cotangents here."""
    last, final = replace(spec, outputs="last"), replace(spec, outputs="final")
    arrays = draw(last)
    n = np.full(B, T) if lengths is None else lengths
    arrays["d_output"][:, n == 0] = 0.0
    expected, got = results(last, arrays, lengths), results(final, arrays, lengths)
    for name in ("output", "h_n", "x", "h0"):
        with_steps = np.compress(n > 0, got[name], axis=1)
        np.testing.assert_array_equal(
            with_steps, np.compress(n > 0, expected[name], axis=1), err_msg=name
        )
    for name in spec.parameter_shapes():
        np.testing.assert_array_equal(got[name], expected[name], err_msg=name)


@each_length
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_final_without_readout_is_the_top_of_h_n(
    bidirectional: bool, layers: int, lengths: Lengths | None
) -> None:
    """So its cotangent can as well be given to those rows of h_n: all to the last bit."""
    spec = RNNSpec(2, 3, layers, bidirectional=bidirectional, outputs="final")
    arrays = draw(spec)
    arrays["d_h_n"][:] = 0.0
    got = results(spec, arrays, lengths)
    D = spec.num_directions
    np.testing.assert_array_equal(got["output"][0], np.concatenate(got["h_n"][-D:], axis=1))
    for d in range(D):
        arrays["d_h_n"][d - D] = arrays["d_output"][0, :, 3 * d : 3 * (d + 1)]
    arrays["d_output"][:] = 0.0
    for name, array in results(spec, arrays, lengths).items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


def test_final_reads_h0_out_in_a_row_without_steps() -> None:
    """y = V [h0, h0_reverse] + b: dV = g fᵀ, db = g, dh0 = Vᵀ g + d_h_n; numbers that are exact."""
    spec = RNNSpec(1, 1, bidirectional=True, output_size=2, outputs="final")
    p = {name: np.ones(shape) for name, shape in spec.parameter_shapes().items()}
    p |= {"weight_ho": np.array([[1.0, 2.0], [4.0, 8.0]]), "bias_o": np.array([0.5, 0.25])}
    h0, d_h_n = np.array([[[3.0]], [[5.0]]]), np.array([[[100.0]], [[200.0]]])
    output, h_n, tape = forward(spec, p, np.full((2, 1, 1), np.nan), h0, np.array([0]))
    np.testing.assert_array_equal(output, [[[13.5, 52.25]]])
    np.testing.assert_array_equal(h_n, h0)
    got = backward(tape, np.array([[[1.0, -1.0]]]), d_h_n)
    np.testing.assert_array_equal(got["weight_ho"], [[3.0, 5.0], [-3.0, -5.0]])
    np.testing.assert_array_equal(got["bias_o"], [1.0, -1.0])
    np.testing.assert_array_equal(got["h0"].ravel(), [100.0 - 3.0, 200.0 - 6.0])
    for name in set(got) - {"weight_ho", "bias_o", "h0"}:
        assert not got[name].any(), name


def test_the_two_ends_of_a_bidirectional_network() -> None:
    """Scalar, linear, forward w = 1/2, reverse r = 1/4, x = (1, 2, 4), h0 = (8, 16), then padding.

    At its last step the reverse direction has seen x_2 alone: r 16 + x_2 = 8, and in the end
    r³ 16 + Σ rᵗ x_t = 2. The forward one has seen everything: w³ 8 + Σ w^(2-t) x_t = 6.25.
    """
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, bidirectional=True, outputs="last")
    p = {name: np.ones(shape) for name, shape in spec.parameter_shapes().items()}
    p |= {"weight_hh_l0": np.full((1, 1), 0.5), "weight_hh_l0_reverse": np.full((1, 1), 0.25)}
    x, h0 = np.array([1.0, 2.0, 4.0, np.nan]).reshape(4, 1, 1), np.array([8.0, 16.0])
    ends: tuple[tuple[Outputs, list[float], list[float], list[float]], ...] = (
        ("last", [6.25, 8.0], [0.25, 0.5, 11.0, 0.0], [0.125, 2.5]),
        ("final", [6.25, 2.0], [10.25, 3.0, 1.625, 0.0], [0.125, 0.15625]),
    )
    for outputs, y, dx, dh0 in ends:
        spec = replace(spec, outputs=outputs)
        output, _, tape = forward(spec, p, x, h0.reshape(2, 1, 1), np.array([3]))
        np.testing.assert_array_equal(output.ravel(), y)
        got = backward(tape, np.array([[[1.0, 10.0]]]), np.zeros((2, 1, 1)))
        np.testing.assert_array_equal(got["x"].ravel(), dx)
        np.testing.assert_array_equal(got["h0"].ravel(), dh0)


@pytest.mark.parametrize("outputs", ["last", "final"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_not_a_bit_of_the_padding_matters(spec: RNNSpec, outputs: Outputs) -> None:
    """0, NaN, inf or the largest number: the same bits; dx is exactly 0 there."""
    spec = replace(spec, outputs=outputs)
    arrays = draw(spec)
    padding = np.arange(T)[:, None] >= LENGTHS
    found: list[dict[str, Array]] = []
    for value in (0.0, np.nan, -np.inf, np.finfo(np.float64).max):
        arrays["x"][padding] = value
        arrays["dropout_masks"][:, padding] = value
        if outputs == "last":
            arrays["d_output"][:, ~HAS_STEPS] = value
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            found.append(results(spec, arrays, LENGTHS))
        assert not found[-1]["x"][padding].any()
        for name, array in found[0].items():
            np.testing.assert_array_equal(found[-1][name], array, err_msg=name)
            assert np.isfinite(array).all()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_last_does_not_read_the_state_of_a_row_without_steps(spec: RNNSpec) -> None:
    """NaN in its h0 arrives in its h_n and nowhere else: the same bits, for the readout too."""
    spec = replace(spec, outputs="last")
    arrays = draw(spec)
    expected = results(spec, arrays, LENGTHS)
    arrays["h0"][:, ~HAS_STEPS] = expected["h_n"][:, ~HAS_STEPS] = np.nan
    for name, array in results(spec, arrays, LENGTHS).items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("outputs", ["last", "final"])
@pytest.mark.parametrize("readout", [None, 2])
def test_no_steps_at_all(readout: int | None, outputs: Outputs, batch: int) -> None:
    """T = 0: "last" is 0 and gives nothing back, "final" is made of h0; each in memory of its own."""
    spec = RNNSpec(0, 3, 2, bidirectional=True, output_size=readout, outputs=outputs)
    p = {name: np.ones(shape) for name, shape in spec.parameter_shapes().items()}
    h0 = np.ones((4, batch, 3))
    output, h_n, tape = forward(spec, p, np.zeros((0, batch, 0)), h0)
    shape, y = (1, batch, spec.output_features), 0.0
    if outputs == "final":
        y = 7.0 if readout else 1.0  # six states and the bias
    np.testing.assert_array_equal(output, np.full(shape, y))
    output[:] = np.nan
    np.testing.assert_array_equal(h_n, h0)
    got = backward(tape, np.ones(shape), np.full_like(h_n, 7.0))
    through = 0.0 if outputs == "last" else float(readout or 1)
    expected = np.full_like(h0, 7.0)
    expected[2:] += through
    np.testing.assert_array_equal(got["h0"], expected)
    assert got["x"].shape == (0, batch, 0)
    for name in p:
        touched = outputs == "final" and batch > 0 and name in ("weight_ho", "bias_o")
        assert got[name].any() == touched, name
