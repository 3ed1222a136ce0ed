"""The network on NumPy arrays: `forward`, and from its tape `backward` and `hessian_vector`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnncheck.garbage import uncollected
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


@uncollected
def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array,
    lengths: npt.NDArray[np.integer] | None = None,
    dropout_masks: Array | None = None,
) -> tuple[Array, Array, Tape]:
    """(output, h_n, tape): `network.network` on arrays, computed in x's dtype.

    x (T, B, I), h0 and h_n (L·D, B, H), output (T + G or 1, B, O or D·H), lengths (B,) or None,
    dropout_masks (L-1, T + G, B, D·H) or None, G = spec.generated. The arguments are copied; they
    must agree with spec.
    Raises KeyError for a missing parameter.
    """

    def copy(array: Array) -> Array:
        return np.array(array, dtype=x.dtype, order="C")

    leaves = {name: Tensor(copy(parameters[name])) for name in spec.parameter_shapes()}
    leaves["x"], leaves["h0"] = Tensor(copy(x)), Tensor(copy(h0))
    masks = None if dropout_masks is None else copy(dropout_masks)
    output, h_n = network(spec, leaves, leaves["x"], leaves["h0"], lengths, masks)
    return copy(output.value), copy(h_n.value), Tape(output, h_n, leaves)


@uncollected
def backward(tape: Tape, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """The gradient of sum(d_output * output) + sum(d_h_n * h_n) by every leaf of the tape.

    Returns arrays of the leaves' shapes under their names, in their order, for the caller to
    keep and change. d_output is ignored in the padding. The tape can be used again.
    Raises ValueError for a cotangent whose shape is not its result's.
    """
    leaves = list(tape.leaves.values())
    return _named(tape, gradients([tape.output, tape.h_n], leaves, [d_output, d_h_n]))


@uncollected
def hessian_vector(
    spec: RNNSpec,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array,
    d_output: Array,
    d_h_n: Array,
    vectors: Mapping[str, Array],
    lengths: npt.NDArray[np.integer] | None = None,
    dropout_masks: Array | None = None,
) -> dict[str, Array]:
    """∇²f v, for f = sum(d_output * output) + sum(d_h_n * h_n): how `backward` changes along v.

    v has a block `vectors[name]` for each parameter, "x" and "h0", of that array's shape; a block
    left out is 0. As v is a constant, ∇²f v = ∇<∇f, v>: the gradient of the first gradients, v
    being their cotangents. So the sweep is made twice, and no Hessian is ever formed.

    The other arguments are `forward`'s and `backward`'s, the result has `backward`'s names and
    shapes. relu'' is 0 everywhere. Raises KeyError for an unknown name, ValueError for a wrong
    shape and for a truncated spec, whose `backward` is not the gradient of any f.
    """
    if spec.truncation is not None:
        raise ValueError("a truncated gradient is cut off by design: it has no Hessian")
    _, _, tape = forward(spec, parameters, x, h0, lengths, dropout_masks)
    along = [tape.leaves[name] for name in vectors]
    first = gradients([tape.output, tape.h_n], along, [d_output, d_h_n], create_graph=True)
    return _named(tape, gradients(first, list(tape.leaves.values()), list(vectors.values())))


def _named(tape: Tape, results: Sequence[Tensor]) -> dict[str, Array]:
    """Copies of the results' values, each under the name of its leaf."""
    return {
        name: np.array(g.value, order="C") for name, g in zip(tape.leaves, results, strict=True)
    }
