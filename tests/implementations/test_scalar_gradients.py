"""The scalar network's gradients against finite differences, and at the edges."""

import math
import random
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rnncheck.implementations.scalar import Tape, backward, forward
from rnncheck.implementations.scalar.nested import elements, full, map_nested
from rnncheck.spec import Nonlinearity, Outputs, Readout, RNNSpec

NAN = math.nan
U = 2.0**-53
Array = Any
"""Nested lists of numbers."""


@dataclass
class Case:
    """Arguments of `forward` and `backward`: x and h0 under `inputs`, with the parameters."""

    spec: RNNSpec
    inputs: dict[str, Array]
    d_output: Array
    d_h_n: Array
    lengths: list[int] | None
    dropout_masks: Array | None

    def forward(self) -> tuple[Array, Array, Tape]:
        """The case's output, h_n and tape."""
        parameters = {name: self.inputs[name] for name in self.spec.parameter_shapes()}
        x, h0 = self.inputs["x"], self.inputs["h0"]
        return forward(self.spec, parameters, x, h0, self.lengths, self.dropout_masks)

    def gradient(self) -> dict[str, Array]:
        """What `backward` gives."""
        return backward(self.forward()[2], self.d_output, self.d_h_n)

    def terms(self) -> list[float]:
        """The loss in its terms d · output (but for the padding) and d · h_n."""
        output, h_n, _ = self.forward()
        pairs = [
            (d_tb, y_tb)
            for t, (d_t, y_t) in enumerate(zip(self.d_output, output, strict=True))
            for b, (d_tb, y_tb) in enumerate(zip(d_t, y_t, strict=True))
            if not self.is_padding(t, b)
        ]
        pairs.append((self.d_h_n, h_n))
        return [d * y for ds, ys in pairs for d, y in zip(elements(ds), elements(ys), strict=True)]

    def is_padding(self, t: int, b: int) -> bool:
        """Whether `output[t][b]` is 0 because the row has no step for it."""
        return self.lengths is not None and self.spec.outputs != "final" and t >= self.lengths[b]


def random_case(
    spec: RNNSpec, T: int = 3, B: int = 2, lengths: list[int] | None = None, masks: bool = False
) -> Case:
    """Weights within ±1/fan-in, so that no layer and no step magnifies; all else within ±1."""
    rng = random.Random(f"{spec}, {T}, {B}")
    shapes = spec.array_shapes(T, B)

    def uniform(shape: tuple[int, ...]) -> Array:
        bound = 1 / max(1, shape[-1]) if len(shape) == 2 else 1.0
        return full(shape, lambda: rng.uniform(-bound, bound))

    inputs = {name: uniform(shape) for name, shape in spec.parameter_shapes().items()}
    inputs |= {"x": uniform(shapes["x"]), "h0": uniform(shapes["h0"])}
    multipliers = full(shapes["dropout_masks"], lambda: rng.choice([0.0, 2.0])) if masks else None
    cotangents = uniform(shapes["output"]), uniform(shapes["h_n"])
    case = Case(spec, inputs, *cotangents, lengths, multipliers)
    for b, n in enumerate(lengths or []):
        for t in range(n, T):
            case.inputs["x"][t][b] = [NAN] * spec.input_size
        for t, d_t in enumerate(case.d_output):
            if case.is_padding(t, b):
                d_t[b] = [NAN] * spec.output_features
    return case


def check_by_finite_differences(case: Case) -> None:
    """Compare every derivative with D(ε) = (f(v + ε) - f(v - ε)) / 2ε.

    D(ε) = f' + ε² f'''/6 + O(ε⁴). So D(2ε) - D(ε) is 3 times the error of D(ε), to O(ε⁴); the
    tolerance is that difference whole, which leaves a factor of 3 for O(ε⁴), and the rounding:
    f is right to n U S, where S is the sum of its terms' magnitudes (but at least of the
    cotangents') and n the number of roundings on the longest way to it, as no step magnifies an
    error; but a generated step may double it, which it gets with the state and with the output.
    In D(2ε), the half of that of D(ε), and in D(ε) these are n U S / ε, together 1.5.
    """
    epsilon = 1e-4
    spec = case.spec
    steps = len(case.inputs["x"]) + spec.generated
    widest = max(spec.input_size, 2 * spec.num_directions * spec.hidden_size)
    roundings = steps * spec.num_layers * (widest + 10) * 2**spec.generated
    cotangents = [d for d in (*elements(case.d_output), *elements(case.d_h_n)) if not math.isnan(d)]
    size = sum(max(abs(d), abs(term)) for d, term in zip(cotangents, case.terms(), strict=True))
    rounding = 1.5 * roundings * U * size / epsilon

    gradient = case.gradient()
    assert list(gradient) == [*spec.parameter_shapes(), "x", "h0"]
    for name, derivative in gradient.items():
        for vector, found in zip(vectors(case.inputs[name]), vectors(derivative), strict=True):
            assert len(vector) == len(found)
            for i, number in enumerate(found):
                if math.isnan(vector[i]):  # padding
                    assert number == 0.0
                    continue
                near = central_difference(case, vector, i, epsilon)
                far = central_difference(case, vector, i, 2 * epsilon)
                tolerance = abs(far - near) + rounding
                assert tolerance < 1e-6, "too blunt to find a mistake"
                assert abs(number - near) <= tolerance, (name, number, near, tolerance)


