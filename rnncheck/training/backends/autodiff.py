"""The reference whose gradients come from a tape of array operations."""

from typing import Any

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.implementations import autodiff
from rnncheck.implementations.autodiff.linear import linear_backward, linear_forward
from rnncheck.spec import RNNSpec
from rnncheck.training.backends.layerwise import Layerwise
from rnncheck.training.layers import Linear


class Autodiff(Layerwise):
    """`implementations/autodiff`, layer by layer."""

    name = "autodiff"

    def run_rnn(
        self, spec: RNNSpec, own: dict[str, Array], x: Array, h0: Array, lengths: IntArray | None
    ) -> tuple[Array, Array, Any]:
        """`autodiff.forward`."""
        return autodiff.forward(spec, own, x, h0, lengths)

    def rnn_back(self, tape: Any, d_output: Array, d_h_n: Array) -> Gradients:  # noqa: ANN401
        """`autodiff.backward`."""
        return autodiff.backward(tape, d_output, d_h_n)

    def run_linear(self, layer: Linear, own: dict[str, Array], x: Array) -> tuple[Array, Any]:
        """`linear_forward`."""
        return linear_forward(own, x, layer.activation)

    def linear_back(self, tape: Any, d_output: Array) -> Gradients:  # noqa: ANN401
        """`linear_backward`."""
        return linear_backward(tape, d_output)


BACKEND = Autodiff
