"""The reference of single numbers: arrays into nested lists, and back."""

from typing import Any

import numpy as np

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.implementations import scalar
from rnncheck.implementations.scalar.linear import linear_backward, linear_forward
from rnncheck.spec import RNNSpec, Shape
from rnncheck.training.backends.layerwise import Layerwise
from rnncheck.training.layers import Linear


class Scalar(Layerwise):
    """`implementations/scalar`, layer by layer. It computes in float64, whatever the dtype.

    An empty list cannot say its shape, so that the tapes carry the shapes of the gradients.
    """

    name = "scalar"

    def run_rnn(
        self, spec: RNNSpec, own: dict[str, Array], x: Array, h0: Array, lengths: IntArray | None
    ) -> tuple[Array, Array, Any]:
        """`scalar.forward`."""
        n = None if lengths is None else lengths.tolist()
        output, h_n, tape = scalar.forward(spec, _lists(own), x.tolist(), h0.tolist(), n)
        shape = spec.array_shapes(*x.shape[:2])["output"]
        shapes = _shapes({**own, "x": x, "h0": h0})
        return self._array(output, shape), self._array(h_n, h0.shape), (tape, shapes)

    def rnn_back(self, tape: Any, d_output: Array, d_h_n: Array) -> Gradients:  # noqa: ANN401
        """`scalar.backward`."""
        own, shapes = tape
        return self._arrays(scalar.backward(own, d_output.tolist(), d_h_n.tolist()), shapes)

    def run_linear(self, layer: Linear, own: dict[str, Array], x: Array) -> tuple[Array, Any]:
        """`linear_forward`."""
        output, tape = linear_forward(_lists(own), x.tolist(), layer.activation)
        shape = (*x.shape[:2], layer.out_features)
        return self._array(output, shape), (tape, _shapes({**own, "x": x}))

    def linear_back(self, tape: Any, d_output: Array) -> Gradients:  # noqa: ANN401
        """`linear_backward`."""
        own, shapes = tape
        return self._arrays(linear_backward(own, d_output.tolist()), shapes)

    def _array(self, nested: Any, shape: Shape) -> Array:  # noqa: ANN401 - nested lists
        return np.array(nested, dtype=self.dtype).reshape(shape)

    def _arrays(self, lists: dict[str, Any], shapes: dict[str, Shape]) -> Gradients:
        return {name: self._array(lists[name], shape) for name, shape in shapes.items()}


def _lists(arrays: dict[str, Array]) -> dict[str, Any]:
    return {name: array.tolist() for name, array in arrays.items()}


def _shapes(arrays: dict[str, Array]) -> dict[str, Shape]:
    return {name: array.shape for name, array in arrays.items()}


BACKEND = Scalar
