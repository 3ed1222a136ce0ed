"""The reference whose gradients are derived by hand."""

from typing import Any

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.implementations import manual
from rnncheck.implementations.manual.linear import linear_backward, linear_forward
from rnncheck.spec import RNNSpec
from rnncheck.training.backends.layerwise import Layerwise
from rnncheck.training.layers import Linear


class Manual(Layerwise):
    """`implementations/manual`, layer by layer."""

    name = "manual"

    def run_rnn(
        self, spec: RNNSpec, own: dict[str, Array], x: Array, h0: Array, lengths: IntArray | None
    ) -> tuple[Array, Array, Any]:
        """`manual.forward`."""
        return manual.forward(spec, own, x, h0, lengths)

    def rnn_back(self, tape: Any, d_output: Array, d_h_n: Array) -> Gradients:  # noqa: ANN401
        """`manual.backward`."""
        return manual.backward(tape, d_output, d_h_n)

    def run_linear(self, layer: Linear, own: dict[str, Array], x: Array) -> tuple[Array, Any]:
        """`linear_forward`."""
        return linear_forward(own, x, layer.activation)

    def linear_back(self, tape: Any, d_output: Array) -> Gradients:  # noqa: ANN401
        """`linear_backward`."""
        return linear_backward(tape, d_output)


BACKEND = Manual
