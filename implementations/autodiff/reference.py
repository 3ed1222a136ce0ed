"""`forward` and `backward` of the network on NumPy arrays, the gradient taken from the tape."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnncheck.spec import RNNSpec

from .network import network
from .sweep import gradients
from .tensor import Array, Tensor


@dataclass(frozen=True)
class Tape:
    """What `forward` leaves for `backward`: two results, which remember how they came about.

    leaves: every parameter in the order of spec.parameter_shapes(), then "x", then "h0".
    """

    output: Tensor
    h_n: Tensor
    leaves: dict[str, Tensor]


def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array,
    lengths: npt.NDArray[np.integer] | None = None,
    dropout_masks: Array | None = None,
) -> tuple[Array, Array, Tape]:
    """(output, h_n, tape): `network.network` on arrays, computed in x's dtype.

    x (T, B, I), h0 and h_n (L·D, B, H), output (T, B, O or D·H), lengths (B,) or None,
    dropout_masks (L-1, T, B, D·H) or None. The arguments are copied; they must agree with spec.
    Raises KeyError for a missing parameter.
    """

    def copy(array: Array) -> Array:
        return np.array(array, dtype=x.dtype, order="C")

    leaves = {name: Tensor(copy(parameters[name])) for name in spec.parameter_shapes()}
    leaves["x"], leaves["h0"] = Tensor(copy(x)), Tensor(copy(h0))
    masks = None if dropout_masks is None else copy(dropout_masks)
    output, h_n = network(spec, leaves, leaves["x"], leaves["h0"], lengths, masks)
    return copy(output.value), copy(h_n.value), Tape(output, h_n, leaves)


def backward(tape: Tape, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """The gradient of sum(d_output * output) + sum(d_h_n * h_n) by every leaf of the tape.

    Returns arrays of the leaves' shapes under their names, in their order, for the caller to
    keep and change. d_output is ignored in the padding. The tape can be used again.
    Raises ValueError for a cotangent whose shape is not its result's.
    """
    results = gradients([tape.output, tape.h_n], list(tape.leaves.values()), [d_output, d_h_n])
    return {
        name: np.array(g.value, order="C") for name, g in zip(tape.leaves, results, strict=True)
    }
