"""`forward` runs a batch and keeps its graph, `backward` sweeps the graph: nothing is derived here.

The rows of a batch share the parameters and nothing else, so each row is unrolled on its own, over
its valid steps only: what stands in the padding is never read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rnncheck.implementations.scalar.cell import Vector
from rnncheck.implementations.scalar.nested import (
    Array2,
    Array3,
    Array4,
    Nested,
    check_lengths,
    check_parameters,
    check_shape,
    elements,
    map_nested,
    shape_of,
)
from rnncheck.implementations.scalar.network import Unrolled, build_network
from rnncheck.implementations.scalar.value import Value, dot
from rnncheck.spec import RNNSpec

A = TypeVar("A")
Steps = list[list[list[float]]]


@dataclass(frozen=True)
class Tape:
    """The graph of one `forward`: its leaves by name, and what became of each row of the batch."""

    spec: RNNSpec
    T: int
    leaves: Mapping[str, Nested[Value]]
    rows: Sequence[Unrolled]


def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Nested[float]],
    x: Array3,
    h0: Array3,
    lengths: Sequence[int] | None = None,
    dropout_masks: Array4 | None = None,
) -> tuple[Steps, Steps, Tape]:
    """Run the network; return output (T + G, B, features), h_n (L·D, B, H) and a tape.

    For layer l and direction d, with z_t the layer's input and h_prev the state before it::

        h_t = φ(weight_ih z_t + bias_ih + weight_hh h_prev + bias_hh)

    parameters: nested lists by name, as in `spec.parameter_shapes()`. x: (T, B, I).
    h0: (L·D, B, H). lengths: how many steps of each row count (B), None for all T; past them
    the output is 0. dropout_masks: what the output of each layer but the last is multiplied by,
    (L-1, T + G, B, D·H), None for 1. G is `spec.generated`: so many steps more, each with the
    output before it as its x. If `spec.outputs` is "last" or "final", the time axis of output
    is 1: what is read at each row's last step (0 without steps), or from its final states.

    Raises ValueError, naming the argument, for a wrong shape, name or length.
    """
    T, B = len(x), _batch_size(h0)
    lengths = [T] * B if lengths is None else lengths
    check_parameters(spec, parameters)
    _check_arrays(spec, T, B, h0=h0, x=x, dropout_masks=dropout_masks)
    check_lengths(spec, lengths, T, B)
    leaves = {name: map_nested(Value, parameters[name]) for name in spec.parameter_shapes()}
    network = build_network(spec, leaves)
    x_leaves = [[_vector(x_tb) for x_tb in x_t] for x_t in x]
    h0_leaves = [[_vector(h0_sb) for h0_sb in h0_s] for h0_s in h0]
    rows = []
    for b, n in enumerate(lengths):
        masks = None if dropout_masks is None else [_row(m, b) for m in dropout_masks]
        rows.append(network.unroll(_row(x_leaves[:n], b), _row(h0_leaves, b), masks))

    tape = Tape(spec, T, {**leaves, "x": x_leaves, "h0": h0_leaves}, rows)
    return _padded_output(tape), [[_data(r.h_n[s]) for r in rows] for s in range(len(h0))], tape


def backward(tape: Tape, d_output: Array3, d_h_n: Array3) -> dict[str, Nested[float]]:
    """The gradient of `Σ d_output · output + Σ d_h_n · h_n`, for the cotangents given.

    By name: every parameter in the order of `spec.parameter_shapes()`, then x (T, B, I) and
    h0 (L·D, B, H). d_output: as output, ignored in the padding. d_h_n: (L·D, B, H).
    A tape may be used any number of times.

    If `spec.truncation` is k, the output of step t (with it, at a row's last step, h_n) sends its
    gradient back through the steps t, t-1, ..., t-k alone: the state before these is a constant.

    Raises ValueError for a wrong shape.
    """
    spec = tape.spec
    _check_arrays(spec, tape.T, len(tape.rows), d_output=d_output, d_h_n=d_h_n)
    for leaves in tape.leaves.values():
        for leaf in elements(leaves):
            leaf.grad = 0.0
    for b, row in enumerate(tape.rows):
        losses = _losses(row, _row(d_output, b), _row(d_h_n, b))
        if spec.truncation is None:
            sum(losses, Value(0.0)).backward()
        else:
            for t, loss in enumerate(losses):
                before = t - spec.truncation - 1
                loss.backward(cut=row.top[before] if before >= 0 else ())
    return {
        name: map_nested(lambda leaf: leaf.grad, leaves) for name, leaves in tape.leaves.items()
    }


def _losses(row: Unrolled, d_output: Array2, d_h_n: Array2) -> list[Value]:
    """The row's loss, in one part for each step; the last step's part includes that of h_n.

    A row of no steps has one part nevertheless, as h_n is h0 then. A single output, of many steps
    or of none, belongs to the last part: in general the outputs are those of the last steps.
    """
    from_outputs = [dot(_vector(d_y), y) for d_y, y in zip(d_output, row.output, strict=False)]
    parts = max(len(row.top), 1)
    losses = [Value(0.0)] * (parts - len(from_outputs)) + from_outputs
    for d_h, h in zip(d_h_n, row.h_n, strict=True):
        losses[-1] += dot(_vector(d_h), h)
    return losses


def _padded_output(tape: Tape) -> Steps:
    """The rows' outputs side by side, with 0 where a row has no output (any more)."""
    steps, _, features = tape.spec.array_shapes(tape.T, len(tape.rows))["output"]
    return [
        [_data(r.output[t]) if t < len(r.output) else [0.0] * features for r in tape.rows]
        for t in range(steps)
    ]


def _check_arrays(spec: RNNSpec, T: int, B: int, **arrays: Nested[float] | None) -> None:
    shapes = spec.array_shapes(T, B)
    for name, array in arrays.items():
        if array is not None:
            check_shape(name, array, shapes[name])


def _batch_size(h0: Array3) -> int:
    """B, from h0, as an x of no steps does not tell."""
    shape = shape_of("h0", h0)
    return shape[1] if len(shape) > 1 else 0


def _row(array: Sequence[Sequence[A]], b: int) -> list[A]:
    """`array[:, b]`."""
    return [step[b] for step in array]


def _vector(numbers: Sequence[float]) -> list[Value]:
    return [Value(number) for number in numbers]


def _data(values: Vector) -> list[float]:
    return [value.data for value in values]
