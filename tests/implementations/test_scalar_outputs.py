"""The scalar network that puts out one step alone: `outputs` "last" and "final"."""

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from rnncheck.implementations.scalar import backward, forward
from rnncheck.implementations.scalar.nested import elements, full
from rnncheck.spec import Outputs, Readout, RNNSpec

NAN = math.nan
T, LENGTHS = 4, [4, 0, 1, 3]
B = len(LENGTHS)
Array = Any
"""Nested lists of numbers."""


def random_arrays(spec: RNNSpec) -> dict[str, Array]:
    """Every array of a case, uniform in ±1, by name; d_output has all T steps."""
    rng = random.Random(0)
    shapes = spec.parameter_shapes() | replace(spec, outputs="all").array_shapes(T, B)
    return {name: full(shape, lambda: rng.uniform(-1, 1)) for name, shape in shapes.items()}


def run(
    spec: RNNSpec, arrays: dict[str, Array], d_output: Array
) -> tuple[Array, Array, dict[str, Array]]:
    """Output, h_n and the gradient."""
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    output, h_n, tape = forward(spec, parameters, arrays["x"], arrays["h0"], LENGTHS)
    return output, h_n, backward(tape, d_output, arrays["d_h_n"])


def at_last_steps(spec: RNNSpec, d_output: Array) -> Array:
    """`d_output[0]` moved to each row's last valid step, as a cotangent of all steps."""
    d_all: Array = full((T, B, spec.output_features), float)
    for b, n in enumerate(LENGTHS):
        if n > 0:
            d_all[n - 1][b] = d_output[0][b]
    return d_all


# Compared two ways, these add up the same terms in the same order, besides zeros: exactly equal.
NETWORKS = [
    RNNSpec(2, 2),
    RNNSpec(2, 2, num_layers=2, bidirectional=True),
    RNNSpec(2, 2, output_size=3, readout="softmax"),
    RNNSpec(2, 2, num_layers=2, bidirectional=True, output_size=1, readout="sigmoid"),
    RNNSpec(2, 2, output_size=2, truncation=1),
    RNNSpec(2, 2, truncation=0),
]


@pytest.mark.parametrize("spec", NETWORKS)
def test_last_is_the_last_valid_step_of_all(spec: RNNSpec) -> None:
    arrays = random_arrays(spec)
    d_output = arrays["d_output"][:1]
    every, states, gradient = run(spec, arrays, at_last_steps(spec, d_output))
    last, h_n, found = run(replace(spec, outputs="last"), arrays, d_output)
    nothing = [0.0] * spec.output_features
    assert last == [[every[n - 1][b] if n else nothing for b, n in enumerate(LENGTHS)]]
    assert h_n == states
    assert found == gradient


@pytest.mark.parametrize("spec", [spec for spec in NETWORKS if not spec.bidirectional])
def test_final_is_last_in_one_direction_but_for_rows_without_steps(spec: RNNSpec) -> None:
    arrays = random_arrays(spec)
    empty = LENGTHS.index(0)
    d_output = arrays["d_output"][:1]
    d_output[0][empty] = [0.0] * spec.output_features
    last, h_n, gradient = run(replace(spec, outputs="last"), arrays, d_output)
    final, states, found = run(replace(spec, outputs="final"), arrays, d_output)
    assert final[0][empty] != last[0][empty]
    final[0][empty] = last[0][empty]
    assert (final, states, found) == (last, h_n, gradient)


@pytest.mark.parametrize("spec", [spec for spec in NETWORKS if spec.output_size is None])
def test_final_without_a_readout_is_the_last_layers_part_of_h_n(spec: RNNSpec) -> None:
    arrays = random_arrays(spec)
    arrays["d_h_n"] = full((spec.num_states, B, spec.hidden_size), float)
    H, D, d_output = spec.hidden_size, spec.num_directions, arrays["d_output"][:1]
    final, h_n, gradient = run(replace(spec, outputs="final"), arrays, d_output)
    assert final == [[[h_j for h in h_n[-D:] for h_j in h[b]] for b in range(B)]]
    for direction in range(D):
        columns = slice(direction * H, (direction + 1) * H)
        arrays["d_h_n"][direction - D] = [d[columns] for d in d_output[0]]
    assert run(spec, arrays, full((T, B, D * H), float))[2] == gradient


@pytest.mark.parametrize("truncation", [None, 0])
def test_final_of_no_steps_reads_h0(truncation: int | None) -> None:
    spec = RNNSpec(1, 2, output_size=1, outputs="final", truncation=truncation)
    parameters: dict[str, Array] = {
        name: full(shape, lambda: 1.0) for name, shape in spec.parameter_shapes().items()
    }
    parameters |= {"weight_ho": [[2.0, 4.0]], "bias_o": [0.5]}
    output, h_n, tape = forward(spec, parameters, [], [[[3.0, 5.0]]])
    assert output == [[[26.5]]]
    assert h_n == [[[3.0, 5.0]]]
    found = backward(tape, [[[8.0]]], [[[1.0, -1.0]]])
    expected = {"weight_ho": [[24.0, 40.0]], "bias_o": [8.0], "x": [], "h0": [[[17.0, 31.0]]]}
    assert {name: found[name] for name in expected} == expected
    assert not any(elements([found[name] for name in found if name not in expected]))


