"""The loss of a case, through `implementations.manual`, along directions and with its noise."""

from functools import cache
from typing import Any

import numpy as np

from rnncheck.case import Case
from rnncheck.implementations.manual import backward, forward
from rnncheck.oracles.envelope import envelope

Arrays = dict[str, Any]
U = 2.0**-53


def arrays(case: Case) -> Arrays:
    return {**case.parameters, "x": case.x, "h0": case.h0}


def moved(case: Case, values: Arrays) -> Case:
    parameters = {name: values[name] for name in case.spec.parameter_shapes()}
    return case.replace(parameters=parameters, x=values["x"], h0=values["h0"])


def loss(case: Case) -> float:
    """<d_output, output> + <d_h_n, h_n>."""
    output, h_n, _ = forward(case.spec, case.parameters, case.x, case.h0)
    return float((case.d_output * output).sum() + (case.d_h_n * h_n).sum())


def gradients(case: Case) -> Arrays:
    tape = forward(case.spec, case.parameters, case.x, case.h0)[2]
    return backward(tape, case.d_output, case.d_h_n)


def loss_noise(case: Case) -> float:
    """Σ |cotangent| · envelope, and n·u·Σ|terms| for the last sum; infinite where nothing is told."""
    allowed, total = envelope(case), 0.0
    output, h_n, _ = forward(case.spec, case.parameters, case.x, case.h0)
    for name, value, cotangent in (("output", output, case.d_output), ("h_n", h_n, case.d_h_n)):
        allowance = allowed[name]
        if not allowance.telling.all():
            return np.inf
        total += float((abs(cotangent) * allowance.allowed).sum())
        total += (value.size + 1) * U * float((abs(cotangent) * abs(value)).sum())
    return total


class Along:
    """A case's loss along a random direction v, times a scale: f(h), <gradient, v> and the noise."""

    def __init__(self, case: Case, seed: int, scale: float = 1.0) -> None:
        random = np.random.default_rng(seed)
        self.case, self.scale = case, scale
        self.v = {name: random.standard_normal(a.shape) for name, a in arrays(case).items()}
        self.f = cache(lambda h: scale * loss(self.at(h)))
        self.slope = scale * sum(float((g * self.v[n]).sum()) for n, g in gradients(case).items())

    def at(self, h: float) -> Case:
        return moved(self.case, {n: a + h * self.v[n] for n, a in arrays(self.case).items()})

    @property
    def noise(self) -> float:
        """Of f(h) for h from 0 to 1/8, taken as that of the ends."""
        return self.scale * max(loss_noise(self.at(h)) for h in (0.0, 0.125))
