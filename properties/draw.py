"""`Draw`: a case before it is built. Small and plain, so that Hypothesis draws and shrinks it fast."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from rnncheck.spec import RNNSpec

Regime = Literal[
    "plain",
    "lively",
    "contractive",
    "orthogonal",
    "chaotic",
    "saturating",
    "sparse",
    "tiny",
    "one_hot",
    "zeros",
    "lattice",
    "subnormal",
    "huge",
    "dyadic",
]
"""How large the numbers are. The first one is what a failure shrinks to: 0, 1 and quarters."""

GENERAL: tuple[Regime, ...] = tuple(name for name in get_args(Regime) if name != "dyadic")
Kind = Literal["general", "dyadic", "proof"]
Cotangent = Literal[
    "output", "both", "state", "last_output", "one_step", "sparse", "negative", "large"
]
Padding = Literal["random", "equal", "one_full", "one_empty"]
"""Lengths: of any size; all the same; one row full and the others short; one of 0 and one full."""

Variety = Literal["free", "different", "equal"]
"""Sizes: as they come; no two of I, H, O, B and T the same; all the same."""

LONG = (33, 80)
"""Steps of a long case: enough for a truncation that forgets to show, few enough to stay quick."""

PROOF_SIZES = (
    (8, 2, 3, 4), (64, 1, 2, 3), (1, 2, 4, 3), (3, 1, 2, 5),
    (5, 2, 4, 2), (33, 2, 1, 3), (2, 1, 5, 4), (13, 2, 3, 2),
)  # fmt: skip
"""(T, B, I, H) of the cases on which code is run for a proof, in turn: a long T is the second."""


@dataclass(frozen=True)
class Draw:
    """A case before it is built: its spec and sizes, words, and a seed that fills the arrays.

    h0: whether the initial state is nonzero; one_state: the same one for every row. lengths: of each
    row. one_bias: `bias_hh` is 0. exact: shortened until nothing rounds in its dtype.
    """

    spec: RNNSpec
    T: int
    B: int
    regime: Regime
    cotangent: Cotangent
    h0: bool
    final_state: bool
    lengths: tuple[int, ...] | None
    dropout: bool
    dtype: str
    one_bias: bool
    seed: int
    one_state: bool = False
    exact: bool = False


def padded(T: int, B: int, padding: Padding, seed: int) -> tuple[int, ...]:
    """The rows' lengths."""
    random = np.random.default_rng(seed)
    lengths = [int(n) for n in random.integers(0 if T < 2 else 1, T + 1, B)]
    if padding == "equal":
        return (max(T - 1 - seed % max(T, 1), min(T, 1)),) * B
    if T and B > 1 and padding != "random":
        full = seed % B
        short = [max(1, min(n, T - 1)) for n in lengths]
        short[full] = T
        if padding == "one_empty":
            short[full - 1] = 0
        return tuple(short)
    return tuple(lengths)


def varied(spec: RNNSpec, T: int, B: int, variety: Variety) -> tuple[RNNSpec, int, int]:
    """Sizes that hide no swapped axes (different), or are all the same (equal).

    None becomes larger than it was drawn, so that what fails with larger sizes shrinks to sizes as
    they come. Empty and long ones stay; so does what generation ties together.
    """
    drawn = [spec.hidden_size, T, B]
    if not spec.generated:
        drawn += [spec.input_size, *([spec.output_size] if spec.output_size else [])]
    short = [size for size in drawn if 0 < size < LONG[0]]
    if variety == "equal":
        sizes = [min(short) if size in short else size for size in drawn]
    elif variety == "different":
        sizes = []
        for size in drawn:
            free = [n for n in range(size, 0, -1) if n not in sizes]
            sizes.append(free[0] if free and size in short else size)
    else:
        sizes = drawn
    H, T, B, *widths = sizes
    inputs, outputs = (*widths, None, None)[:2]
    if inputs is None:
        inputs, outputs = spec.output_size or H, spec.output_size
    spec = replace(spec, hidden_size=H, input_size=inputs, output_size=outputs)
    return spec, T, B


def for_proof(draw: Draw, number: int, batch_size: int | None) -> Draw:
    """The draw with the sizes that the case of this number has, and numbers that tie nowhere.

    batch_size: if there is only one.
    """
    T, B, inputs, hidden = PROOF_SIZES[number % len(PROOF_SIZES)]
    spec = replace(draw.spec, hidden_size=hidden, input_size=inputs, generated=0)
    if draw.spec.generated:
        spec = replace(spec, input_size=spec.output_features, generated=draw.spec.generated)
    B = batch_size or B
    lengths = None
    if draw.lengths is not None:  # none of 0: some refuse that, and it proves nothing
        lengths = tuple(max(n, 1) for n in padded(T, B, "random", draw.seed))
    return replace(draw, spec=spec, T=T, B=B, lengths=lengths, regime="lively")
