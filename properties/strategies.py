"""Cases that see: sizes, regimes and patterns, drawn by Hypothesis and built from a seed.

Hypothesis draws and shrinks a `Draw`, which is small; `build` turns it into a `Case`. Every draw of
one strategy makes the same number of choices, and the plainest one comes first in each: the
smallest case that fails has small sizes and round numbers. What is drawn is limited to what
an implementation says it can do.
"""

from dataclasses import dataclass, replace
from typing import TypeVar, get_args

from hypothesis import strategies as st

from rnncheck.case import Case
from rnncheck.implementation import Capabilities
from rnncheck.properties.building import build
from rnncheck.properties.draw import (
    GENERAL,
    LONG,
    PROOF_SIZES,
    Cotangent,
    Draw,
    Kind,
    Padding,
    Regime,
    Variety,
    for_proof,
    padded,
    varied,
)
from rnncheck.properties.plain import DIGIT, GROUPS
from rnncheck.spec import Nonlinearity, Outputs, Readout, RNNSpec

__all__ = [
    "GENERAL", "LONG", "PROOF_SIZES", "Cotangent", "Draw", "Kind", "Padding", "Regime", "Variety",
    "build", "cases", "draws", "dyadic_part", "for_proof", "patterns", "sizes", "specs",
]  # fmt: skip

Choice = TypeVar("Choice")


def draws(can: Capabilities, kind: Kind = "general") -> st.SearchStrategy[Draw]:
    """Draws of cases that an implementation with these capabilities can run.

    kind: general; dyadic: linear and ReLU networks of multiples of 1/4; or proof: plain
    numbers, which only decide the branches.
    """
    if kind == "dyadic":
        can = dyadic_part(can)
    elif kind == "proof":
        can = replace(can, max_layers=min(2, can.max_layers or 2))
    if not can.nonlinearities:
        return st.nothing()
    parts = (specs(can), sizes(can), patterns(can, kind), _SEEDS)
    return st.builds(_assemble, st.just(can), *parts)


def dyadic_part(can: Capabilities) -> Capabilities:
    """What is left of the capabilities where nothing may round; no nonlinearity if nothing is."""
    linear = tuple(name for name in can.nonlinearities if name in ("relu", "identity"))
    plain = tuple(name for name in can.readouts if name == "identity")
    if can.needs_readout and not plain:
        linear = ()
    return replace(can, nonlinearities=linear, readouts=plain, generation=False)


def cases(can: Capabilities | None = None) -> st.SearchStrategy[Case]:
    """Cases that an implementation with these capabilities (by default, all) can run."""
    return draws(can or Capabilities()).map(build)


_SEEDS = st.tuples(*[st.integers(0, DIGIT - 1)] * len(GROUPS)).map(
    lambda digits: sum(d * DIGIT**i for i, d in enumerate(digits))
)
"""In small digits, one for each group of arrays (see `plain`). Integers from 100 on Hypothesis also
takes from the constants of whatever local modules are loaded, and a pool must not depend on the
subject's own file."""


_LAYERS = (1, 2, 3) * 4 + (4,)
"""Seldom four: what is wrong from the fourth layer on has been seen, but each takes its time."""


def specs(can: Capabilities) -> st.SearchStrategy[RNNSpec]:
    """Networks within the capabilities; sizes shrink to 1, options to the plain ones.

    Everything is drawn also where it cannot be used: fewer choices count as simpler in shrinking,
    and two directions are not simpler than one because nothing truncates them.
    """
    readouts = [(kind, bias) for kind in can.readouts for bias in can.readout_biases]
    none: list[tuple[Readout, bool] | None] = [None] * (3 * len(readouts) or 1)
    return st.builds(
        _spec,
        st.sampled_from([n for n in _LAYERS if n <= (can.max_layers or n)]),
        st.sampled_from((False, can.bidirectional)),
        st.sampled_from(readouts if can.needs_readout else [*none, *readouts]),
        st.sampled_from((None,) * 50 + (tuple(range(7)) if can.truncation else ())),
        st.sampled_from((0,) * 7 + ((1, 2, 3, 4) if can.generation else ())),
        st.sampled_from([*can.outputs[:1] * 4, *can.outputs]),
        st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 5)),
        st.sampled_from(can.nonlinearities),
        st.sampled_from([n > 0 for n in can.bias_vectors]),
    )


