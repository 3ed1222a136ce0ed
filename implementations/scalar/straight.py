"""`forward` and `backward` as straight-line code: for one network that is run very often.

What a graph of single numbers costs is the graph, not the numbers. But the graph of a network is
the same whenever its sizes are, and so is the arithmetic of its two passes. Here the two passes of
`functional.py` are run once, on symbols in the place of floats; what they would have computed is
written down as a Python function without a loop, and kept. It computes the same numbers, at a
fraction of the time:

    from rnncheck.implementations.scalar.straight import backward, forward

Writing and compiling it takes as long as some hundred calls save, and the code is as long as the
graph is large: it is for small networks, such as those on which one can watch scalars at work.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from rnncheck.implementations.scalar import functional
from rnncheck.implementations.scalar.functional import Floats
from rnncheck.implementations.scalar.nested import (
    Array3,
    Array4,
    Nested,
    batch_size,
    check_arrays,
    check_parameters,
    elements,
    full,
    lengths_of,
)
from rnncheck.implementations.scalar.network import F, Matrix, build_network
from rnncheck.implementations.scalar.symbol import Lines, Symbol, calling
from rnncheck.spec import RNNSpec

Symbols = Nested[Symbol | float]


@dataclass(frozen=True)
class Program:
    """The two passes, and their text.

    forward: from parameters, x, h0 and masks to output, h_n and the numbers that backward needs.
    backward: from these numbers, d_output and d_h_n to the gradient's arrays. names: theirs.
    """

    source: str
    forward: Callable[..., tuple[list[Floats], list[Floats], list[float]]]
    backward: Callable[..., list[Nested[float]]]
    names: Sequence[str]


@dataclass(frozen=True)
class StraightTape:
    """What `backward` needs of a `forward`."""

    spec: RNNSpec
    T: int
    B: int
    program: Program
    saved: Sequence[float]


def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Nested[float]],
    x: Array3,
    h0: Array3,
    lengths: Sequence[int] | None = None,
    dropout_masks: Array4 | None = None,
) -> tuple[list[Floats], list[Floats], StraightTape]:
    """`functional.forward`: the same arguments, results and errors; the tape is this `backward`'s."""
    T, B = len(x), batch_size(h0)
    check_parameters(spec, parameters)
    check_arrays(spec, T, B, h0=h0, x=x, dropout_masks=dropout_masks)
    lengths = lengths_of(spec, lengths, T, B)
    program = write_program(spec, T, tuple(lengths), dropout_masks is not None)
    output, h_n, saved = program.forward(parameters, x, h0, dropout_masks)
    return output, h_n, StraightTape(spec, T, B, program, saved)


def backward(tape: StraightTape, d_output: Array3, d_h_n: Array3) -> dict[str, Nested[float]]:
    """`functional.backward`: the same arguments, results and errors."""
    check_arrays(tape.spec, tape.T, tape.B, d_output=d_output, d_h_n=d_h_n)
    gradient = tape.program.backward(tape.saved, d_output, d_h_n)
    return dict(zip(tape.program.names, gradient, strict=True))


@lru_cache(maxsize=32)
def write_program(spec: RNNSpec, T: int, lengths: tuple[int, ...], masked: bool) -> Program:
    """The program for x of these sizes, with dropout masks or without.

    What is older than the Symbol `start` is given to forward; what is older than `middle` and
    wanted by backward is given to it, either as a cotangent or saved by forward.
    """
    B = len(lengths)
    parameters = {name: full(shape, Symbol) for name, shape in spec.parameter_shapes().items()}
    arrays = {name: full(shape, Symbol) for name, shape in spec.array_shapes(T, B).items()}
    start = Symbol()
    output, h_n, tape = _run_on_symbols(spec, T, lengths, parameters, arrays, masked)
    middle = Symbol()
    d_output, d_h_n = cast(Array3, arrays["output"]), cast(Array3, arrays["h_n"])
    gradient = functional.run_back(tape, [*chain(*d_output)], [*chain(*d_h_n)])

    second = Lines(_symbols([*gradient.values()]), middle)
    cotangents = set(_symbols([d_output, d_h_n]))
    saved: Symbols = [symbol for symbol in second.given if symbol not in cotangents]
    first = Lines(_symbols([output, h_n, saved]), start)
    given: dict[str, Symbols] = {f"parameters[{name!r}]": parameters[name] for name in parameters}
    given |= {name: arrays[name] for name in ("x", "h0", *["dropout_masks"] * masked)}
    source = _function(
        "forward(parameters, x, h0, dropout_masks)", given, first, [output, h_n, saved]
    )
    given = {"saved": saved, "d_output": arrays["output"], "d_h_n": arrays["h_n"]}
    source += _function("backward(saved, d_output, d_h_n)", given, second, [*gradient.values()])
    passes: dict[str, Any] = first.functions | second.functions
    exec(compile(source, f"<{spec}, T = {T}, B = {B}>", "exec"), passes)
    return Program(source, passes["forward"], passes["backward"], [*gradient])


def _function(head: str, given: Mapping[str, Symbols], lines: Lines, results: Symbols) -> str:
    """The text of a function that takes apart what it is given, computes and returns results."""
    unpacking = [f"{lines.text(array)} = {name}" for name, array in given.items()]
    body = [*unpacking, *lines.lines, f"return {lines.text(results)}"]
    return "\n    ".join([f"def {head}:", *body]) + "\n\n\n"


def _run_on_symbols(
    spec: RNNSpec,
    T: int,
    lengths: Sequence[int],
    parameters: Mapping[str, Symbols],
    arrays: Mapping[str, Symbols],
    masked: bool,
) -> tuple[list[Floats], list[Floats], functional.Tape]:
    """`functional.forward`, from where it has its numbers."""
    shapes = spec.parameter_shapes()
    matrices = {
        name: cast(Matrix, array if len(shapes[name]) == 2 else [array])
        for name, array in parameters.items()
    }
    x, h0, masks = (cast(list[Any], arrays[name]) for name in ("x", "h0", "dropout_masks"))
    inputs = [
        ([x_t[b] for x_t in x[:n]], [state[b] for state in h0]) for b, n in enumerate(lengths)
    ]
    masks_of = [[[step[b] for step in mask] for mask in masks] for b in range(len(lengths))]
    network = build_network(spec, matrices, _stand_in)
    return functional.run(
        spec, spec.array_shapes(T, len(lengths)), network, inputs, masks_of if masked else None
    )


def _stand_in(f: F) -> F:
    """What stands for f: itself, if it does nothing that symbols cannot; otherwise a call of it."""
    if isinstance(f, tuple):
        return cast(F, tuple(map(_stand_in, f)))
    try:
        f(Symbol())
    except TypeError:
        return calling(f)
    return f


def _symbols(nested: Any) -> list[Symbol]:  # noqa: ANN401 - whatever the passes return
    return [number for number in elements(nested) if isinstance(number, Symbol)]
