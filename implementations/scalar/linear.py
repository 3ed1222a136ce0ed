"""A linear layer on nested lists, one neuron at a time: its graph is kept, and swept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from rnncheck.implementations.scalar import activations
from rnncheck.implementations.scalar.nested import (
    Array2,
    Array3,
    Nested,
    check_shape,
    elements,
    map_nested,
    shape_of,
)
from rnncheck.implementations.scalar.trace import Places, Trace, Weights
from rnncheck.spec import Shape

ACTIVATIONS = activations.ACTIVATIONS | {"softmax": activations.identity}
"""What is done to each neuron's sum; the softmax takes them all together, afterwards."""

Steps = Sequence[Sequence[Places]]


@dataclass(frozen=True)
class LinearTape:
    """The graph of one `linear_forward`, with the places in it of x (T, B, I) and y (T, B, O)."""

    trace: Trace
    weights: Weights
    has_bias: bool
    x: Steps
    output: Steps

    @property
    def shape(self) -> Shape:
        """That of y, down to its first size of 0."""
        return shape_of("output", [[[*places] for places in step] for step in self.output])


def linear_forward(
    parameters: Mapping[str, Nested[float]], x: Array3, activation: str = "identity"
) -> tuple[list[list[list[float]]], LinearTape]:
    """`y_i = ψ(Σ_j weight_ij x_j + bias_i)` for every step of every row; and a tape.

    parameters: "weight" (O, I), and "bias" (O), or none for 0. x: (T, B, I). activation: ψ, one of
    identity, tanh, relu, sigmoid, softmax. Raises ValueError for a wrong shape or another activation.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}")
    weight = cast(Array2, map_nested(float, parameters["weight"]))
    _check(parameters, x, len(weight))
    bias = map(float, cast(Sequence[float], parameters.get("bias", [0.0] * len(weight))))
    weights, trace = Weights([[*row] for row in weight], [*bias]), Trace()
    places = [[trace.leaves(map(float, x_tb)) for x_tb in x_t] for x_t in x]
    output = [[_neurons(trace, weights, x_tb, activation) for x_tb in x_t] for x_t in places]
    tape = LinearTape(trace, weights, "bias" in parameters, places, output)
    return _at(output, trace.data), tape


def linear_backward(tape: LinearTape, d_output: Array3) -> dict[str, Nested[float]]:
    """The gradient of `Σ d_output · y`: "weight", "bias" if there is one, and "x".

    A tape may be used any number of times. Raises ValueError for a wrong shape.
    """
    check_shape("d_output", d_output, tape.shape)
    tape.weights.zero_grad()
    places = [i for step in tape.output for y in step for i in y]
    grad = tape.trace.differentiate(places, [*elements(d_output)])
    bias = {"bias": tape.weights.d_bias} if tape.has_bias else {}
    return {"weight": tape.weights.d_rows, **bias, "x": _at(tape.x, grad)}


def _neurons(trace: Trace, weights: Weights, x: Places, activation: str) -> Places:
    a = trace.neurons(weights, x, ACTIVATIONS[activation])
    return trace.softmax(a, activations.softmax) if activation == "softmax" else a


def _at(steps: Steps, numbers: Sequence[float]) -> list[list[list[float]]]:
    return [[[numbers[i] for i in places] for places in step] for step in steps]


def _check(parameters: Mapping[str, Nested[float]], x: Array3, outputs: int) -> None:
    """The sizes are weight's; those of x that it cannot know are x's own."""
    weight = shape_of("weight", parameters["weight"])
    check_shape("weight", parameters["weight"], (outputs, *weight[1:2]), "output, input")
    if "bias" in parameters:
        check_shape("bias", parameters["bias"], (outputs,), "output")
    steps, rows = (*shape_of("x", x), 0, 0)[:2]
    check_shape("x", x, (steps, rows, *weight[1:2]), "time, batch, input")
