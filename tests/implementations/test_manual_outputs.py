"""Many to one: the "last" and the "final" output against all outputs, and closed forms.

Where every number is a small dyadic fraction, floating point makes no error and `==` is meant.
"""

from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, forward
from rnncheck.spec import RNNSpec

Array = np.ndarray
T, B = 5, 4
LENGTHS = np.array([3, 5, 0, 1])
SPECS = [
    RNNSpec(2, 3),
    RNNSpec(2, 3, truncation=1, output_size=2, readout="sigmoid"),
    RNNSpec(2, 3, 2, output_size=2, readout="softmax"),
    RNNSpec(2, 3, 3, "relu", dropout=0.5),
    RNNSpec(2, 3, 1, "sigmoid", bidirectional=True, output_size=2),
    RNNSpec(2, 3, 2, "tanh", False, True),
]


def draw(spec: RNNSpec, b: int = B) -> dict[str, Array]:
    """Parameters, x, h0, dropout_masks, d_output and d_h_n."""
    rng = np.random.default_rng(9)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, b)
    drawn = {name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}
    drawn["dropout_masks"] = 2.0 * (drawn["dropout_masks"] > 0)
    return drawn


def run(spec: RNNSpec, a: dict[str, Array], lengths: Array | None) -> dict[str, Array]:
    """output, h_n and all gradients."""
    output, h_n, tape = forward(spec, a, a["x"], a["h0"], lengths, a["dropout_masks"])
    gradients = backward(tape, a["d_output"], a["d_h_n"])
    return {"output": output, "h_n": h_n} | {"d_" + name: g for name, g in gradients.items()}


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_last_is_a_slice_of_all(spec):
    """output_{n-1}, and the gradients of a d_output that is 0 at all other steps."""
    spec = replace(spec, outputs="last")
    a = draw(spec)
    found = run(spec, a, LENGTHS)
    d_output = np.zeros((T, B, spec.output_features))
    for b, n in enumerate(LENGTHS):
        d_output[n - 1 : n, b] = a["d_output"][0, b]  # nowhere, where n = 0
    expected = run(replace(spec, outputs="all"), a | {"d_output": d_output}, LENGTHS)
    for b, n in enumerate(LENGTHS):
        last = expected["output"][n - 1, b] if n else np.zeros(spec.output_features)
        assert (found["output"][0, b] == last).all()
    # A product of matrices may be summed in another order for another number of steps: d_W_ho and
    # d_b_o add up T·B terms, of which B-1 are not 0, of size |d_q||top| <= 2 at most (softmax).
    # Either sum is rounded T·B times at most, by eps/2 of the sum of the sizes.
    tolerance = T * B * 2 * (B - 1) * np.finfo(float).eps
    for name in ("h_n", *(name for name in expected if name.startswith("d_"))):
        allowed = tolerance if name in ("d_weight_ho", "d_bias_o") else 0.0
        assert np.abs(found[name] - expected[name]).max() <= allowed, name
    assert len(found["output"]) == 1


@pytest.mark.parametrize("spec", SPECS[:4], ids=range(4))
def test_final_is_last_for_one_direction(spec):
    """In every row that has steps, with the same gradients; the row that has none is left out.

    d_output meets d_h_n in h_n there and in h_{n-1} here, the same sum of two numbers.
    """
    last = replace(spec, outputs="last")
    a, lengths = draw(last, 3), LENGTHS[LENGTHS > 0]
    expected = run(last, a, lengths)
    found = run(replace(spec, outputs="final"), a, lengths)
    for name, values in expected.items():
        assert (found[name] == values).all(), name


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_final_reads_the_final_states(spec):
    """Without a readout it is h_n's last D rows, and d_output a part of d_h_n, in every row."""
    spec = replace(spec, outputs="final", output_size=None, readout="identity")
    a, D = draw(spec), spec.num_directions
    found = run(spec, a, LENGTHS)
    assert (found["output"][0] == np.concatenate(found["h_n"][-D:], axis=-1)).all()
    merged = {"d_output": np.zeros((1, B, 3 * D)), "d_h_n": a["d_h_n"].copy()}
    for d in range(D):
        merged["d_h_n"][d - D] += a["d_output"][0, :, 3 * d : 3 * d + 3]
    for name, values in run(spec, a | merged, LENGTHS).items():
        assert name == "output" or (found[name] == values).all(), name


