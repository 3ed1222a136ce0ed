"""Cases that see: sizes, regimes and patterns, drawn by Hypothesis and built from a seed.

A `Draw` is small and plain: a spec, sizes, words and a seed. Hypothesis draws and shrinks it
quickly; `build` turns it into a `Case`, always the same one. What it draws is limited to
what an implementation says it can do.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from hypothesis import strategies as st

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities
from rnncheck.oracles.dyadic import fits, is_dyadic
from rnncheck.spec import RNNSpec, Shape

Regime = Literal[
    "lively",
    "contractive",
    "orthogonal",
    "chaotic",
    "saturating",
    "sparse",
    "tiny",
    "one_hot",
    "dyadic",
]
GENERAL: tuple[Regime, ...] = tuple(name for name in get_args(Regime) if name != "dyadic")
Kind = Literal["general", "dyadic", "proof"]
Cotangent = Literal["both", "output", "state", "last_output", "sparse", "large"]

LONG = (33, 80)
"""Steps of a long case: enough for a truncation that forgets to show, few enough to stay quick."""


MOST_DYADIC = 16
"""Steps of a dyadic case, before it is cut to the bits of its dtype: more never fit."""


PROOF_SIZES = (
    (8, 2, 3, 4), (64, 1, 2, 3), (1, 2, 4, 3), (3, 1, 2, 5),
    (5, 2, 4, 2), (33, 2, 1, 3), (2, 1, 5, 4), (13, 2, 3, 2),
)  # fmt: skip
"""(T, B, I, H) of the cases on which code is run for a proof, in turn: a long T is the second."""


@dataclass(frozen=True)
class Draw:
    """A case before it is built. h0: whether the initial state is nonzero; lengths: of each row."""

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


_SEEDS = st.tuples(*[st.integers(0, 99)] * 4).map(
    lambda digits: sum(d * 100**i for i, d in enumerate(digits))
)
"""In small digits: integers from 100 on Hypothesis also takes from the constants of whatever local
modules are loaded, and a pool must not depend on the subject's own file."""


@st.composite
def specs(draw: st.DrawFn, can: Capabilities) -> RNNSpec:
    """Networks within the capabilities; sizes shrink to 1, options to the plain ones.

    Truncation and generation are drawn also where they cannot be used: fewer choices count as
    simpler in shrinking, and two directions are not simpler than one because nothing truncates them.
    """
    layers = draw(st.integers(1, min(3, can.max_layers or 3)))
    bidirectional = can.bidirectional and draw(st.booleans())
    readout = can.needs_readout or (
        bool(can.readouts) and draw(st.sampled_from([False, False, True]))
    )
    truncate = draw(st.integers(0, 7)) == 7
    truncate = truncate and can.truncation and layers == 1 and not bidirectional
    outputs = draw(st.sampled_from([*can.outputs[:1] * 4, *can.outputs]))
    input_size, hidden_size = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    output_size = draw(st.integers(1, 4)) if readout else None
    plain = not bidirectional and not truncate and outputs == "all"
    feeds_back = draw(st.sampled_from([False, False, True])) and can.generation and plain
    if feeds_back:
        input_size = output_size or hidden_size
    return RNNSpec(
        input_size=input_size,
        hidden_size=hidden_size,
        num_layers=layers,
        nonlinearity=draw(st.sampled_from(can.nonlinearities)),
        bias=draw(st.sampled_from([n > 0 for n in can.bias_vectors])),
        bidirectional=bidirectional,
        output_size=output_size,
        readout=draw(st.sampled_from(can.readouts)) if readout else "identity",
        readout_bias=draw(st.sampled_from(can.readout_biases)) if readout else True,
        truncation=draw(st.integers(0, 6)) if truncate else None,
        outputs=outputs,
        generated=draw(st.integers(1, 4)) if feeds_back else 0,
    )


def sizes(can: Capabilities) -> st.SearchStrategy[tuple[int, int]]:
    """(T, B): mostly short, now and then long, seldom empty."""
    T = st.one_of(st.integers(1, 9), st.integers(0, 9), st.integers(2, 9), st.integers(*LONG))
    B = (
        st.just(can.batch_size)
        if can.batch_size
        else st.one_of(st.integers(1, 4), st.integers(0, 4))
    )
    return st.tuples(T, B)


_REGIMES_OF: dict[Kind, tuple[Regime, ...]] = {
    "general": GENERAL, "dyadic": ("dyadic",), "proof": ("lively",),
}  # fmt: skip
_COTANGENTS_OF: dict[Kind, tuple[Cotangent, ...]] = {
    "general": get_args(Cotangent), "dyadic": get_args(Cotangent),
    "proof": ("both", "both", "state", "last_output", "sparse"),
}  # fmt: skip


