"""Straight-line code against the passes it was written from."""

import random
from dataclasses import replace
from typing import Any

import pytest

from rnncheck.implementations.scalar import functional, straight
from rnncheck.implementations.scalar.nested import elements, full
from rnncheck.implementations.scalar.symbol import DEEPEST
from rnncheck.spec import RNNSpec

U = 2.0**-53
Array = Any
"""Nested lists of numbers."""
T, LENGTHS = 3, [3, 0, 2]
B = len(LENGTHS)

SPECS = [
    RNNSpec(2, 3),
    RNNSpec(3, 2, bias=False),
    RNNSpec(2, 2, num_layers=3, bidirectional=True),
    RNNSpec(2, 2, output_size=3),
    RNNSpec(2, 3, output_size=1, readout_bias=False),
    RNNSpec(2, 2, bidirectional=True, outputs="last"),
    RNNSpec(2, 2, bidirectional=True, outputs="final", output_size=2),
    RNNSpec(2, 2, truncation=0),
    RNNSpec(2, 2, truncation=1, output_size=2),
    RNNSpec(0, 2),
    RNNSpec(1, 1),
]
GENERATING = [RNNSpec(2, 2, generated=3), RNNSpec(1, 2, 2, output_size=1, generated=2)]


def arrays_of(spec: RNNSpec, T: int, B: int, draw: Any) -> dict[str, Array]:
    """Every array of a case by name, each number drawn."""
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    return {name: full(shape, draw) for name, shape in shapes.items()}


def results(
    module: Any, spec: RNNSpec, arrays: dict[str, Array], lengths: Any = None, masked: bool = False
) -> dict[str, Array]:
    """Output, h_n and the gradient, by `forward` and `backward` of this module."""
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    masks = arrays["dropout_masks"] if masked else None
    output, h_n, tape = module.forward(spec, parameters, arrays["x"], arrays["h0"], lengths, masks)
    gradient = module.backward(tape, arrays["d_output"], arrays["d_h_n"])
    return {"output": output, "h_n": h_n, **gradient}


def dyadic() -> Any:
    """Small numbers whose products and sums are all exact."""
    rng = random.Random(0)
    return lambda: rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0, 1.5])


@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_the_same_numbers_where_nothing_rounds(
    spec: RNNSpec, masked: bool, nonlinearity: Any
) -> None:
    spec = replace(spec, nonlinearity=nonlinearity)
    arrays = arrays_of(spec, T, B, dyadic())
    found = results(straight, spec, arrays, LENGTHS, masked)
    assert found == results(functional, spec, arrays, LENGTHS, masked)
    assert list(found) == ["output", "h_n", *spec.parameter_shapes(), "x", "h0"]


@pytest.mark.parametrize("spec", GENERATING)
def test_the_same_numbers_in_generated_steps(spec: RNNSpec) -> None:
    spec = replace(spec, nonlinearity="identity")
    arrays = arrays_of(spec, 2, 2, dyadic())
    assert results(straight, spec, arrays) == results(functional, spec, arrays)


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid"])
@pytest.mark.parametrize("readout", ["identity", "sigmoid", "softmax"])
def test_the_same_functions(nonlinearity: Any, readout: Any) -> None:
    # The same operations in the same order, but for `sum`, which Python 3.12 has made more exact:
    # of sums of at most 8 terms, two for each of 3 steps and 2 layers there and one back, at
    # most 10 roundings each, of numbers (and numbers magnified by the weights) below
    # Σ|d| · (8/4)^6 < 33 · 64.
    spec = RNNSpec(2, 2, 2, nonlinearity, output_size=3, readout=readout)
    rng = random.Random(1)
    arrays = arrays_of(spec, T, B, lambda: rng.uniform(-0.25, 0.25))
    found, expected = (results(way, spec, arrays, LENGTHS) for way in (straight, functional))
    for name, array in expected.items():
        assert list(elements(found[name])) == pytest.approx(
            list(elements(array)), rel=0, abs=3 * 2 * 2 * 10 * U * 33 * 64
        )
    assert any(elements(expected["weight_ih_l0"]))


@pytest.mark.parametrize(("T", "B"), [(0, 2), (2, 0), (0, 0)])
def test_empty_sizes(T: int, B: int) -> None:
    spec = RNNSpec(2, 2, 2, "identity", bidirectional=True)
    arrays = arrays_of(spec, T, B, dyadic())
    assert results(straight, spec, arrays) == results(functional, spec, arrays)


def test_sums_of_more_terms_than_can_be_nested() -> None:
    # h_t = x_t + b: the gradient by b is the number of steps; h_n = T
    T = 3 * DEEPEST
    spec = RNNSpec(1, 1, nonlinearity="identity")
    parameters = {
        "weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.0]], "bias_ih_l0": [0.5], "bias_hh_l0": [0.0],
    }  # fmt: skip
    ones = [[[1.0]]] * T
    output, _, tape = straight.forward(spec, parameters, ones, [[[1.0]]])
    gradient = straight.backward(tape, ones, [[[0.0]]])
    assert output == [[[1.5]]] * T
    assert gradient["bias_ih_l0"] == [float(T)]
    assert gradient["weight_hh_l0"] == [[1.0 + 1.5 * (T - 1)]]


def test_a_program_is_written_once_and_its_tapes_may_be_swept_again() -> None:
    spec = RNNSpec(1, 2)
    arrays = arrays_of(spec, 2, 1, dyadic())
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    x, h0, d_output, d_h_n = (arrays[name] for name in ("x", "h0", "d_output", "d_h_n"))
    zeros = full((1, 1, 2), float)
    tape = straight.forward(spec, parameters, x, h0)[2]
    first = straight.backward(tape, d_output, d_h_n)
    other = straight.forward(RNNSpec(1, 2), parameters, h0=zeros, x=x)[2]
    assert other.program is tape.program
    assert straight.backward(other, d_output, d_h_n) != first
    assert straight.backward(tape, d_output, zeros) != first
    assert straight.backward(tape, d_output, d_h_n) == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": [[[1.0]]]}, r"x has shape \(1, 1, 1\); it must have shape \(1, 1, 2\)"),
        ({"h0": [[[1.0, [2.0]]]]}, "h0 is ragged"),
        ({"d_h_n": [[[1.0]]]}, r"d_h_n has shape \(1, 1, 1\); it must have shape \(1, 1, 2\)"),
        ({"bias_ih_l0": [[0.0], [0.0]]}, r"bias_ih_l0 has shape \(2, 1\); it must have shape"),
    ],
)
def test_what_is_wrong_is_named_as_ever(change: dict[str, Array], message: str) -> None:
    arrays = arrays_of(RNNSpec(2, 2), 1, 1, dyadic()) | change
    for module in (straight, functional):
        with pytest.raises(ValueError, match=message):
            results(module, RNNSpec(2, 2), arrays)
    with pytest.raises(ValueError, match=r"lengths\[0\] is 2"):
        results(straight, RNNSpec(2, 2), arrays_of(RNNSpec(2, 2), 1, 1, dyadic()), [2])
