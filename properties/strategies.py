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


def _rarely(one_in: int, possible: object = True) -> st.SearchStrategy[bool]:
    """True once in so many times, if that is possible at all; shrinks to False."""
    return st.sampled_from((False,) * (one_in - 1) + (bool(possible),))


def specs(can: Capabilities) -> st.SearchStrategy[RNNSpec]:
    """Networks within the capabilities; sizes shrink to 1, options to the plain ones.

    Everything is drawn also where it cannot be used: fewer choices count as simpler in shrinking,
    and two directions are not simpler than one because nothing truncates them.
    """
    return st.builds(
        _spec,
        layers=st.integers(1, min(3, can.max_layers or 3)),
        bidirectional=_rarely(2, can.bidirectional),
        has_readout=st.just(True) if can.needs_readout else _rarely(3, can.readouts),
        truncates=_rarely(6, can.truncation),
        feeds_back=_rarely(3, can.generation),
        outputs=st.sampled_from([*can.outputs[:1] * 4, *can.outputs]),
        sizes=st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 5)),
        nonlinearity=st.sampled_from(can.nonlinearities),
        bias=st.sampled_from([n > 0 for n in can.bias_vectors]),
        readout=st.sampled_from(can.readouts or ("identity",)),
        readout_bias=st.sampled_from(can.readout_biases),
        truncation=st.integers(0, 6),
        generated=st.integers(1, 4),
    )


def _spec(
    *,
    layers: int,
    bidirectional: bool,
    has_readout: bool,
    truncates: bool,
    feeds_back: bool,
    outputs: Outputs,
    sizes: tuple[int, int, int],
    nonlinearity: Nonlinearity,
    bias: bool,
    readout: Readout,
    readout_bias: bool,
    truncation: int,
    generated: int,
) -> RNNSpec:
    """The network of these choices; those that cannot be had together give way."""
    input_size, hidden_size, output_size = sizes
    if truncates:
        layers, bidirectional = 1, False
    feeds_back = feeds_back and outputs == "all" and not bidirectional and not truncates
    if feeds_back:
        input_size = output_size if has_readout else hidden_size
    return RNNSpec(
        input_size=input_size,
        hidden_size=hidden_size,
        num_layers=layers,
        nonlinearity=nonlinearity,
        bias=bias,
        bidirectional=bidirectional,
        output_size=output_size if has_readout else None,
        readout=readout if has_readout else "identity",
        readout_bias=readout_bias if has_readout else True,
        truncation=truncation if truncates else None,
        outputs=outputs,
        generated=generated if feeds_back else 0,
    )


def sizes(can: Capabilities) -> st.SearchStrategy[tuple[int, int]]:
    """(T, B): mostly short, now and then long, seldom empty; T = 1 shows little."""
    starts = (1, 3, 2, 3, 0, 3)
    T = st.one_of(*(st.integers(start, 9) for start in starts), st.integers(*LONG))
    B = (
        st.just(can.batch_size)
        if can.batch_size
        else st.one_of(st.integers(1, 4), st.integers(0, 4))
    )
    return st.tuples(T, B)


_REGIMES_OF: dict[Kind, tuple[Regime, ...]] = {
    "general": GENERAL, "dyadic": ("plain", "dyadic", "dyadic"), "proof": ("plain", "lively"),
}  # fmt: skip
_COTANGENTS_OF: dict[Kind, tuple[Cotangent, ...]] = {
    "general": get_args(Cotangent), "dyadic": get_args(Cotangent),
    "proof": ("both", "both", "state", "last_output", "sparse"),
}  # fmt: skip
_VARIETIES: tuple[Variety, ...] = ("free", "different", "different", "different", "equal")
_PADDINGS: tuple[Padding | None, ...] = (None,) * 8 + get_args(Padding)


@dataclass(frozen=True)
class Pattern:
    """The words of a draw."""

    kind: Kind
    regime: Regime
    cotangent: Cotangent
    h0: bool
    one_state: bool
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
        st.sampled_from([True, True, True, False] if can.initial_state else [False]),
        _rarely(6),
        st.sampled_from(_PADDINGS if can.lengths else [None]),
        _rarely(2, can.dropout),
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
    # A long case shows what is forgotten only if gradients live that long.
    forgets = LONG[0] <= T and seed % 2 and pattern.kind != "dyadic"
    return Draw(
        spec=spec, T=T, B=B, regime="orthogonal" if forgets else pattern.regime,
        cotangent=pattern.cotangent, h0=pattern.h0, final_state=can.final_state, lengths=lengths,
        dropout=pattern.dropout and spec.num_layers > 1, dtype=pattern.dtype,
        one_bias=2 not in can.bias_vectors, seed=seed, one_state=pattern.one_state,
        exact=pattern.kind == "dyadic",
    )  # fmt: skip
