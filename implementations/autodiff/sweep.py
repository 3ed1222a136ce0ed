"""The reverse sweep: from the cotangents of some Tensors to those of the Tensors they came from."""

from collections.abc import Iterator, Sequence

import numpy as np

from .operations import concatenate, place
from .shares import Part, Product
from .tensor import Array, Shape, Share, Tensor, recording


def gradient(
    output: Tensor,
    inputs: Sequence[Tensor],
    cotangent: Tensor | Array | None = None,
    create_graph: bool = False,
) -> list[Tensor]:
    """For each input, the gradient of sum(cotangent * output) with respect to it.

    cotangent: of output's shape; None for an output of one element stands for 1. Each gradient
    has its input's shape, and is 0 where the output does not depend on the input. They are
    constants; with create_graph, Tensors with a history, to be differentiated again.
    Raises ValueError for an input that is a constant or a cotangent of another shape, TypeError
    for a cotangent that is a Tensor of another dtype.
    """
    if cotangent is None:
        if output.value.size != 1:
            raise ValueError(f"an output of shape {output.shape} needs a cotangent")
        cotangent = np.ones(output.shape, output.dtype)
    return gradients([output], inputs, [cotangent], create_graph)


def gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor | Array],
    create_graph: bool = False,
) -> list[Tensor]:
    """`gradient` of Σ_i sum(cotangents[i] * outputs[i]), for any number of outputs."""
    if not all(tensor.tracked for tensor in inputs):
        raise ValueError("a constant was asked for its gradient: nothing recorded its uses")
    total: dict[Tensor, Tensor] = {}  # the cotangent of each Tensor, as far as it is known
    kept: dict[Tensor, list[Part | Product]] = {}  # its shares that are still to be summed
    with recording(create_graph):
        for output, cotangent in zip(outputs, cotangents, strict=True):
            seed = output.lift(cotangent)
            if seed.shape != output.shape:
                raise ValueError(f"an output {output.shape} has a cotangent {seed.shape}")
            _add(total, kept, output, seed)
        wanted, order = set(inputs), _between(inputs, outputs)
        between = set(order)
        for tensor in reversed(order):
            # Its uses were born after it, so all of them have been played: its sum is complete.
            if tensor in kept:
                for share in summed(kept.pop(tensor), tensor.shape):
                    _add(total, kept, tensor, share)
            g = total[tensor] if tensor in wanted else total.pop(tensor)
            for parent, vjp in tensor.parents:
                if parent in between:
                    _add(total, kept, parent, vjp(g, tensor))
        return [
            total[tensor] if tensor in total else Tensor(np.zeros_like(tensor.value), tracked=False)
            for tensor in inputs
        ]


def _add(
    total: dict[Tensor, Tensor],
    kept: dict[Tensor, list[Part | Product]],
    tensor: Tensor,
    share: Share,
) -> None:
    if isinstance(share, Tensor):
        total[tensor] = total[tensor] + share if tensor in total else share
    else:
        kept.setdefault(tensor, []).append(share)


def summed(shares: Sequence[Part | Product], shape: Shape) -> Iterator[Tensor]:
    """The sum of all parts, if there are any, and the sum of all products."""
    if parts := [share for share in shares if isinstance(share, Part)]:
        yield place(parts, shape)
    if products := [share for share in shares if isinstance(share, Product)]:
        a, b = zip(*products, strict=True)
        yield concatenate(a).T @ concatenate(b)


def _birth(tensor: Tensor) -> int:
    return tensor.birth


def _between(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Tensor]:
    """The Tensors on a way from an input to an output, both ends included, parents first."""
    ancestors = set(outputs)
    waiting = list(ancestors)
    while waiting:  # a list of what is still to visit, not a recursion: T may be thousands
        for parent, _ in waiting.pop().parents:
            if parent not in ancestors:
                ancestors.add(parent)
                waiting.append(parent)
    between = ancestors.intersection(inputs)
    order = []
    for tensor in sorted(ancestors, key=_birth):
        for parent, _ in tensor.parents:
            if parent in between:
                between.add(tensor)
                break
        if tensor in between:
            order.append(tensor)
    return order
