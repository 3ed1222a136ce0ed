"""The scalar network's outputs, where they are known in closed form.

The numbers are mostly dyadic, and the sums then exact. Where a tanh or the like rounds, test and
implementation round alike, in the same order.
"""

import math
from typing import Any

import pytest

from rnncheck.implementations.scalar import forward
from rnncheck.spec import Nonlinearity, Readout, RNNSpec

NAN = math.nan
U = 2.0**-53
Parameters = dict[str, Any]


def scalar_cell(suffix: str, w: float, u: float, b: float = 0.0) -> Parameters:
    """`h_t = φ(w x_t + u h_{t-1} + b)`, b in two halves."""
    return {
        f"weight_ih_{suffix}": [[w]],
        f"weight_hh_{suffix}": [[u]],
        f"bias_ih_{suffix}": [b / 2],
        f"bias_hh_{suffix}": [b / 2],
    }


def column(*numbers: float) -> list[list[list[float]]]:
    """(T, 1, 1): these numbers, one a step."""
    return [[[number]] for number in numbers]


def test_one_step_is_the_neuron() -> None:
    parameters: Parameters = {
        "weight_ih_l0": [[1.0, 2.0], [3.0, 4.0]],
        "weight_hh_l0": [[0.5, -0.5], [0.25, 2.0]],
        "bias_ih_l0": [0.125, -0.25],
        "bias_hh_l0": [1.0, 2.0],
    }
    a = [0.5 + 2.0 + 0.125 + 1.0 - 1.5 + 1.0, 1.5 + 4.0 - 0.25 + 0.5 + 6.0 + 2.0]
    states: dict[Nonlinearity, list[float]] = {
        "identity": a,
        "relu": a,
        "tanh": [math.tanh(a_j) for a_j in a],
        "sigmoid": [1 / (1 + math.exp(-a_j)) for a_j in a],
    }
    for nonlinearity, expected in states.items():
        spec = RNNSpec(2, 2, nonlinearity=nonlinearity)
        output, h_n, _ = forward(spec, parameters, [[[0.5, 1.0]]], [[[2.0, 3.0]]])
        assert output == [[expected]]
        assert h_n == [[expected]]


def test_identity_is_a_geometric_sum() -> None:
    # h_t = u^{t+1} h0 + Σ_s u^s (w + b) = 4/2^{t+1} + 3 (2 - 2^-t), where x = 1, u = 1/2
    spec = RNNSpec(1, 1, nonlinearity="identity")
    output, h_n, _ = forward(spec, scalar_cell("l0", 2.0, 0.5, 1.0), column(*[1.0] * 9), [[[4.0]]])
    assert output == column(*[4.0 / 2 ** (t + 1) + 3.0 * (2.0 - 2.0**-t) for t in range(9)])
    assert h_n == [output[-1]]


def test_without_recurrent_weights_every_step_is_a_feed_forward_layer() -> None:
    xs = [0.3, -1.2, 0.7]
    output, _, _ = forward(RNNSpec(1, 1), scalar_cell("l0", 0.9, 0.0), column(*xs), [[[5.0]]])
    assert output == column(*[math.tanh(0.9 * x) for x in xs])


def test_relu_cuts_below_0_and_the_state_restarts_from_0() -> None:
    spec = RNNSpec(1, 1, nonlinearity="relu")
    output, _, _ = forward(spec, scalar_cell("l0", 1.0, 1.0), column(1.0, -3.0, 2.0), [[[0.0]]])
    assert output == column(1.0, 0.0, 2.0)


def test_without_bias_there_are_no_bias_parameters_and_0_maps_to_0() -> None:
    spec = RNNSpec(1, 1, bias=False)
    parameters: Parameters = {"weight_ih_l0": [[0.5]], "weight_hh_l0": [[0.25]]}
    output, _, _ = forward(spec, parameters, column(0.0, 2.0), [[[0.0]]])
    assert output == column(0.0, math.tanh(1.0))


def test_reverse_runs_from_the_last_step_and_stands_at_its_own_steps() -> None:
    spec = RNNSpec(1, 1, nonlinearity="identity", bidirectional=True)
    parameters = scalar_cell("l0", 1.0, 0.5) | scalar_cell("l0_reverse", 1.0, 0.25)
    output, h_n, _ = forward(spec, parameters, column(1.0, 2.0, 4.0), [[[8.0]], [[16.0]]])
    ahead = [5.0, 4.5, 6.25]  # x_t + h/2, from 8
    back = [1.0 + 4.0 / 4, 2.0 + 8.0 / 4, 4.0 + 16.0 / 4]  # x_t + h/4, from 16, right to left
    assert output == [[[f, r]] for f, r in zip(ahead, back, strict=True)]
    assert h_n == [[[6.25]], [[2.0]]]


