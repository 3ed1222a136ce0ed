"""Generated steps: closed forms, and the feedback taken apart by teacher forcing.

Every number is a small dyadic fraction, floating point makes no error, and `==` is meant.
"""

from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, forward
from rnncheck.spec import RNNSpec

Array = np.ndarray
V, W = 0.5, -2.0  # scalar weight_ih and weight_hh
T, B = 3, 2
SPECS = [
    RNNSpec(2, 2, 1, "relu", generated=3),
    RNNSpec(2, 2, 2, "identity", dropout=0.5, generated=2),
    RNNSpec(2, 3, 1, "identity", False, False, 2, generated=3),
    RNNSpec(2, 3, 3, "relu", True, False, 2, dropout=0.5, generated=2),
]


def column(*values: float) -> Array:
    """The values as (T, 1, 1)."""
    return np.array(values, dtype=np.float64).reshape(-1, 1, 1)


def draw(spec: RNNSpec, T: int, B: int) -> dict[str, Array]:
    """Parameters, x, h0, dropout_masks, d_output and d_h_n: whole numbers in [-1, 2]."""
    rng = np.random.default_rng(2)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    drawn = {name: rng.integers(-1, 3, size=shape).astype(float) for name, shape in shapes.items()}
    drawn["dropout_masks"] = 2 * (drawn["dropout_masks"] > 0).astype(float)
    return drawn


def assert_equal_and_exact(one: dict[str, Array], other: dict[str, Array]) -> None:
    """The same numbers under the same names, so small that no sum or product was rounded."""
    assert list(one) == list(other)
    for name, values in one.items():
        assert values.shape == other[name].shape, name
        assert (values == other[name]).all(), name
        assert np.abs(values).max(initial=0) < 2**53, "not exact any more"


@pytest.mark.parametrize("G", [0, 1, 2, 5])
def test_a_linear_cell_is_multiplied_by_the_sum_of_its_weights(G):
    """s = V x + W h0, then h_g = u^g s with u = V + W, as x_g = h_{g-1}; and its derivatives.

    ∂h_g/∂s = u^g, ∂h_g/∂u = g u^{g-1} s, the latter for either weight.
    """
    x, h0, u = 3.0, 0.25, V + W
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, generated=G)
    p = {"weight_ih_l0": column(V)[0], "weight_hh_l0": column(W)[0]}
    output, h_n, tape = forward(spec, p, column(x), column(h0))
    s = V * x + W * h0
    assert output.ravel().tolist() == [u**g * s for g in range(G + 1)]
    assert h_n.item() == u**G * s

    d = [float(g + 1) for g in range(G + 1)]
    found = backward(tape, column(*d), column(4.0))
    d[-1] += 4.0
    d_s = sum(d[g] * u**g for g in range(G + 1))
    d_u = sum(d[g] * g * u ** (g - 1) * s for g in range(1, G + 1))
    assert {name: values.item() for name, values in found.items()} == {
        "weight_ih_l0": d_s * x + d_u,
        "weight_hh_l0": d_s * h0 + d_u,
        "x": d_s * V,
        "h0": d_s * W,
    }


def test_a_linear_readout_is_between_state_and_input():
    """y = U h, x_g = y_{g-1}: h_g = u^g s with u = V U + W, y_g = U u^g s."""
    U, x, h0, G = 3.0, 3.0, 0.25, 3
    u, s = V * U + W, V * x + W * h0
    spec = RNNSpec(1, 1, 1, "identity", False, False, 1, readout_bias=False, generated=G)
    p = {"weight_ih_l0": column(V)[0], "weight_hh_l0": column(W)[0], "weight_ho": column(U)[0]}
    output, h_n, tape = forward(spec, p, column(x), column(h0))
    assert output.ravel().tolist() == [U * u**g * s for g in range(G + 1)]
    assert h_n.item() == u**G * s
    # The loss is y_G: ∂/∂s = U u^G, ∂/∂u = U G u^{G-1} s; ∂u/∂(V, W, U) = (U, 1, V).
    found = backward(tape, column(0.0, 0.0, 0.0, 1.0), column(0.0))
    d_s, d_u = U * u**G, U * G * u ** (G - 1) * s
    assert {name: values.item() for name, values in found.items()} == {
        "weight_ih_l0": d_s * x + U * d_u,
        "weight_hh_l0": d_s * h0 + d_u,
        "weight_ho": u**G * s + V * d_u,
        "x": d_s * V,
        "h0": d_s * W,
    }