def test_final_of_both_directions_stands_at_opposite_ends() -> None:
    # forward h_t = x_t + h/2 from 8, reverse h_t = x_t + h/4 from 16
    parameters: dict[str, Array] = {}
    for suffix, u in (("l0", 0.5), ("l0_reverse", 0.25)):
        parameters |= {f"weight_ih_{suffix}": [[1.0]], f"weight_hh_{suffix}": [[u]]}
    x, h0 = [[[1.0]], [[2.0]], [[4.0]]], [[[8.0]], [[16.0]]]
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, bidirectional=True)
    assert forward(replace(spec, outputs="last"), parameters, x, h0)[0] == [[[6.25, 8.0]]]
    assert forward(replace(spec, outputs="final"), parameters, x, h0)[0] == [[[6.25, 2.0]]]


@pytest.mark.parametrize("outputs", ["last", "final"])
@pytest.mark.parametrize("k", range(5))
def test_truncation_keeps_the_lags_from_the_last_valid_step(outputs: Outputs, k: int) -> None:
    # h_3 = Σ_s u^{3-s} w x_s; the output and h_n together have the cotangent 1
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, truncation=k, outputs=outputs)
    parameters: dict[str, Array] = {"weight_ih_l0": [[2.0]], "weight_hh_l0": [[0.5]]}
    x = [[[1.0]]] * 4 + [[[NAN]]]
    tape = forward(spec, parameters, x, [[[8.0]]], [4])[2]
    found = backward(tape, [[[0.75]]], [[[0.25]]])
    kept = [0.5 ** (3 - s) if 3 - s <= k else 0.0 for s in range(4)]
    assert found["x"] == [*([[2.0 * factor]] for factor in kept), [[0.0]]]
    assert found["weight_ih_l0"] == [[sum(kept)]]
    assert found["h0"] == [[[0.0625 if k >= 3 else 0.0]]]


def test_a_cotangent_without_an_output_is_ignored() -> None:
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, outputs="last")
    parameters: dict[str, Array] = {"weight_ih_l0": [[2.0]], "weight_hh_l0": [[0.5]]}
    x = [[[NAN], [3.0]], [[NAN], [math.inf]]]
    output, h_n, tape = forward(spec, parameters, x, [[[4.0], [8.0]]], [0, 1])
    assert (output, h_n) == ([[[0.0], [10.0]]], [[[4.0], [10.0]]])
    assert backward(tape, [[[NAN], [1.0]]], [[[16.0], [0.0]]]) == {
        "weight_ih_l0": [[3.0]],
        "weight_hh_l0": [[8.0]],
        "x": [[[0.0], [2.0]], [[0.0], [0.0]]],
        "h0": [[[16.0], [0.5]]],
    }


@pytest.mark.parametrize("outputs", ["last", "final"])
@pytest.mark.parametrize("readout", [None, "softmax"])
@pytest.mark.parametrize(("steps", "rows"), [(0, 2), (2, 0), (0, 0)])
def test_empty_sizes(outputs: Outputs, readout: Readout | None, steps: int, rows: int) -> None:
    spec = RNNSpec(1, 1, outputs=outputs)
    if readout is not None:
        spec = replace(spec, output_size=2, readout=readout)
    parameters: dict[str, Array] = {
        name: full(shape, float) for name, shape in spec.parameter_shapes().items()
    }
    x, h0 = full((steps, rows, 1), float), full((1, rows, 1), lambda: 3.0)
    output, h_n, tape = forward(spec, parameters, x, h0)  # type: ignore[arg-type]
    of_a_row = [0.0, 0.0] if readout else [0.0]
    if outputs == "final":
        of_a_row = [0.5, 0.5] if readout else [3.0]
    assert output == [[of_a_row] * rows]
    assert h_n == h0
    ones: Array = full((1, rows, spec.output_features), lambda: 1.0)
    found = backward(tape, ones, [[[1.0]] * rows])
    through_output = 1.0 if outputs == "final" and not readout else 0.0  # weight_ho is 0
    assert found["h0"] == [[[1.0 + through_output]] * rows]
    assert found["x"] == x


def test_cotangents_for_all_steps_are_refused() -> None:
    spec = RNNSpec(1, 1, outputs="last", bias=False)
    parameters: dict[str, Array] = {"weight_ih_l0": [[2.0]], "weight_hh_l0": [[0.5]]}
    tape = forward(spec, parameters, [[[1.0]]] * 2, [[[0.0]]])[2]
    with pytest.raises(ValueError, match=r"d_output has shape \(2, 1, 1\); .* \(1, 1, 1\)"):
        backward(tape, [[[1.0]]] * 2, [[[0.0]]])
