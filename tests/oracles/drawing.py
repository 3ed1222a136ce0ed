"""Cases for the tests of the oracles: random numbers, and NaN wherever nobody may look."""

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.truth import exact_balls
from rnncheck.spec import RNNSpec

READOUTS: list[dict[str, Any]] = [
    {},
    *(
        {"output_size": 5, "readout": readout, "readout_bias": bias}
        for readout, bias in itertools.product(("identity", "sigmoid", "softmax"), (True, False))
    ),
]
T, B = 4, 3
LENGTHS = ([4, 0, 2], None, [0, 4, 1])


def draw(
    spec: RNNSpec,
    t: int,
    b: int,
    *,
    seed: int = 0,
    lengths: Any = None,
    dropout: bool = False,
    weights: float = 1.0,
    inputs: float = 1.0,
    dtype: Any = np.float64,
) -> Case:
    """Normal numbers; weights: the recurrent matrix's radius; inputs: the size of x and h0."""
    random = np.random.default_rng(seed)

    def normal(shape: tuple[int, ...], scale: float = 1.0) -> Array:
        return (scale * random.standard_normal(shape)).astype(dtype)

    shapes = spec.array_shapes(t, b)
    parameters = {
        name: normal(shape, weights / max(shape[-1], 1) ** 0.5 if len(shape) == 2 else 0.5)
        for name, shape in spec.parameter_shapes().items()
    }
    masks = 2.0 * random.integers(0, 2, shapes["dropout_masks"]) if dropout else None
    case = Case(
        spec=spec,
        parameters=parameters,
        x=normal(shapes["x"], inputs),
        h0=normal(shapes["h0"], inputs),
        d_output=normal(shapes["d_output"]),
        d_h_n=normal(shapes["d_h_n"]),
        lengths=None if lengths is None else np.asarray(lengths),
        dropout_masks=None if masks is None else masks.astype(dtype),
        origin="drawn",
    )
    return padded(case)


def padded(case: Case) -> Case:
    """The case with NaN in the padding of x and of d_output."""
    x, d_output = case.x.copy(), case.d_output.copy()
    x[np.arange(case.T)[:, None] >= case.valid_steps()[None, :]] = np.nan
    d_output[case.output_padding()] = np.nan
    return case.replace(x=x, d_output=d_output)


def specs() -> Iterator[RNNSpec]:
    """Every number of layers, directions, nonlinearity and bias, with readouts and outputs in turn."""
    kinds = itertools.product(
        (1, 2, 3), (False, True), ("tanh", "relu", "sigmoid", "identity"), (True, False)
    )
    for i, (layers, bidirectional, nonlinearity, bias) in enumerate(kinds):
        # 7 readouts and 5 outputs have no factor in common with 48: each meets all of the rest.
        outputs = ("all", "last", "all", "final", "all")[i % 5]
        yield RNNSpec(
            3, 2, layers, nonlinearity, bias, bidirectional, outputs=outputs,  # type: ignore[arg-type]
            **READOUTS[i % 7],
        )  # fmt: skip


def generating() -> Iterator[RNNSpec]:
    """Networks that read their own output for two more steps."""
    for i, (layers, nonlinearity) in enumerate(
        itertools.product((1, 2), ("tanh", "relu", "sigmoid", "identity"))
    ):
        readout = READOUTS[i % 7]
        size = readout.get("output_size", 2)
        yield RNNSpec(size, 2, layers, nonlinearity, generated=2, **readout)  # type: ignore[arg-type]


@cache
def cases() -> list[Case]:
    """A case for every spec, no two sizes equal; lengths and dropout masks in turn; no exact kinks."""
    found = []
    for i, spec in enumerate([*specs(), *generating()]):
        lengths = None if spec.generated else LENGTHS[i % 2 if i % 4 else 2]
        tries = (
            draw(spec, T, B, seed=seed, lengths=lengths, dropout=i % 3 > 0)
            for seed in itertools.count(100 * i)
        )
        found.append(next(case for case in tries if not exact_balls(case)[1].found))
    return found


def label(case: Case) -> str:
    """What a parametrised test is called."""
    spec = case.spec
    bias = "" if spec.readout_bias else " without bias_o"
    return f"{case.sizes()}{bias}"