def test_a_dropped_step_forgets_what_was_fed_back():
    """Two layers, W_hh = 0: y_t = 4 m_t V x_t, hence y_g = 2 m_g y_{g-1}; a 0 ends it."""
    spec = RNNSpec(1, 1, 2, "identity", False, dropout=0.5, generated=3)
    p = {f"weight_hh_l{layer}": np.zeros((1, 1)) for layer in range(2)}
    p |= {"weight_ih_l0": np.full((1, 1), V), "weight_ih_l1": np.full((1, 1), 4.0)}
    masks = column(1.0, 2.0, 2.0, 0.0)[None]
    output, _, tape = forward(spec, p, column(5.0), np.zeros((2, 1, 1)), None, masks)
    assert output.ravel().tolist() == [10.0, 40.0, 160.0, 0.0]
    found = backward(tape, column(0.0, 0.0, 1.0, 1.0), np.zeros((2, 1, 1)))
    assert found["x"].item() == 32.0


@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
def test_a_cell_that_reads_itself_is_one_without_input(nonlinearity):
    """a_t = W_ih h_{t-1} + W_hh h_{t-1} + b: weight_hh = W_ih + W_hh and x = 0."""
    spec = RNNSpec(2, 2, 1, nonlinearity, generated=3)
    a = draw(spec, 1, B)
    output, h_n, tape = forward(spec, a, a["x"], a["h0"])
    first = replace(spec, generated=0)
    start = forward(first, a, a["x"], a["h0"])[2]
    merged = a | {"weight_hh_l0": a["weight_ih_l0"] + a["weight_hh_l0"]}
    rest, state, rest_tape = forward(first, merged, np.zeros((3, B, 2)), output[None, 0])
    assert (output[1:] == rest).all()
    assert (h_n == state).all()

    found = backward(tape, a["d_output"], a["d_h_n"])
    after = backward(rest_tape, a["d_output"][1:], a["d_h_n"])
    before = backward(start, a["d_output"][:1], after["h0"])
    expected = {
        name: before[name] + after["weight_hh_l0"] for name in ("weight_ih_l0", "weight_hh_l0")
    }
    expected |= {name: before[name] + after[name] for name in ("bias_ih_l0", "bias_hh_l0")}
    assert_equal_and_exact(found, expected | {"x": before["x"], "h0": before["h0"]})


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
@pytest.mark.parametrize("with_masks", [True, False])
@pytest.mark.parametrize(("t", "b"), [(T, B), (1, 1), (2, 0)])
def test_feedback_is_teacher_forcing_with_its_own_outputs(spec, with_masks, t, b):
    """The sequence extended by the outputs has the same values, h_n and, corrected, gradients.

    Its d_x_t at the generated steps is what the output of step t-1 is owed in addition. That
    changes d_x of the steps before; after G corrections every step has its due.
    """
    G, forced = spec.generated, replace(spec, generated=0)
    a = draw(spec, t, b)
    masks = a["dropout_masks"] if with_masks else None
    output, h_n, tape = forward(spec, a, a["x"], a["h0"], None, masks)
    assert output.shape == spec.array_shapes(t, b)["output"]
    extended = np.concatenate([a["x"], output[t - 1 : -1]])
    same_output, same_h_n, forced_tape = forward(forced, a, extended, a["h0"], None, masks)
    assert_equal_and_exact({"output": output, "h_n": h_n}, {"output": same_output, "h_n": same_h_n})

    found = backward(tape, a["d_output"], a["d_h_n"])
    expected = backward(forced_tape, a["d_output"], a["d_h_n"])
    for _ in range(G):
        d_output = a["d_output"].copy()
        d_output[t - 1 : -1] += expected["x"][t:]
        expected = backward(forced_tape, d_output, a["d_h_n"])
    assert_equal_and_exact(found, expected | {"x": expected["x"][:t]})
    uncorrected = backward(forced_tape, a["d_output"], a["d_h_n"])["x"][:t]
    assert b == 0 or (uncorrected != found["x"]).any(), "these numbers feed nothing back"


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_the_given_steps_do_not_see_the_generated_ones(spec):
    """Their outputs, and the gradients where only they are in the loss, are those of G = 0."""
    a, short = draw(spec, T, B), replace(spec, generated=0)
    given = {name: a[name] for name in ("x", "h0")}
    output, _, tape = forward(spec, a, **given, dropout_masks=a["dropout_masks"])
    expected, _, short_tape = forward(short, a, **given, dropout_masks=a["dropout_masks"][:, :T])
    assert (output[:T] == expected).all()
    a["d_output"][T:] = 0
    none = np.zeros_like(a["h0"])
    assert_equal_and_exact(
        backward(tape, a["d_output"], none), backward(short_tape, a["d_output"][:T], none)
    )