@dataclass(frozen=True)
class Pattern:
    """The words of a draw."""

    regime: Regime
    cotangent: Cotangent
    h0: bool
    lengths: bool
    dropout: bool
    dtype: str


def patterns(can: Capabilities, kind: Kind) -> st.SearchStrategy[Pattern]:
    """Regime, cotangents, initial state, lengths, dropout and dtype."""
    return st.builds(
        Pattern,
        st.sampled_from(_REGIMES_OF[kind]),
        st.sampled_from(_COTANGENTS_OF[kind]),
        st.sampled_from([True, True, True, False] if can.initial_state else [False]),
        st.sampled_from([False, False, True] if can.lengths else [False]),
        st.booleans() if can.dropout else st.just(False),
        st.sampled_from(can.dtypes),
    )


def _assemble(
    can: Capabilities, spec: RNNSpec, size: tuple[int, int], pattern: Pattern, seed: int
) -> Draw:
    T, B = size
    T = max(T, 1) if spec.generated else T
    lengths = _lengths(T, B, seed) if pattern.lengths and not spec.generated else None
    # A long case shows what is forgotten only if gradients live that long.
    forgets = LONG[0] <= T and seed % 2 and pattern.regime != "dyadic"
    regime: Regime = "orthogonal" if forgets else pattern.regime
    return Draw(
        spec=spec, T=T, B=B, regime=regime, cotangent=pattern.cotangent, h0=pattern.h0,
        final_state=can.final_state, lengths=lengths,
        dropout=pattern.dropout and spec.num_layers > 1, dtype=pattern.dtype,
        one_bias=2 not in can.bias_vectors, seed=seed,
    )  # fmt: skip


def _lengths(T: int, B: int, seed: int) -> tuple[int, ...]:
    """The rows' lengths; of some seeds one is 0 and one is T."""
    random = np.random.default_rng(seed)
    lengths = tuple(int(n) for n in random.integers(0 if T < 2 else 1, T + 1, B))
    return (0, T, *lengths[2:]) if T and B > 1 and seed % 4 == 0 else lengths


def for_proof(draw: Draw, number: int, batch_size: int | None) -> Draw:
    """The draw with the sizes that the case of this number has; batch_size: if there is only one."""
    T, B, inputs, hidden = PROOF_SIZES[number % len(PROOF_SIZES)]
    spec = replace(draw.spec, hidden_size=hidden, input_size=inputs, generated=0)
    if draw.spec.generated:
        spec = replace(spec, input_size=spec.output_features, generated=draw.spec.generated)
    B = batch_size or B
    lengths = None
    if draw.lengths is not None:  # none of 0: some refuse that, and it proves nothing
        lengths = tuple(max(n, 1) for n in _lengths(T, B, draw.seed))
    return replace(draw, spec=spec, T=T, B=B, lengths=lengths)


def build(draw: Draw) -> Case:
    """The case of a draw: every number comes from its seed."""
    case = _build(draw)
    while draw.regime == "dyadic" and is_dyadic(case) and not fits(case) and draw.T > 1:
        draw = _shorter(draw)
        case = _build(draw)
    return case


def _shorter(draw: Draw) -> Draw:
    """The same draw with fewer steps: a dyadic case must stay within its bits."""
    T = min(MOST_DYADIC, draw.T - 1)
    lengths = None if draw.lengths is None else tuple(min(n, T) for n in draw.lengths)
    return replace(draw, T=T, lengths=lengths)


def _build(draw: Draw) -> Case:
    random = np.random.default_rng(draw.seed)
    spec, shapes = draw.spec, draw.spec.array_shapes(draw.T, draw.B)
    parameters = {
        name: _REGIMES[draw.regime].weights(name, shape, random)
        for name, shape in spec.parameter_shapes().items()
    }
    if draw.one_bias:
        parameters |= {n: np.zeros_like(a) for n, a in parameters.items() if "bias_hh" in n}
    h0 = _REGIMES[draw.regime].inputs("h0", shapes["h0"], random)
    d_output, d_h_n = _cotangents(draw, shapes, random)
    case = Case(
        spec=spec,
        parameters=parameters,
        x=_REGIMES[draw.regime].inputs("x", shapes["x"], random),
        h0=h0 if draw.h0 else np.zeros_like(h0),
        d_output=d_output,
        d_h_n=d_h_n if draw.final_state else np.zeros_like(d_h_n),
        lengths=None if draw.lengths is None else np.array(draw.lengths, dtype=np.int64),
        dropout_masks=2.0 * random.integers(0, 2, shapes["dropout_masks"]).astype(np.float64)
        if draw.dropout
        else None,
        origin=f"{draw.regime}, cotangent {draw.cotangent}, seed {draw.seed}",
    )
    return _pad_with_nan(case.astype(draw.dtype))