def two_layers(first: float, second: float) -> Parameters:
    """Two layers, both directions, with no recurrence: layer 2 adds up its two inputs."""
    parameters: Parameters = {}
    for suffix, weights in (("l0", [first]), ("l0_reverse", [first]), ("l1", [second] * 2)):
        parameters |= scalar_cell(suffix, 0.0, 0.0) | {f"weight_ih_{suffix}": [weights]}
    return parameters | {
        name.replace("l1", "l1_reverse"): array
        for name, array in parameters.items()
        if name.endswith("l1")
    }


def test_a_layer_reads_both_directions_below_and_dropout_multiplies_them() -> None:
    spec = RNNSpec(1, 1, num_layers=2, nonlinearity="identity", bidirectional=True)
    parameters, x, h0 = two_layers(3.0, 5.0), column(1.0, 2.0), [[[0.0]]] * 4
    plain, h_n, _ = forward(spec, parameters, x, h0)
    assert plain == [[[30.0, 30.0]], [[60.0, 60.0]]]
    assert h_n == [[[6.0]], [[3.0]], [[60.0]], [[30.0]]]  # each direction's last step
    masks = [[[[2.0, 0.0]], [[0.0, 0.5]]]]  # (L-1, T, B, D·H)
    dropped, h_n, _ = forward(spec, parameters, x, h0, dropout_masks=masks)
    assert dropped == [[[30.0, 30.0]], [[15.0, 15.0]]]
    assert h_n == [[[6.0]], [[3.0]], [[15.0]], [[30.0]]]


def test_three_layers_multiply_each_with_its_mask() -> None:
    spec = RNNSpec(1, 1, num_layers=3, nonlinearity="identity")
    cells = (scalar_cell(f"l{layer}", w, 0.0) for layer, w in enumerate([2.0, 3.0, 5.0]))
    parameters = {name: array for cell in cells for name, array in cell.items()}
    output, h_n, _ = forward(spec, parameters, column(1.0), [[[0.0]]] * 3)
    assert output == column(30.0)
    assert h_n == column(2.0, 6.0, 30.0)
    masks = [[[[2.0]]], [[[0.5]]]]
    _, h_n, _ = forward(spec, parameters, column(1.0), [[[0.0]]] * 3, None, masks)
    assert h_n == column(2.0, 12.0, 30.0)


@pytest.mark.parametrize("bias_o", [[1.0, -1.0], None])
def test_readouts(bias_o: list[float] | None) -> None:
    weights: Parameters = {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.0]]}
    weights |= {"weight_ho": [[2.0], [4.0]]}
    if bias_o is not None:
        weights["bias_o"] = bias_o

    def outputs(readout: Readout) -> list[float]:
        spec = RNNSpec(
            1, 1, nonlinearity="identity", bias=False, output_size=2,
            readout=readout, readout_bias=bias_o is not None,
        )  # fmt: skip
        output, h_n, _ = forward(spec, weights, column(0.5), [[[0.0]]])
        assert h_n == column(0.5)  # the readout is no part of the state
        return output[0][0]

    a = [2.0, 1.0] if bias_o else [1.0, 2.0]
    assert outputs("identity") == a
    assert outputs("sigmoid") == [1 / (1 + math.exp(-a_i)) for a_i in a]
    # softmax: at most 4 roundings on either side
    expected = [math.exp(a_i) / (math.exp(1.0) + math.exp(2.0)) for a_i in a]
    assert outputs("softmax") == pytest.approx(expected, rel=8 * U)


def test_softmax_of_huge_numbers() -> None:
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, output_size=3, readout="softmax")
    parameters: Parameters = {
        "weight_ih_l0": [[1.0]],
        "weight_hh_l0": [[0.0]],
        "weight_ho": [[1e4], [1e4], [-1e4]],
        "bias_o": [0.0, 0.0, 0.0],
    }
    output, _, _ = forward(spec, parameters, column(1.0), [[[0.0]]])
    assert output == [[[0.5, 0.5, 0.0]]]