def _spec(
    layers: int,
    bidirectional: bool,
    readout: tuple[Readout, bool] | None,
    truncation: int | None,
    generated: int,
    outputs: Outputs,
    sizes: tuple[int, int, int],
    nonlinearity: Nonlinearity,
    bias: bool,
) -> RNNSpec:
    """The network of these choices; those that cannot be had together give way."""
    input_size, hidden_size, output_size = sizes
    if truncation is not None:
        layers, bidirectional = 1, False
    if outputs != "all" or bidirectional or truncation is not None:
        generated = 0
    if generated:
        input_size = output_size if readout else hidden_size
    kind, readout_bias = readout or ("identity", True)
    return RNNSpec(
        input_size=input_size,
        hidden_size=hidden_size,
        num_layers=layers,
        nonlinearity=nonlinearity,
        bias=bias,
        bidirectional=bidirectional,
        output_size=output_size if readout else None,
        readout=kind,
        readout_bias=readout_bias,
        truncation=truncation,
        outputs=outputs,
        generated=generated,
    )


_LONG_STEPS = (*range(LONG[0], LONG[1], 3), LONG[1])
_STEPS = (*range(1, 10), *(*range(3, 10), *range(2, 10)) * 2, *(0,) * 3, *_LONG_STEPS)
_ROWS = (1, 2, 3, 4, 5, 2, 3, 4, 5, 3, 4, 5, 0)


def sizes(can: Capabilities) -> st.SearchStrategy[tuple[int, int]]:
    """(T, B): mostly short, now and then long, seldom empty; T = 1 shows little."""
    rows = st.just(can.batch_size) if can.batch_size else st.sampled_from(_ROWS)
    return st.tuples(st.sampled_from(_STEPS), rows)


_REGIMES_OF: dict[Kind, tuple[Regime, ...]] = {
    "general": GENERAL, "dyadic": ("plain", "dyadic", "dyadic"), "proof": ("plain", "lively"),
}  # fmt: skip
_COTANGENTS_OF: dict[Kind, tuple[Cotangent, ...]] = {
    "general": get_args(Cotangent), "dyadic": get_args(Cotangent),
    "proof": ("both", "both", "state", "last_output", "sparse"),
}  # fmt: skip
_VARIETIES: tuple[Variety, ...] = ("free", *("different",) * 7, "equal")
_PADDINGS: tuple[Padding | None, ...] = (None,) * 8 + get_args(Padding)

_STATES = ("each", "each", "each", "one", "zero")
"""h0: of each row its own, the same one for all, or zero."""


@dataclass(frozen=True)
class Pattern:
    """The words of a draw."""

    kind: Kind
    regime: Regime
    cotangent: Cotangent
    state: str
    padding: Padding | None
    dropout: bool
    dtype: str
    variety: Variety


def patterns(can: Capabilities, kind: Kind) -> st.SearchStrategy[Pattern]:
    """Regime, cotangents, initial state, lengths, dropout, dtype, and how varied the sizes are."""
    return st.builds(
        Pattern,
        st.just(kind),
        st.sampled_from(_REGIMES_OF[kind]),
        st.sampled_from(_COTANGENTS_OF[kind]),
        st.sampled_from(_STATES if can.initial_state else ("zero",)),
        st.sampled_from(_PADDINGS if can.lengths else [None]),
        st.sampled_from((False, can.dropout)),
        st.sampled_from(can.dtypes[:1] + can.dtypes),
        st.sampled_from(_VARIETIES),
    )


def _assemble(
    can: Capabilities, spec: RNNSpec, size: tuple[int, int], pattern: Pattern, seed: int
) -> Draw:
    T, B = size
    spec, T, B = varied(spec, max(T, 1) if spec.generated else T, B, pattern.variety)
    B = can.batch_size or B
    lengths = None
    if pattern.padding and not spec.generated:
        lengths = padded(T, B, pattern.padding, seed)
    # Masks of steps that are generated are cut off from the others': code of its own, seldom drawn.
    dropout = pattern.dropout or (can.dropout and spec.generated > 0 and seed % 2 == 1)
    # A long case shows what is forgotten only if gradients live that long.
    forgets = LONG[0] <= T and seed % 2 and pattern.kind != "dyadic"
    return Draw(
        spec=spec, T=T, B=B, regime="orthogonal" if forgets else pattern.regime,
        cotangent=pattern.cotangent, h0=pattern.state != "zero", final_state=can.final_state, lengths=lengths,
        dropout=dropout and spec.num_layers > 1, dtype=pattern.dtype,
        one_bias=2 not in can.bias_vectors, seed=seed, one_state=pattern.state == "one",
        exact=pattern.kind == "dyadic",
    )  # fmt: skip