def _pad_with_nan(case: Case) -> Case:
    """What stands in the padding must influence nothing: NaN there shows if it does."""
    if case.lengths is None:
        return case
    padding = np.arange(case.T)[:, None] >= case.lengths[None, :]
    x, d_output = case.x.copy(), case.d_output.copy()
    x[padding], d_output[case.output_padding()] = np.nan, np.nan
    return case.replace(x=x, d_output=d_output)


def _cotangents(
    draw: Draw, shapes: dict[str, Shape], random: np.random.Generator
) -> tuple[Array, Array]:
    draw_one = _quarters if draw.regime == "dyadic" else _normal(1.0)
    d_output = draw_one("d_output", shapes["d_output"], random)
    d_h_n = draw_one("d_h_n", shapes["d_h_n"], random)
    match draw.cotangent:
        case "output":
            d_h_n[...] = 0.0
        case "state" if draw.final_state:
            d_output[...] = 0.0
        case "last_output":
            d_output[:-1] = 0.0
            d_h_n[...] = 0.0
        case "sparse":
            d_output *= random.random(d_output.shape) < 0.2
        case "large":
            d_output, d_h_n = -1024.0 * np.abs(d_output), -1024.0 * np.abs(d_h_n)
    return d_output, d_h_n


Maker = Callable[[str, Shape, np.random.Generator], Array]


@dataclass(frozen=True)
class _Regime:
    """How large the numbers are: for a parameter, and for `x` or `h0`, by name and shape."""

    weights: Maker
    inputs: Maker


def _scaled(radius: float) -> Maker:
    """Normal weights, a recurrent matrix of about this spectral radius, biases of about 0.3."""

    def make(name: str, shape: Shape, random: np.random.Generator) -> Array:
        scale = radius / np.sqrt(shape[1]) if len(shape) == 2 and shape[1] else 0.3
        return scale * random.standard_normal(shape)

    return make


def _normal(scale: float) -> Maker:
    return lambda name, shape, random: scale * random.standard_normal(shape)


def _orthogonal(name: str, shape: Shape, random: np.random.Generator) -> Array:
    """An orthogonal recurrent matrix keeps gradients alive for all T; the rest is small."""
    if "weight_hh" in name:
        q, r = np.linalg.qr(random.standard_normal(shape))
        return np.asarray(q * np.sign(np.diag(r)))
    return (1.0 if "weight" in name else 1e-3) * random.standard_normal(shape)


def _with_zeros(make: Maker) -> Maker:
    """Half of the numbers are 0, and half of these -0."""

    def sparse(name: str, shape: Shape, random: np.random.Generator) -> Array:
        values = make(name, shape, random)
        return np.where(random.random(shape) < 0.5, values, np.copysign(0.0, values))

    return sparse


def _one_hot(name: str, shape: Shape, random: np.random.Generator) -> Array:
    if name == "h0" or 0 in shape:
        return random.standard_normal(shape)
    return np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])]


def _quarters(name: str, shape: Shape, random: np.random.Generator) -> Array:
    """Multiples of 1/4 in [-1, 1]; few and small in the recurrent matrix, so that sums stay small."""
    quarters = random.integers(-4, 5, shape) / 4.0
    if "weight_hh" not in name:
        return quarters
    return np.where(random.random(shape) < 1.5 / shape[0], np.sign(quarters) / 2.0, 0.0)


_REGIMES: dict[Regime, _Regime] = {
    "lively": _Regime(_scaled(1.0), _normal(1.0)),
    "contractive": _Regime(_scaled(0.4), _normal(1.0)),
    "orthogonal": _Regime(_orthogonal, _normal(1e-2)),
    "chaotic": _Regime(_scaled(3.0), _normal(1.0)),
    "saturating": _Regime(_scaled(1.5), _normal(30.0)),
    "sparse": _Regime(_with_zeros(_scaled(1.5)), _with_zeros(_normal(1.0))),
    "tiny": _Regime(_scaled(1.0), _normal(1e-20)),
    "one_hot": _Regime(_scaled(1.0), _one_hot),
    "dyadic": _Regime(_quarters, _quarters),
}
