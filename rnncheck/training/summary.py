"""The table of a model's layers, their output shapes and parameters, as Keras prints it."""

import io
import math
from collections import Counter

from rich import box
from rich.console import Console
from rich.table import Table

from rnncheck.training.chain import Link, parameter_shapes, trainable
from rnncheck.training.layers import RNN, Iterated

WIDTH = 78


def summary(links: tuple[Link, ...], steps: int | None = None) -> str:
    """A line for each layer: its name and type, its output's shape, its number of parameters.

    Shapes are those of Keras, batch first: (batch, features), or (batch, time, features) where there
    is a time axis; None where it is any number. steps: T of x, None for any number.
    Below, the numbers of all parameters, of those that training changes, and of the others.
    """
    table = Table(box=box.HEAVY_HEAD, width=WIDTH)
    table.add_column("Layer (type)", ratio=2)
    table.add_column("Output Shape", ratio=2)
    table.add_column("Param #", justify="right", ratio=1)
    seen: Counter[str] = Counter()
    for index, each in enumerate(links):
        kind = type(each.layer).__name__
        name = kind.lower() + (f"_{seen[kind]}" if seen[kind] else "")
        seen[kind] += 1
        shape = _output_shape(links[: index + 1], steps)
        table.add_row(f"{name} ({kind})", shape, f"{count([each]):,}")
    total, changed = count(links), count(links, only_trainable=True)
    file = io.StringIO()
    Console(file=file, width=WIDTH, no_color=True, highlight=False).print(table)
    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    lines += [
        f" Total params: {total:,}",
        f" Trainable params: {changed:,}",
        f" Non-trainable params: {total - changed:,}",
    ]
    return "\n".join(lines)


def count(links: "tuple[Link, ...] | list[Link]", only_trainable: bool = False) -> int:
    """The number of parameters: every entry of every array."""
    shapes = parameter_shapes(links)
    names = trainable(links) if only_trainable else tuple(shapes)
    return sum(math.prod(shapes[name]) for name in names)


def _output_shape(links: tuple[Link, ...], T: int | None) -> str:
    """Three axes, or two where a single step is read, and nothing has made several of it since."""
    has_time = True
    for each in links:
        match each.layer:
            case RNN() if each.reads_one:
                has_time, T = False, 1
            case RNN() as layer if layer.generated:
                has_time, T = True, None if T is None else T + layer.generated
            case Iterated() as layer:
                has_time, T = True, layer.times
    return (
        f"(None, {T}, {links[-1].out_features})"
        if has_time
        else f"(None, {links[-1].out_features})"
    )
