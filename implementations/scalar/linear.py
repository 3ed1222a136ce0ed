"""A linear layer on nested lists, one neuron at a time: its graph is kept, and swept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from rnncheck.implementations.scalar import activations
from rnncheck.implementations.scalar.cell import Matrix, Values, softmax
from rnncheck.implementations.scalar.nested import (
    Array3,
    Nested,
    check_shape,
    elements,
    map_nested,
    shape_of,
)
from rnncheck.implementations.scalar.value import Value, dot

ACTIVATIONS: dict[str, Callable[[Values], list[Value]]] = {
    "identity": list,
    "tanh": lambda a: [a_i.tanh() for a_i in a],
    "relu": lambda a: [a_i.relu() for a_i in a],
    "sigmoid": lambda a: [a_i.sigmoid() for a_i in a],
    "softmax": lambda a: softmax(a, activations.softmax),
}


@dataclass(frozen=True)
class LinearTape:
    """The graph of one `linear_forward`: its leaves by name, and y (T, B, O)."""

    leaves: Mapping[str, Nested[Value]]
    output: Sequence[Matrix]


def linear_forward(
    parameters: Mapping[str, Nested[float]], x: Array3, activation: str = "identity"
) -> tuple[list[list[list[float]]], LinearTape]:
    """`y_i = ψ(Σ_j weight_ij x_j + bias_i)` for every step of every row; and a tape.

    parameters: "weight" (O, I), and "bias" (O), or none for 0. x: (T, B, I). activation: ψ, one of
    identity, tanh, relu, sigmoid, softmax. Raises ValueError for a wrong shape or another activation.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}")
    leaves = {name: map_nested(Value, array) for name, array in parameters.items()}
    leaves["x"] = map_nested(Value, x)
    weight = cast(Matrix, leaves["weight"])
    _check(parameters, x, len(weight))
    bias = cast(Values, leaves.get("bias", [Value(0.0)] * len(weight)))
    psi = ACTIVATIONS[activation]
    output = [
        [psi([dot(row, x_tb, b) for row, b in zip(weight, bias, strict=True)]) for x_tb in x_t]
        for x_t in cast(Sequence[Matrix], leaves["x"])
    ]
    return [[[y.data for y in y_tb] for y_tb in y_t] for y_t in output], LinearTape(leaves, output)


def linear_backward(tape: LinearTape, d_output: Array3) -> dict[str, Nested[float]]:
    """The gradient of `Σ d_output · y`: "weight", "bias" if there is one, and "x".

    A tape may be used any number of times. Raises ValueError for a wrong shape.
    """
    check_shape("d_output", d_output, shape_of("output", tape.output))
    for leaves in tape.leaves.values():
        for leaf in elements(leaves):
            leaf.grad = 0.0
    cotangents = [Value(d_y) for d_y in elements(d_output)]
    dot(cotangents, list(elements(cast(Nested[Value], tape.output)))).backward()
    return {
        name: map_nested(lambda leaf: leaf.grad, leaves) for name, leaves in tape.leaves.items()
    }


def _check(parameters: Mapping[str, Nested[float]], x: Array3, outputs: int) -> None:
    """The sizes are weight's; those of x that it cannot know are x's own."""
    weight = shape_of("weight", parameters["weight"])
    check_shape("weight", parameters["weight"], (outputs, *weight[1:2]), "output, input")
    if "bias" in parameters:
        check_shape("bias", parameters["bias"], (outputs,), "output")
    steps, rows = (*shape_of("x", x), 0, 0)[:2]
    check_shape("x", x, (steps, rows, *weight[1:2]), "time, batch, input")
