"""Random smooth functions with their derivative and a bound on the rounding of their values."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

U = 2.0**-53
LIBRARY = 4 * U
"""tanh, sin and exp of the C library: within 2 ulp, each at most 2u of the value."""


@dataclass(frozen=True)
class Smooth:
    """f and f' at x; noise: how far a value of f between x - reach and x + reach may be off."""

    name: str
    f: Callable[[float], float]
    x: float
    slope: float
    noise: float

    @property
    def slack(self) -> float:
        """What the rounding of `slope` itself, and of the last sum in a test, may amount to."""
        return 16 * U * abs(self.slope)


def reach(x: float) -> float:
    """The largest |v| at which a difference at x looks: its widest step is max(|x|, 1)/8 or less."""
    return abs(x) + max(abs(x), 1.0) / 8.0


def polynomial(random: np.random.Generator, x: float) -> Smooth:
    """Horner's rule: 2n roundings of at most u Σ |c_k| |x|ᵏ (Higham, §5.1)."""
    c = random.standard_normal(int(random.integers(1, 8))).tolist()

    def f(v: float) -> float:
        total = 0.0
        for coefficient in reversed(c):
            total = total * v + coefficient
        return total

    slope = math.fsum(k * a * x ** (k - 1) for k, a in enumerate(c) if k)
    size = sum(abs(a) * reach(x) ** k for k, a in enumerate(c))
    return Smooth(f"polynomial {c}", f, x, slope, 2 * len(c) * U * size)


def tanh(random: np.random.Generator, x: float) -> Smooth:
    c = float(random.uniform(0.1, 20.0))
    slope = c / math.cosh(c * x) ** 2 if abs(c * x) < 300.0 else 0.0
    return Smooth(f"tanh({c} x)", lambda v: math.tanh(c * v), x, slope, LIBRARY + U * c * reach(x))


def exp(random: np.random.Generator, x: float) -> Smooth:
    largest = math.exp(reach(x))
    return Smooth("exp", math.exp, x, math.exp(x), LIBRARY * largest)


def sine(random: np.random.Generator, x: float, fastest: float = 50.0) -> Smooth:
    w = fastest * float(random.choice((1.0, random.uniform(0.02, 1.0))))
    noise = LIBRARY + U * w * reach(x)
    return Smooth(f"sin({w} x)", lambda v: math.sin(w * v), x, w * math.cos(w * x), noise)


def waves(random: np.random.Generator, x: float) -> Smooth:
    """Σ a sin(k x + p): two roundings of the argument, the sine's, the product's, and the sum's."""
    n = int(random.integers(2, 5))
    terms = list(
        zip(
            random.standard_normal(n).tolist(), random.uniform(0.1, 10.0, n).tolist(),
            random.standard_normal(n).tolist(), strict=True,
        )
    )  # fmt: skip
    size = sum(abs(a) * (LIBRARY + 2 * U * (k * reach(x) + abs(p)) + n * U) for a, k, p in terms)
    return Smooth(
        f"waves {terms}",
        lambda v: sum(a * math.sin(k * v + p) for a, k, p in terms),
        x,
        math.fsum(a * k * math.cos(k * x + p) for a, k, p in terms),
        size,
    )


FAMILIES = (polynomial, tanh, exp, sine, waves)


def smooth(seed: int) -> Smooth:
    """A function of a family in turn, at an x from 1e-3 to a few."""
    random = np.random.default_rng(seed)
    x = float(random.standard_normal() * 10.0 ** random.uniform(-3.0, 0.0))
    return FAMILIES[seed % len(FAMILIES)](random, x)


def noisy(smooth: Smooth, noise: float, seed: int) -> Callable[[float], float]:
    """The function with a random error of at most `noise` in every value."""
    random = np.random.default_rng(seed)
    return lambda v: smooth.f(v) + noise * float(random.uniform(-1.0, 1.0))