def central_difference(case: Case, vector: list[float], i: int, epsilon: float) -> float:
    """`(f(v + ε) - f(v - ε)) / 2ε`, v being `vector[i]`, which is one of the case's inputs."""
    centre = vector[i]
    losses = []
    for shifted in (centre + epsilon, centre - epsilon):
        vector[i] = shifted
        losses.append(math.fsum(case.terms()))
    vector[i] = centre
    return (losses[0] - losses[1]) / (2 * epsilon)


def vectors(nested: Array) -> list[list[float]]:
    """The innermost lists."""
    if not nested or not isinstance(nested[0], list):
        return [nested]
    return [vector for item in nested for vector in vectors(item)]


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid", "identity"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_gradients(nonlinearity: Nonlinearity, bidirectional: bool, num_layers: int) -> None:
    spec = RNNSpec(2, 2, num_layers, nonlinearity, bidirectional=bidirectional)
    check_by_finite_differences(random_case(spec))


@pytest.mark.parametrize("readout", ["identity", "sigmoid", "softmax"])
@pytest.mark.parametrize("readout_bias", [False, True])
def test_gradients_through_a_readout(readout: Readout, readout_bias: bool) -> None:
    spec = RNNSpec(
        2, 2, bias=False, bidirectional=True, output_size=3,
        readout=readout, readout_bias=readout_bias,
    )  # fmt: skip
    check_by_finite_differences(random_case(spec, B=3, lengths=[3, 0, 1]))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("masks", [False, True])
def test_gradients_with_padding_and_dropout(bidirectional: bool, masks: bool) -> None:
    spec = RNNSpec(2, 2, 2, bidirectional=bidirectional)
    check_by_finite_differences(random_case(spec, T=4, B=4, lengths=[4, 0, 1, 3], masks=masks))


@pytest.mark.parametrize("outputs", ["last", "final"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("readout", [None, "sigmoid", "softmax"])
def test_gradients_of_one_output(
    outputs: Outputs, bidirectional: bool, readout: Readout | None
) -> None:
    spec = RNNSpec(2, 2, 2, bidirectional=bidirectional, outputs=outputs)
    if readout is not None:
        spec = replace(spec, output_size=3, readout=readout)
    check_by_finite_differences(random_case(spec, T=4, B=3, lengths=[4, 0, 2], masks=True))


@pytest.mark.parametrize("readout", [None, "identity", "sigmoid", "softmax"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("T", [1, 2])
def test_gradients_through_generated_steps(
    T: int, num_layers: int, readout: Readout | None
) -> None:
    spec = RNNSpec(2, 2, num_layers, generated=3)
    if readout is not None:
        spec = replace(spec, hidden_size=3, output_size=2, readout=readout)
    check_by_finite_differences(random_case(spec, T, masks=num_layers > 1))


@pytest.mark.parametrize("nonlinearity", ["relu", "sigmoid", "identity"])
@pytest.mark.parametrize("bias", [False, True])
def test_gradients_of_other_generating_networks(nonlinearity: Nonlinearity, bias: bool) -> None:
    spec = RNNSpec(
        1, 2, nonlinearity=nonlinearity, bias=bias, output_size=1, readout_bias=bias, generated=4
    )
    check_by_finite_differences(random_case(spec, T=1))


@pytest.mark.parametrize(("T", "B", "input_size"), [(0, 2, 2), (2, 0, 2), (2, 2, 0), (0, 0, 0)])
def test_gradients_of_empty_sizes(T: int, B: int, input_size: int) -> None:
    case = random_case(RNNSpec(input_size, 2, 2, bidirectional=True), T, B)
    gradient = case.gradient()
    for name, array in case.inputs.items():  # even the shapes of empty lists
        assert map_nested(lambda _: 0, gradient[name]) == map_nested(lambda _: 0, array)
    if T == 0:
        assert gradient["h0"] == case.d_h_n
    if T == 0 or B == 0:
        parameters = (gradient[name] for name in case.spec.parameter_shapes())
        assert not any(elements(list(parameters)))
    if T > 0:
        check_by_finite_differences(case)


def test_a_tape_may_be_swept_again_with_other_cotangents() -> None:
    case = random_case(RNNSpec(2, 2, 2, bidirectional=True), lengths=[3, 1])
    tape = case.forward()[2]
    other = replace(
        case,
        d_output=map_nested(lambda d: 1.0 - 3.0 * d, case.d_output),
        d_h_n=map_nested(lambda d: 2.0 + d, case.d_h_n),
    )
    for one in (case, other, case):
        assert backward(tape, one.d_output, one.d_h_n) == one.gradient()
    assert case.gradient() != other.gradient()


def test_wrong_cotangents_are_named() -> None:
    tape = random_case(RNNSpec(2, 2), T=1, B=1).forward()[2]
    too_flat: Any = [[1.0]]
    with pytest.raises(ValueError, match=r"d_output has shape \(1, 1, 1\); .* \(1, 1, 2\)"):
        backward(tape, [[[1.0]]], [[[1.0, 1.0]]])
    with pytest.raises(ValueError, match=r"d_h_n has shape \(1, 1\); .* \(1, 1, 2\)"):
        backward(tape, [[[1.0, 1.0]]], too_flat)
