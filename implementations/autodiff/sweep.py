"""The reverse sweep: from the cotangents of some Tensors to those of the Tensors they came from."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import attrgetter

import numpy as np

from .operations import concatenate, place
from .shares import LATER, Cotangent, Part, Product
from .tensor import Array, Shape, Tensor

_birth = attrgetter("birth")


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
    """`gradient` of Σ_i sum(cotangents[i] * outputs[i]), for any number of outputs.

    The vjps are handed arrays, and compute arrays; with create_graph, Tensors.
    """
    if not all(tensor.tracked for tensor in inputs):
        raise ValueError("a constant was asked for its gradient: nothing recorded its uses")
    total: dict[Tensor, Cotangent] = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        seed = output.lift(cotangent)
        if seed.shape != output.shape:
            raise ValueError(f"an output {output.shape} has a cotangent {seed.shape}")
        share = seed if create_graph else seed.value
        total[output] = total[output] + share if output in total else share
    _sweep(_between(inputs, outputs), set(inputs), total, create_graph)
    return [_result(tensor, total.get(tensor)) for tensor in inputs]


def _sweep(
    between: dict[Tensor, None],
    wanted: set[Tensor],
    total: dict[Tensor, Cotangent],
    create_graph: bool,
) -> None:
    """Complete `total`, the cotangents as far as they are known; only those wanted stay there."""
    kept: defaultdict[Tensor, list[Part | Product]] = defaultdict(list)  # still to be summed
    for tensor in reversed(between):
        # Its uses were born after it, so all of them have been played: no share is missing.
        if tensor in kept:
            for share in summed(kept.pop(tensor), tensor.shape):
                total[tensor] = total[tensor] + share if tensor in total else share
        g = total[tensor] if tensor in wanted else total.pop(tensor)
        arguments = [g]
        for argument in (tensor, *tensor.parents):
            arguments.append(argument if create_graph else argument.value)
        arguments += tensor.others
        for parent, vjp in zip(tensor.parents, tensor.vjps):  # noqa: B905 - asking takes its time
            if parent in between:
                share = vjp(*arguments) if callable(vjp) else g[vjp]
                if isinstance(share, LATER):
                    kept[parent].append(share)
                elif parent in total:
                    total[parent] = total[parent] + share
                else:
                    total[parent] = share


def _result(tensor: Tensor, g: Cotangent | None) -> Tensor:
    """The gradient for an input as a Tensor: what was found, or else 0."""
    if isinstance(g, Tensor):
        return g
    if g is None:
        g = np.zeros_like(tensor.value)
    return Tensor(np.asarray(g, tensor.dtype), tracked=False)


def summed(shares: Sequence[Part | Product], shape: Shape) -> Iterator[Cotangent]:
    """The sum of all parts, if there are any, and the sum of all products."""
    if parts := [share for share in shares if isinstance(share, Part)]:
        yield place(parts, shape)
    if products := [share for share in shares if isinstance(share, Product)]:
        a, b = zip(*products, strict=True)
        yield concatenate(a).T.dot(concatenate(b))


def _between(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[Tensor, None]:
    """The Tensors on a way from an input to an output, both ends included, parents first."""
    ancestors = set(outputs)
    waiting = list(ancestors)
    while waiting:  # a list of what is still to visit, not a recursion: T may be thousands
        for parent in waiting.pop().parents:
            if parent not in ancestors:
                ancestors.add(parent)
                waiting.append(parent)
    wanted = set(inputs)
    between: dict[Tensor, None] = {}  # not a set: in this order
    found = between.keys()
    for tensor in sorted(ancestors, key=_birth):
        if tensor in wanted or not found.isdisjoint(tensor.parents):
            between[tensor] = None
    return between
