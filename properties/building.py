"""From a draw to its case: always the same one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.dyadic import fits, is_dyadic
from rnncheck.properties.draw import Draw
from rnncheck.properties.plain import plain, quarters
from rnncheck.properties.regimes import makers, normal
from rnncheck.spec import Shape

MOST_EXACT = 16
"""Steps of a dyadic case, before it is cut to the bits of its dtype: more never fit."""

Fill = Callable[[str, Shape], Array]


def build(draw: Draw) -> Case:
    """The case of a draw: every number comes from its seed."""
    case = _build(draw)
    exact = draw.exact or draw.regime == "dyadic"
    while exact and is_dyadic(case) and not fits(case) and draw.T > 1:
        draw = _shorter(draw)
        case = _build(draw)
    return case


def _shorter(draw: Draw) -> Draw:
    """The same draw with fewer steps: a dyadic case must stay within its bits."""
    T = min(MOST_EXACT, draw.T - 1)
    lengths = None if draw.lengths is None else tuple(min(n, T) for n in draw.lengths)
    return replace(draw, T=T, lengths=lengths)


def _build(draw: Draw) -> Case:
    random = np.random.default_rng(draw.seed)
    spec, shapes = draw.spec, draw.spec.array_shapes(draw.T, draw.B)
    weights, inputs, gradients = _fills(draw, random)
    parameters = {n: weights(n, shape) for n, shape in spec.parameter_shapes().items()}
    if draw.one_bias:
        parameters |= {n: np.zeros_like(a) for n, a in parameters.items() if "bias_hh" in n}
    h0 = inputs("h0", shapes["h0"])
    if draw.one_state:
        h0[:] = h0[:, :1]
    d_output, d_h_n = _cotangents(draw, shapes, gradients, random)
    case = Case(
        spec=spec,
        parameters=parameters,
        x=inputs("x", shapes["x"]),
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


def _fills(draw: Draw, random: np.random.Generator) -> tuple[Fill, Fill, Fill]:
    """What fills parameters, inputs and cotangents."""
    if draw.regime == "plain":
        return (lambda name, shape: plain(name, shape, draw.seed),) * 3
    made = makers(draw.regime, draw.dtype)
    gradients = quarters if draw.regime == "dyadic" else normal(1.0)
    return (
        lambda name, shape: made.weights(name, shape, random),
        lambda name, shape: made.inputs(name, shape, random),
        lambda name, shape: gradients(name, shape, random),
    )


def _pad_with_nan(case: Case) -> Case:
    """What stands in the padding must influence nothing: NaN there shows if it does."""
    if case.lengths is None:
        return case
    padding = np.arange(case.T)[:, None] >= case.lengths[None, :]
    x, d_output = case.x.copy(), case.d_output.copy()
    x[padding], d_output[case.output_padding()] = np.nan, np.nan
    return case.replace(x=x, d_output=d_output)


def _cotangents(
    draw: Draw, shapes: dict[str, Shape], fill: Fill, random: np.random.Generator
) -> tuple[Array, Array]:
    d_output, d_h_n = (fill(name, shapes[name]) for name in ("d_output", "d_h_n"))
    match draw.cotangent:
        case "output":
            d_h_n[...] = 0.0
        case "state" if draw.final_state:
            d_output[...] = 0.0
        case "last_output":
            d_output[:-1] = 0.0
            d_h_n[...] = 0.0
        case "one_step" if len(d_output):
            step = int(random.integers(len(d_output)))
            d_output[:step], d_output[step + 1 :], d_h_n[...] = 0.0, 0.0, 0.0
        case "sparse":
            d_output *= random.random(d_output.shape) < 0.2
        case "negative":
            d_output, d_h_n = -np.abs(d_output), -np.abs(d_h_n)
        case "large":
            d_output, d_h_n = -1024.0 * np.abs(d_output), -1024.0 * np.abs(d_h_n)
    return d_output, d_h_n
