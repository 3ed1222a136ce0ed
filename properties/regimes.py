"""Regimes: how large the numbers of a case are. A random case hides bugs; each of these shows some."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.properties.draw import Regime
from rnncheck.properties.plain import quarters
from rnncheck.spec import Shape

Maker = Callable[[str, Shape, np.random.Generator], Array]
"""A parameter, `x` or `h0`, by name and shape."""

HUGE = 2.0**40
"""Inputs of this size, and weights that take it back: nothing need overflow, and float32 squares it."""


@dataclass(frozen=True)
class Makers:
    """What fills the parameters, and what fills `x` and `h0`."""

    weights: Maker
    inputs: Maker


def makers(regime: Regime, dtype: str) -> Makers:
    """The makers of a regime (`plain` has no random ones); dtype: whose subnormal numbers."""
    if regime == "subnormal":
        return Makers(_scaled(1.0), _faint(float(np.finfo(dtype).tiny) / 4.0))
    return _MAKERS[regime]


def _scaled(radius: float) -> Maker:
    """Normal weights, a recurrent matrix of about this spectral radius, biases of about 0.3."""

    def make(name: str, shape: Shape, random: np.random.Generator) -> Array:
        scale = radius / np.sqrt(shape[1]) if len(shape) == 2 and shape[1] else 0.3
        return scale * random.standard_normal(shape)

    return make


def normal(scale: float) -> Maker:
    """Normal numbers of one size."""
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


def _zeros(name: str, shape: Shape, random: np.random.Generator) -> Array:
    """Zeros of both signs: every argument is a bias, and where that is 0 too, at ReLU's kink."""
    return np.copysign(0.0, random.standard_normal(shape))


def _with_zero_biases(make: Maker) -> Maker:
    """Biases are zeros of both signs, all of one array or none."""

    def some(name: str, shape: Shape, random: np.random.Generator) -> Array:
        values = make(name, shape, random)
        return np.copysign(0.0, values) if "bias" in name and random.random() < 0.5 else values

    return some


def _one_hot(name: str, shape: Shape, random: np.random.Generator) -> Array:
    if name == "h0" or 0 in shape:
        return random.standard_normal(shape)
    return np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])]


def _lattice(scale: float) -> Maker:
    """-1, 0 and 1: sums cancel, so arguments of ReLU are often exactly 0, and ties are everywhere."""
    return lambda name, shape, random: scale * random.integers(-1, 2, shape)


def _faint(scale: float) -> Maker:
    """Half of the numbers are subnormal, beside others that keep the rest of the network telling."""

    def faint(name: str, shape: Shape, random: np.random.Generator) -> Array:
        values = random.standard_normal(shape)
        return np.where(random.random(shape) < 0.5, values, scale * values)

    return faint


def _undone(make: Maker, factor: float) -> Maker:
    """The first layers' input weights divided by what `x` is multiplied by."""

    def small(name: str, shape: Shape, random: np.random.Generator) -> Array:
        values = make(name, shape, random)
        return values / factor if name.startswith("weight_ih_l0") else values

    return small


def _large_x(name: str, shape: Shape, random: np.random.Generator) -> Array:
    return (HUGE if name == "x" else 1.0) * random.standard_normal(shape)


_MAKERS: dict[Regime, Makers] = {
    "lively": Makers(_scaled(1.0), normal(1.0)),
    "contractive": Makers(_scaled(0.4), normal(1.0)),
    "orthogonal": Makers(_orthogonal, normal(1e-2)),
    "chaotic": Makers(_scaled(3.0), normal(1.0)),
    "saturating": Makers(_scaled(1.5), normal(30.0)),
    "sparse": Makers(_with_zeros(_scaled(1.5)), _with_zeros(normal(1.0))),
    "tiny": Makers(_scaled(1.0), normal(1e-20)),
    "one_hot": Makers(_scaled(1.0), _one_hot),
    "zeros": Makers(_with_zero_biases(_scaled(1.0)), _zeros),
    "lattice": Makers(_lattice(0.5), _lattice(1.0)),
    "huge": Makers(_undone(_scaled(1.0), HUGE), _large_x),
    "dyadic": Makers(quarters, quarters),
}
