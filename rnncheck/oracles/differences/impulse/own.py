"""Central differences of our own forward pass, one impulse for each step and unit.

An impulse on a_t[j] leaves everything before t as it is and is the same call for all rows, so 2·H
copies of the state start at each t: T/2 steps each on the average, and not 2 runs of T steps for each
entry of each matrix. The copies of several t go through a step together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Gradients
from rnncheck.oracles.differences.impulse.assembly import assembled, require_bare
from rnncheck.oracles.noise import Samples
from rnncheck.oracles.sampled_forward import activate

STEP = 2.0**-16
"""Where truncation (h²) and the rounding of some T·H terms of L (u·√(T·H)/h) leave about the same."""

BLOCK = 2**16
"""Numbers of the states that are taken through a step together: what a second-level cache holds."""


@dataclass(frozen=True)
class Trajectory:
    """The plain run: `W x_t + b`, h_{t-1}, a_t, h_t and what L weighs h_t with, all `(T, B, H)`."""

    driven: Samples
    before: Samples
    arguments: Samples
    states: Samples
    weights: Samples


def trajectory(case: Case) -> Trajectory:
    """The plain run of a bare case."""
    p, spec = case.parameters, case.spec
    driven = case.x @ p["weight_ih_l0"].T
    if spec.bias:
        driven += p["bias_ih_l0"] + p["bias_hh_l0"]
    before, arguments, states = (np.empty_like(driven) for _ in range(3))
    h, U = case.h0[0], p["weight_hh_l0"].T
    for t in range(case.T):
        before[t] = h
        arguments[t] = driven[t] + h @ U
        states[t] = h = activate(spec.nonlinearity, arguments[t])
    weights = case.d_output.astype(np.float64)
    weights[-1] += case.d_h_n[0]
    return Trajectory(driven, before, arguments, states, weights)


def blocks(T: int, numbers: int) -> Iterator[tuple[int, int]]:
    """Start steps that are taken together, `numbers` of each: ranges that cover 0..T."""
    together = max(BLOCK // max(numbers, 1), 1)
    for first in range(0, T, together):
        yield first, min(first + together, T)


def impulse_differences(case: Case, step: float = STEP) -> Gradients:
    """dL/dθ for every entry, with δ_t[b,j] = (L(a_t[b,j] + ε) - L(a_t[b,j] - ε)) / 2ε.

    For one layer in one direction without a readout (ValueError otherwise), in float64.
    """
    require_bare(case)
    run, H = trajectory(case), case.spec.hidden_size
    deltas = np.empty_like(run.arguments)
    for first, last in blocks(case.T, 2 * case.B * H * H):
        deltas[first:last] = _effects(case, run, first, last, step)
    return assembled(case, deltas, run.before)


def _effects(case: Case, run: Trajectory, first: int, last: int, step: float) -> Array:
    """δ `(last - first, B, H)` of the impulses at these steps."""
    H, B, U = case.spec.hidden_size, case.B, case.parameters["weight_hh_l0"].T
    h = np.empty((last - first, 2, H, B, H))
    a = np.empty_like(h)
    effects, units = np.zeros((last - first, H, B)), np.arange(H)
    for s in range(first, case.T):
        old, now = min(s, last) - first, min(s + 1, last) - first
        np.matmul(h[:old].reshape(-1, H), U, out=a[:old].reshape(-1, H))
        a[:old] += run.driven[s]
        if now > old:
            a[old] = run.arguments[s]
            a[old, 0, units, :, units] += step
            a[old, 1, units, :, units] -= step
        h[:now] = activate(case.spec.nonlinearity, a[:now])
        effects[:now] += np.einsum("kjbh,bh->kjb", h[:now, 0] - h[:now, 1], run.weights[s])
    arguments = run.arguments[first:last]
    widths = (arguments + step) - (arguments - step)
    found: Array = effects.swapaxes(1, 2) / widths
    return found