def test_a_row_without_steps():
    """Its final output is W_ho h0 + b_o; its last output is 0 and d_output is not looked at."""
    spec = RNNSpec(2, 1, 1, "tanh", True, True, 1, outputs="final")
    a = draw(spec, 1) | {"h0": np.array([[[2.0]], [[3.0]]]), "d_h_n": np.array([[[5.0]], [[7.0]]])}
    a |= {"weight_ho": np.array([[0.5, -4.0]]), "bias_o": np.array([0.25])}
    a["d_output"] = np.full((1, 1, 1), 2.0)
    found = run(spec, a, np.array([0]))
    assert found["output"].tolist() == [[[0.5 * 2 - 4 * 3 + 0.25]]]
    assert found["h_n"].ravel().tolist() == [2.0, 3.0]
    assert found["d_weight_ho"].tolist() == [[4.0, 6.0]]
    assert found["d_bias_o"].tolist() == [2.0]
    assert found["d_h0"].ravel().tolist() == [5.0 + 2 * 0.5, 7.0 - 2 * 4.0]
    assert (found["d_x"] == 0).all()

    a["d_output"] = np.full((1, 1, 1), np.nan)
    found = run(replace(spec, outputs="last"), a, np.array([0]))
    assert found["output"].tolist() == [[[0.0]]]
    assert found["d_h0"].ravel().tolist() == [5.0, 7.0]
    assert all((found["d_" + name] == 0).all() for name in [*spec.parameter_shapes(), "x"])


@pytest.mark.parametrize(
    ("outputs", "value", "d_x", "d_h0"),
    [
        ("last", 12 + 16 / 4, [0.0, 0.0, 3.0, 0.0], 1 / 4),
        ("final", 3 + (-6 + (12 + 16 / 4) / 4) / 4, [3.0, 3 / 4, 3 / 16, 0.0], 1 / 64),
    ],
)
def test_two_directions_end_at_two_ends(outputs, value, d_x, d_h0):
    """n = 3 of T = 4, going in reverse r_t = 3 x_t + r_{t+1} / 4: last reads r_2, final r_0."""
    spec = RNNSpec(1, 1, 1, "identity", False, True, outputs=outputs)
    p = {"weight_ih_l0": np.full((1, 1), 0.5), "weight_hh_l0": np.full((1, 1), -2.0)}
    p |= {"weight_ih_l0_reverse": np.full((1, 1), 3.0)}
    p |= {"weight_hh_l0_reverse": np.full((1, 1), 0.25)}
    x, h0 = np.array([1.0, -2.0, 4.0, np.nan]), np.array([8.0, 16.0])
    output, _, tape = forward(spec, p, x.reshape(4, 1, 1), h0.reshape(2, 1, 1), np.array([3]))
    h_2 = 0.5 * 4 - 2 * (0.5 * -2 - 2 * (0.5 * 1 - 2 * 8))
    assert output.ravel().tolist() == [h_2, value]
    found = backward(tape, np.array([[[0.0, 1.0]]]), np.zeros((2, 1, 1)))
    assert found["x"].ravel().tolist() == d_x
    assert found["h0"].ravel().tolist() == [0.0, d_h0]


@pytest.mark.parametrize("outputs", ["last", "final"])
@pytest.mark.parametrize("k", [None, 0, 1, 2, 3])
def test_one_output_goes_back_k_links(k, outputs):
    """h_t = V x_t + W h_{t-1}, n = 3: δ_s = W^{2-s} (d_output + d_h_n), and 0 for 2-s > k."""
    V, W = 0.5, -2.0
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, truncation=k, outputs=outputs)
    p = {"weight_ih_l0": np.full((1, 1), V), "weight_hh_l0": np.full((1, 1), W)}
    x = np.array([1.0, 0.5, -1.0, np.nan]).reshape(4, 1, 1)
    output, h_n, tape = forward(spec, p, x, np.full((1, 1, 1), 0.25), np.array([3]))
    assert output.item() == h_n.item() == V * -1 + W * (V * 0.5 + W * (V * 1 + W * 0.25))
    found = backward(tape, np.full((1, 1, 1), 3.0), np.full((1, 1, 1), 4.0))
    delta = [7 * W ** (2 - s) if k is None or 2 - s <= k else 0.0 for s in range(3)]
    assert found["x"].ravel().tolist() == [*(V * part for part in delta), 0.0]
    assert found["h0"].item() == W * delta[0]
    assert found["weight_ih_l0"].item() == delta[0] + delta[1] * 0.5 - delta[2]
