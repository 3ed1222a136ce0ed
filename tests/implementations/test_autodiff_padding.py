"""Rows of different lengths: what lies in the padding must influence nothing, in any bit."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import Tensor, backward, forward, gradient, network
from rnncheck.spec import RNNSpec

Array = npt.NDArray[np.floating]
Lengths = npt.NDArray[np.integer]

T, LENGTHS = 4, np.array([3, 0, 4, 1])
B = len(LENGTHS)
PADDING = np.arange(T)[:, None] >= LENGTHS
SPECS = [
    RNNSpec(2, 3),
    RNNSpec(2, 3, 2, "relu", False, True, output_size=2, readout="softmax", dropout=0.5),
    RNNSpec(2, 3, 3, "sigmoid", output_size=1, readout="sigmoid", dropout=0.5),
    RNNSpec(2, 3, 2, "identity", bidirectional=True, dropout=0.5),
    RNNSpec(2, 3, 1, bidirectional=True, output_size=3),
]
SPECS += [RNNSpec(2, 3, output_size=2, readout="softmax", truncation=k) for k in (0, 1, 2)]


def draw(spec: RNNSpec) -> tuple[dict[str, Array], dict[str, Array]]:
    """Random parameters; and the other arrays, with masks of 0 or 2."""
    rng = np.random.default_rng(0)
    parameters: dict[str, Array] = {
        n: 0.5 * rng.standard_normal(s) for n, s in spec.parameter_shapes().items()
    }
    rest: dict[str, Array] = {
        n: 0.5 * rng.standard_normal(s) for n, s in spec.array_shapes(T, B).items()
    }
    rest["dropout_masks"] = 2.0 * (rest["dropout_masks"] > 0)
    return parameters, rest


def results(
    spec: RNNSpec, parameters: dict[str, Array], rest: dict[str, Array], lengths: Lengths | None
) -> dict[str, Array]:
    """Output, h_n and every gradient, under their names."""
    output, h_n, tape = forward(
        spec, parameters, rest["x"], rest["h0"], lengths, rest["dropout_masks"]
    )
    return {"output": output, "h_n": h_n} | backward(tape, rest["d_output"], rest["d_h_n"])


def fill(rest: dict[str, Array], value: float) -> dict[str, Array]:
    """The same arrays, with the value in the padding of x, d_output and the dropout masks."""
    rest = {name: array.copy() for name, array in rest.items()}
    for name in ("x", "d_output"):
        rest[name][PADDING] = value
    rest["dropout_masks"][:, PADDING] = value
    return rest


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_not_a_bit_of_the_padding_matters(spec: RNNSpec) -> None:
    """0, NaN, inf or the largest number: the same bits; output and dx are exactly 0 there."""
    parameters, rest = draw(spec)
    expected = results(spec, parameters, fill(rest, 0.0), LENGTHS)
    for value in (np.nan, -np.inf, np.finfo(np.float64).max):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            got = results(spec, parameters, fill(rest, value), LENGTHS)
        for name, array in expected.items():
            np.testing.assert_array_equal(got[name], array, err_msg=name)
            assert np.isfinite(array).all()
        assert not got["output"][PADDING].any()
        assert not got["x"][PADDING].any()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_row_is_what_it_is_alone_without_padding(spec: RNNSpec) -> None:
    """Row b's results are those of a run on x[:n_b, b]; the parameters' gradients add up.

    The same sums, but BLAS may take another order for another batch: sums of fewer than 100
    terms below 10, off by an ulp each.
    """
    parameters, rest = draw(spec)
    together = results(spec, parameters, rest, LENGTHS)
    total = {name: np.zeros(shape) for name, shape in spec.parameter_shapes().items()}
    atol = 1000 * np.finfo(np.float64).eps
    for b, n in enumerate(LENGTHS):
        own = {k: v[:n, b : b + 1] for k, v in rest.items() if k in ("x", "d_output")}
        own |= {k: v[:, b : b + 1] for k, v in rest.items() if k in ("h0", "d_h_n")}
        own["dropout_masks"] = rest["dropout_masks"][:, :n, b : b + 1]
        alone = results(spec, parameters, own, None)
        for name, axis_length in (("output", n), ("x", n), ("h_n", None), ("h0", None)):
            row = together[name][:axis_length, b : b + 1]
            np.testing.assert_allclose(row, alone[name], rtol=0, atol=atol, err_msg=name)
        for name in total:
            total[name] += alone[name]
    for name, array in total.items():
        np.testing.assert_allclose(together[name], array, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_lengths_of_T_are_no_lengths(spec: RNNSpec) -> None:
    """lengths = (T, ..., T) and None give the same bits."""
    parameters, rest = draw(spec)
    expected = results(spec, parameters, rest, None)
    for name, array in results(spec, parameters, rest, np.full(B, T)).items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_row_without_steps_passes_its_state_through_even_beside_nan(spec: RNNSpec) -> None:
    """n_b = 0: h_n = h0 and dh0 = d_h_n to the bit, though every parameter be NaN."""
    parameters, rest = draw(spec)
    parameters = {name: np.full_like(array, np.nan) for name, array in parameters.items()}
    got = results(spec, parameters, fill(rest, np.nan), LENGTHS)
    empty = int(np.flatnonzero(LENGTHS == 0)[0])
    np.testing.assert_array_equal(got["h_n"][:, empty], rest["h0"][:, empty])
    np.testing.assert_array_equal(got["h0"][:, empty], rest["d_h_n"][:, empty])
    assert not got["x"][PADDING].any()
    assert not got["output"][PADDING].any()


def test_an_overflow_in_the_last_step_does_not_run_on_in_the_padding() -> None:
    """Identity, W_hh = 2: row 0's only step makes h = inf, and nothing computes with it again."""
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False)
    p = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.full((1, 1), 2.0)}
    x = np.array([[1.0, 1.0], [np.nan, 1.0]])[..., None]
    h0 = np.array([[[np.finfo(np.float64).max], [0.0]]])
    with np.errstate(over="ignore", invalid="raise"):
        _, h_n, tape = forward(spec, p, x, h0, np.array([1, 2]))
    np.testing.assert_array_equal(h_n.ravel(), [np.inf, 3.0])
    d_output = np.array([[0.0, 0.0], [np.nan, 1.0]])[..., None]
    got = backward(tape, d_output, np.array([[[0.0], [1.0]]]))
    assert got["weight_hh_l0"] == 2.0
    np.testing.assert_array_equal(got["h0"].ravel(), [0.0, 8.0])


