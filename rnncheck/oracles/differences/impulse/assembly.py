"""From δ_t = ∂L/∂a_t to the gradient of every array, for one layer in one direction.

    dW = Σ δ_t x_tᵀ,   dU = Σ δ_t h_{t-1}ᵀ,   db = Σ δ_t,   dx_t = Wᵀ δ_t,   dh0 = Uᵀ δ_0

with the sums over steps and rows: the chain rule through a_t = W x_t + U h_{t-1} + b.
"""

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Gradients

UNIT = float(np.finfo(np.float64).eps / 2)


def has_impulses(case: Case) -> bool:
    """Whether L depends on the cell's weights through one a_t for each step and row alone.

    One layer, one direction, every row of full length, no step that reads an output. A readout may follow.
    """
    spec = case.spec
    alone = spec.num_states == 1 and not spec.generated and case.lengths is None
    return alone and spec.truncation is None and case.T > 0 and case.B > 0


def require_bare(case: Case) -> None:
    """Raise ValueError unless `has_impulses`, and the states themselves are put out."""
    spec = case.spec
    if not has_impulses(case) or spec.output_size is not None or spec.outputs != "all":
        raise ValueError(
            f"impulses of our own forward pass are for one layer, one direction, full lengths and no "
            f"readout; not for {case.sizes()}"
        )


def assembled(case: Case, deltas: Array, before: Array) -> Gradients:
    """The gradient of every array but a readout's. deltas, before: δ_t and h_{t-1}, `(T, B, H)`."""
    return _products(case, deltas, case.x, before, "weight_ih_l0", "weight_hh_l0", False)


def assembled_doubt(case: Case, deltas: Array, before: Array, doubt: Array) -> Gradients:
    """How far off `assembled` may be where each δ is off by `doubt`, rounding included.

    Σ doubt·|x| and so on, and n·u·Σ |δ||x| for a sum of n products (N. Higham, "Accuracy and
    Stability of Numerical Algorithms", §3.1).
    """
    terms = max(case.T * case.B, case.spec.hidden_size) + 1
    sizes = doubt + terms * UNIT * np.abs(deltas)
    return _products(case, sizes, case.x, before, "weight_ih_l0", "weight_hh_l0", True)


def _products(
    case: Case, deltas: Array, x: Array, before: Array, w_ih: str, w_hh: str, sizes: bool
) -> Gradients:
    W, U = case.parameters[w_ih], case.parameters[w_hh]
    if sizes:
        W, U, x, before = np.abs(W), np.abs(U), np.abs(x), np.abs(before)
    rows = deltas.reshape(-1, deltas.shape[-1])
    found: Gradients = {
        w_ih: rows.T @ x.reshape(-1, x.shape[-1]),
        w_hh: rows.T @ before.reshape(-1, before.shape[-1]),
        "x": deltas @ W,
        "h0": (deltas[0] @ U)[None],
    }
    if case.spec.bias:
        total = rows.sum(axis=0)
        found |= {"bias_ih_l0": total, "bias_hh_l0": total.copy()}
    return found
