"""`forward` runs a batch and keeps its graph, `backward` sweeps the graph: nothing is derived here.

The rows of a batch share the parameters and nothing else, so each row is unrolled on its own, over
its valid steps only: what stands in the padding is never read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from rnncheck.garbage import uncollected
from rnncheck.implementations.scalar.nested import (
    Array3,
    Array4,
    Nested,
    batch_size,
    check_names,
    lengths_of,
    rows_of,
)
from rnncheck.implementations.scalar.network import (
    Masks,
    Matrix,
    Network,
    Rows,
    Unrolled,
    build_network,
)
from rnncheck.implementations.scalar.trace import Loss
from rnncheck.spec import RNNSpec, Shape

Floats = list[list[float]]


@dataclass(frozen=True)
class Tape:
    """The graph of one `forward`: the shapes of all arrays, the network, and the batch's rows."""

    spec: RNNSpec
    sizes: Mapping[str, Shape]
    network: Network
    rows: Sequence[Unrolled]


@uncollected
def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Nested[float]],
    x: Array3,
    h0: Array3,
    lengths: Sequence[int] | None = None,
    dropout_masks: Array4 | None = None,
) -> tuple[list[Floats], list[Floats], Tape]:
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
    T, B = len(x), batch_size(h0)
    shapes, sizes = spec.parameter_shapes(), spec.array_shapes(T, B)
    check_names(shapes, parameters)
    matrices = {name: rows_of(name, parameters[name], shape) for name, shape in shapes.items()}
    states, steps = rows_of("h0", h0, sizes["h0"]), rows_of("x", x, sizes["x"])
    masks = None
    if dropout_masks is not None:
        factors = rows_of("dropout_masks", dropout_masks, sizes["dropout_masks"])
        layers, n, *_ = sizes["dropout_masks"]
        one = n * B  # of the rows, in the mask of one layer
        masks = [
            [factors[i * one + b : (i + 1) * one : B] for i in range(layers)] for b in range(B)
        ]
    lengths = lengths_of(spec, lengths, T, B)
    inputs = [(steps[b : n * B : B], states[b::B]) for b, n in enumerate(lengths)]
    return run(spec, sizes, build_network(spec, matrices), inputs, masks)


def run(
    spec: RNNSpec,
    sizes: Mapping[str, Shape],
    network: Network,
    inputs: Sequence[tuple[Matrix, Matrix]],
    masks: Sequence[Masks] | None = None,
) -> tuple[list[Floats], list[Floats], Tape]:
    """`forward`, of this network, on the x and h0 of each row of the batch."""
    rows = [
        network.unroll(*pair, None if masks is None else masks[b]) for b, pair in enumerate(inputs)
    ]
    steps, _, features = sizes["output"]
    output = _side_by_side([_at(row.output, row.trace.data) for row in rows], steps, features)
    h_n = _side_by_side(
        [_at(row.h_n, row.trace.data) for row in rows], spec.num_states, spec.hidden_size
    )
    return output, h_n, Tape(spec, sizes, network, rows)


@uncollected
def backward(tape: Tape, d_output: Array3, d_h_n: Array3) -> dict[str, Nested[float]]:
    """The gradient of `Σ d_output · output + Σ d_h_n · h_n`, for the cotangents given.

    By name: every parameter in the order of `spec.parameter_shapes()`, then x (T, B, I) and
    h0 (L·D, B, H). d_output: as output, ignored in the padding. d_h_n: (L·D, B, H).
    A tape may be used any number of times.

    If `spec.truncation` is k, the output of step t (with it, at a row's last step, h_n) sends its
    gradient back through the steps t, t-1, ..., t-k alone: the state before these is a constant.

    Raises ValueError for a wrong shape.
    """
    d_outputs = rows_of("d_output", d_output, tape.sizes["d_output"])
    d_states = rows_of("d_h_n", d_h_n, tape.sizes["d_h_n"])
    return run_back(tape, d_outputs, d_states)


def run_back(tape: Tape, d_outputs: Matrix, d_states: Matrix) -> dict[str, Nested[float]]:
    """`backward`, of cotangents in rows, those of all of the batch for each step or state."""
    spec, rows = tape.spec, tape.rows
    B = len(rows)
    for weights in tape.network.weights():
        weights.zero_grad()
    x, h0 = [], []
    for b, row in enumerate(rows):
        grad = _sweep(spec, row, d_outputs[b::B], d_states[b::B])
        x.append(_at(row.x, grad))
        h0.append(_at(row.h0, grad))
    gradient = tape.network.parameter_gradients(spec)
    gradient["x"] = _side_by_side(x, tape.sizes["x"][0], spec.input_size)
    gradient["h0"] = _side_by_side(h0, spec.num_states, spec.hidden_size)
    return gradient


def _sweep(spec: RNNSpec, row: Unrolled, d_output: Matrix, d_h_n: Matrix) -> list[float]:
    """The gradient by every number of the row's trace that is a leaf, in its place."""
    if spec.truncation is not None:
        return row.trace.differentiate_parts(_losses(row, d_output, d_h_n, spec.truncation))
    d_output = d_output[: len(row.output)]
    return row.trace.differentiate(chain(*row.output, *row.h_n), chain(*d_output, *d_h_n))


def _losses(row: Unrolled, d_output: Matrix, d_h_n: Matrix, truncation: int) -> Iterator[Loss]:
    """The row's loss, in one part for each step; the last step's part includes that of h_n.

    To the part of step t the state after step t - truncation - 1 is a constant, if there is one.

    A row of no steps has one part nevertheless, as h_n is h0 then. A single output, of many steps
    or of none, belongs to the last part: in general the outputs are those of the last steps.
    """
    parts: list[tuple[list[int], list[float]]]
    parts = [([], []) for _ in range(max(len(row.top), 1) - len(row.output))]
    parts += [([*y], [*d_y]) for y, d_y in zip(row.output, d_output, strict=False)]
    places, d = parts[-1]
    places += chain(*row.h_n)
    d += chain(*d_h_n)
    constants = chain(repeat((), truncation + 1), row.top)
    return ((*part, state) for part, state in zip(parts, constants, strict=False))


def _side_by_side(rows: Sequence[Floats], steps: int, features: int) -> list[Floats]:
    """The arrays (n, features) of the rows as one (steps, B, features), with 0 after step n."""
    if not rows:
        return [[] for _ in range(steps)]
    for row in rows:
        while len(row) < steps:
            row.append([0.0] * features)
    return [*map(list, zip(*rows))]  # noqa: B905 - they are all as long now


def _at(rows: Rows, numbers: list[float]) -> Floats:
    """The numbers at these places."""
    return [
        numbers[places.start : places.stop]
        if isinstance(places, range)
        else [numbers[i] for i in places]
        for places in rows
    ]