def test_the_reverse_direction_starts_at_the_last_valid_step() -> None:
    """Scalar, identity, w = 1/2: from h0 = 8 at n-1 down to 0, h_n = 8 wⁿ + Σ_t wᵗ x_t."""
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, bidirectional=True)
    p = {name: np.ones(shape) for name, shape in spec.parameter_shapes().items()}
    p["weight_hh_l0_reverse"] = np.full((1, 1), 0.5)
    x = np.array([1.0, -4.0, 16.0, np.nan])
    output, h_n, tape = forward(spec, p, x.reshape(4, 1, 1), np.full((2, 1, 1), 8.0), np.array([3]))
    np.testing.assert_array_equal(output[:, 0, 1], [4.0, 6.0, 20.0, 0.0])
    np.testing.assert_array_equal(h_n.ravel(), [8.0 + 1 - 4 + 16, 4.0])
    got = backward(tape, np.zeros((4, 1, 2)), np.array([0.0, 1.0]).reshape(2, 1, 1))
    np.testing.assert_array_equal(got["x"].ravel(), [1.0, 0.5, 0.25, 0.0])
    np.testing.assert_array_equal(got["h0"].ravel(), [0.0, 0.125])


def test_second_derivatives_stay_clear_of_the_padding_too() -> None:
    """The Hessian-vector product has the same bits for 0 and for NaN in the padding."""
    spec = RNNSpec(2, 2, 2, bidirectional=True, output_size=2, readout="softmax")
    parameters, rest = draw(spec)
    products = []
    for value in (0.0, np.nan):
        filled = fill(rest, value)
        leaves = {name: Tensor(array) for name, array in parameters.items()}
        leaves |= {"x": Tensor(filled["x"]), "h0": Tensor(filled["h0"])}
        inputs = list(leaves.values())
        output, _ = network(spec, leaves, leaves["x"], leaves["h0"], LENGTHS)
        first = gradient(output, inputs, filled["d_output"], create_graph=True)
        slope = sum((g.sum() for g in first[:-2]), start=first[-1].sum())
        products.append([g.value for g in gradient(slope, inputs)])
    for zero, nan in itertools.zip_longest(*products):
        assert zero.any()
        np.testing.assert_array_equal(zero, nan)
