"""A linear layer on Tensors: y = ψ(x Wᵀ + b). Its gradient is the tape's affair."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from . import operations as op
from .sweep import gradient
from .tensor import Array, Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": op.identity,
    "tanh": op.tanh,
    "relu": op.relu,
    "sigmoid": op.sigmoid,
    "softmax": op.softmax,
}


@dataclass(frozen=True)
class LinearTape:
    """The result, which remembers how it came about, and the leaves: "weight", ("bias",) "x"."""

    output: Tensor
    leaves: dict[str, Tensor]


def linear(parameters: Mapping[str, Tensor], x: Tensor, activation: str = "identity") -> Tensor:
    """y (T, B, O) of x (T, B, I): "weight" (O, I), and "bias" (O) where there is one."""
    return ACTIVATIONS[activation](op.affine_steps(x, parameters["weight"], parameters.get("bias")))


def linear_forward(
    parameters: Mapping[str, Array], x: Array, activation: str = "identity"
) -> tuple[Array, LinearTape]:
    """(y, tape): `linear` on arrays, which are copied, computed in x's dtype.

    Raises KeyError for an activation other than identity, tanh, relu, sigmoid, softmax.
    """
    leaves = {
        name: Tensor(np.array(array, dtype=x.dtype, order="C"))
        for name, array in {**parameters, "x": x}.items()
    }
    output = linear(leaves, leaves["x"], activation)
    return np.array(output.value, order="C"), LinearTape(output, leaves)


def linear_backward(tape: LinearTape, d_output: Array) -> dict[str, Array]:
    """The gradient of sum(d_output * y) by every leaf, under its name."""
    found = gradient(tape.output, list(tape.leaves.values()), d_output)
    return {name: np.array(g.value, order="C") for name, g in zip(tape.leaves, found, strict=True)}