def test_padding_is_0_and_is_never_read() -> None:
    spec = RNNSpec(1, 1, nonlinearity="identity", bidirectional=True)
    parameters = scalar_cell("l0", 1.0, 1.0) | scalar_cell("l0_reverse", 1.0, 1.0)
    x = [[[1.0], [1.0], [NAN]], [[2.0], [NAN], [math.inf]]]  # lengths 2, 1, 0
    h0 = [[[10.0], [20.0], [30.0]], [[40.0], [50.0], [60.0]]]
    output, h_n, _ = forward(spec, parameters, x, h0, [2, 1, 0])
    assert output == [
        [[11.0, 43.0], [21.0, 51.0], [0.0, 0.0]],
        [[13.0, 42.0], [0.0, 0.0], [0.0, 0.0]],
    ]
    assert h_n == [[[13.0], [21.0], [30.0]], [[43.0], [51.0], [60.0]]]


def test_padding_is_0_with_a_readout_and_masks_there_are_not_read() -> None:
    spec = RNNSpec(1, 1, num_layers=2, nonlinearity="identity", output_size=1, readout="sigmoid")
    parameters = scalar_cell("l0", 1.0, 0.0) | scalar_cell("l1", 1.0, 0.0)
    parameters |= {"weight_ho": [[1.0]], "bias_o": [0.0]}
    masks = [[[[0.0]], [[NAN]]]]
    output, h_n, _ = forward(spec, parameters, column(7.0, NAN), column(1.0, 2.0), [1], masks)
    assert output == column(0.5, 0.0)
    assert h_n == column(7.0, 0.0)


@pytest.mark.parametrize(
    ("T", "B", "input_size"), [(0, 2, 1), (2, 0, 1), (2, 2, 0), (0, 0, 0), (1, 1, 0)]
)
@pytest.mark.parametrize("output_size", [None, 1])
def test_empty_sizes(T: int, B: int, input_size: int, output_size: int | None) -> None:
    spec = RNNSpec(input_size, 1, nonlinearity="identity", output_size=output_size)
    parameters = scalar_cell("l0", 0.0, 2.0) | {"weight_ih_l0": [[1.0] * input_size]}
    if output_size:
        parameters |= {"weight_ho": [[1.0]], "bias_o": [0.0]}
    x = [[[0.0] * input_size for _ in range(B)] for _ in range(T)]
    output, h_n, _ = forward(spec, parameters, x, [[[3.0] for _ in range(B)]])
    assert output == [[[3.0 * 2 ** (t + 1)] for _ in range(B)] for t in range(T)]
    assert h_n == [[[3.0 * 2**T] for _ in range(B)]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": column(1.0)[0]}, r"x has shape \(1, 1\); it must have shape \(1, 1, 1\)"),
        ({"x": [[[1.0, 2.0]]]}, r"x has shape \(1, 1, 2\); it must have shape \(1, 1, 1\)"),
        ({"x": [[[1.0]], [[1.0, 2.0]]]}, "x is ragged"),
        ({"h0": column(1.0, 2.0)}, r"h0 has shape \(2, 1, 1\)"),
        ({"h0": [1.0]}, r"h0 has shape \(1,\)"),
        ({"lengths": [1, 1]}, r"lengths has shape \(2,\); it must have shape \(1,\)"),
        ({"lengths": [2]}, r"lengths\[0\] is 2; it must be within 0..1"),
        ({"lengths": [-1]}, r"lengths\[0\] is -1"),
        ({"dropout_masks": [column(1.0)]}, r"dropout_masks has shape \(1, 1, 1, 1\)"),
        ({"parameters": {}}, "missing parameters: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh"),
        (
            {"parameters": scalar_cell("l0", 1.0, 1.0) | {"w": [0.0]}},
            "unknown parameters: w$",
        ),
        (
            {"parameters": scalar_cell("l0", 1.0, 1.0) | {"bias_hh_l0": [0.0, 1.0]}},
            r"bias_hh_l0 has shape \(2,\); it must have shape \(1,\)",
        ),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "parameters": scalar_cell("l0", 1.0, 1.0),
        "x": column(1.0),
        "h0": column(1.0),
    }
    forward(RNNSpec(1, 1), **arguments)
    with pytest.raises(ValueError, match=message):
        forward(RNNSpec(1, 1), **(arguments | change))
