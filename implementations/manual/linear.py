"""A linear layer with its nonlinearity: for every step t and row b, on its own,

    (1)  a = W x + b
    (2)  y = ψ(a)

Backward, from (2) to (1). W and b are used at every step of every row, so their parts add up; x is
used once. From da = dW x + W dx + db,

    (2)  d_a = (∂ψ/∂a)ᵀ d_y
    (1)  d_W = Σ d_a xᵀ     d_b = Σ d_a     d_x = Wᵀ d_a         sums over all t and b
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncheck.implementations.manual.activations import ACTIVATIONS, Array
from rnncheck.implementations.manual.cell import sum_of_outer_products


@dataclass(frozen=True, eq=False)
class LinearTape:
    """What `linear_backward` needs: W (O, I), x (T, B, I), y (T, B, O), ψ, and whether there is a b."""

    weight: Array
    has_bias: bool
    x: Array
    y: Array
    activation: str


def linear_forward(
    parameters: Mapping[str, Array], x: Array, activation: str = "identity"
) -> tuple[Array, LinearTape]:
    """Equations (1) and (2), computed in x's dtype.

    parameters: "weight" (O, I), and "bias" (O) if there is a b. x (T, B, I). activation: ψ, one of
    identity, tanh, relu, sigmoid, softmax. Returns y (T, B, O) and the tape, which shares no memory
    with anything outside. Shapes are not checked here; KeyError for another activation.
    """
    own = {name: np.array(value, dtype=x.dtype, order="C") for name, value in parameters.items()}
    x = np.array(x, order="C")
    a = x @ own["weight"].T
    if "bias" in own:
        a = a + own["bias"]
    y = ACTIVATIONS[activation].value(a)
    return y.copy(), LinearTape(own["weight"], "bias" in own, x, y, activation)


def linear_backward(tape: LinearTape, d_output: Array) -> dict[str, Array]:
    """The gradient of sum(d_output * y): "weight", "bias" if there is one, and "x"."""
    d_y = np.array(d_output, dtype=tape.y.dtype, order="C")
    d_a = ACTIVATIONS[tape.activation].pull_back(tape.y, d_y)
    found = {"weight": sum_of_outer_products(d_a, tape.x)}
    if tape.has_bias:
        found["bias"] = d_a.sum(axis=(0, 1))
    return found | {"x": d_a @ tape.weight}
