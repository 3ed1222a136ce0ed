"""Forward-mode tangents of impulses: what an infinitely small one does to every later state.

    ∂h_t/∂a_t[j] = φ'(a_t)[j] e_j,   ∂h_s = φ'(a_s) ⊙ (U ∂h_{s-1}),   δ_t[b,j] = Σ_s <weight of h_s, ∂h_s>

Nothing is subtracted, so the result is good to rounding; and nothing is carried backwards.
"""

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Gradients
from rnncheck.oracles.differences.impulse.assembly import assembled, require_bare
from rnncheck.oracles.differences.impulse.own import Trajectory, blocks, trajectory
from rnncheck.oracles.sampled import slope


def impulse_tangents(case: Case) -> Gradients:
    """dL/dθ for every entry; for one layer in one direction without a readout (ValueError otherwise)."""
    require_bare(case)
    run, H = trajectory(case), case.spec.hidden_size
    slopes, _ = slope(case.spec.nonlinearity, run.states, run.arguments)
    deltas = np.empty_like(run.arguments)
    for first, last in blocks(case.T, case.B * H * H):
        deltas[first:last] = _effects(case, run, slopes, first, last)
    return assembled(case, deltas, run.before)


def _effects(case: Case, run: Trajectory, slopes: Array, first: int, last: int) -> Array:
    """δ `(last - first, B, H)` of the impulses at these steps."""
    H, B, U = case.spec.hidden_size, case.B, case.parameters["weight_hh_l0"].T
    tangents = np.zeros((2, last - first, H, B, H))
    effects, units = np.zeros((last - first, H, B)), np.arange(H)
    for s in range(first, case.T):
        old, now = min(s, last) - first, min(s + 1, last) - first
        d, tangents = tangents[1], tangents[::-1]
        np.matmul(tangents[1, :old].reshape(-1, H), U, out=d[:old].reshape(-1, H))
        d[:old] *= slopes[s]
        if now > old:
            d[old] = 0.0
            d[old, units, :, units] = slopes[s].T
        effects[:now] += np.einsum("kjbh,bh->kjb", d[:now], run.weights[s])
    found: Array = effects.swapaxes(1, 2)
    return found
