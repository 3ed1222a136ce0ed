"""One direction of one layer, forward and backward through time.

Steps are numbered as they are processed: for the reverse direction the caller has reversed the
valid steps, and this file does not know of directions. One row, with n valid steps, h_{-1} = h0:

    (1)  a_t = W_ih z_t + W_hh h_{t-1} + b        b = bias_ih + bias_hh
    (2)  h_t = φ(a_t)                             0 <= t < n,   h_n = h_{n-1}

**Full back-propagation through time.** Let g_t be the cotangent that reaches h_t by ways other
than h_{t+1}: from the layer above, d_h_t, and at the last valid step from h_n as well.

    (3)  g_t = d_h_t + [t = n-1] d_h_n

Write δ_t = ∂loss/∂a_t. The state h_t is used twice: outside, which gives g_t, and in a_{t+1}
by (1), which gives W_hhᵀ δ_{t+1}. With (2), and δ_n = 0 as there is no step n:

    (4)  δ_t = φ'(a_t) ⊙ (g_t + W_hhᵀ δ_{t+1})

Parameters, z_t and h0 reach the loss through the a_t only: its change is Σ_t ⟨δ_t, da_t⟩, with
da_t = dW_ih z_t + W_ih dz_t + dW_hh h_{t-1} + db + [t = 0] W_hh dh0 and h_{t-1} held fixed, because
(4) has accounted for its change already. Comparing coefficients:

    (5)  d_W_ih = Σ_t δ_t z_tᵀ      d_W_hh = Σ_t δ_t h_{t-1}ᵀ      d_b = Σ_t δ_t
         d_z_t = W_ihᵀ δ_t          d_h0 = W_hhᵀ δ_0

b is the sum of the two biases, so each of them has the gradient d_b. Where n = 0, h_n is h0
itself and d_h0 = d_h_n.

**Truncated back-propagation, k links back.** (4) is linear in g, so δ_s = Σ_{t>=s} δ_{t→s},
where δ_{t→s} is what comes from g_t alone (for t = n-1 that includes d_h_n):

    (6)  δ_{t→t} = φ'(a_t) ⊙ g_t        δ_{t→s} = φ'(a_s) ⊙ W_hhᵀ δ_{t→s+1}   for s < t

Truncation keeps the lags 0 <= t-s <= k and leaves out the others: δ_s = Σ_{t=s}^{s+k} δ_{t→s},
used in (5) unchanged. To compute it, hold u_j = δ_{s+j→s}, one vector for each lag j; by (6), going
from step s+1 to step s shifts every lag by one, and what would become lag k+1 is dropped:

    (7)  u_0 ← φ'(a_s) ⊙ g_s,   u_j ← φ'(a_s) ⊙ W_hhᵀ u_{j-1}  (1 <= j <= k),   δ_s = Σ_j u_j

Where k >= n-1 no lag is dropped, and (7) is (4).

Every array may have more axes before those that are named, alike in all: W_ih (K, H, F) and
z (K, T, B, F) are those of a fleet of K networks. NumPy's `@` multiplies what the last two axes span.
"""

from dataclasses import dataclass

import numpy as np

from rnncheck.implementations.manual.activations import Activation, Array
from rnncheck.implementations.manual.padding import Lengths, at_last_step, valid_steps, zero_padding

EVERY = (..., None, slice(None), slice(None))
"""Of a matrix, or a batch: the same for every step."""


@dataclass(frozen=True, eq=False)
class Cell:
    """W_ih (H, F), W_hh (H, H), b = bias_ih + bias_hh (H,) and φ."""

    weight_ih: Array
    weight_hh: Array
    bias: Array
    activation: Activation


@dataclass(frozen=True, eq=False)
class CellTape:
    """What `backward` needs: z (T, B, F); h_{t-1} and h_t (T, B, H), all zero in the padding."""

    cell: Cell
    lengths: Lengths
    z: Array
    h_prev: Array
    h: Array


@dataclass(frozen=True, eq=False)
class CellGradients:
    """∂loss/∂ what the names say; `bias` is the gradient of either of the two biases."""

    weight_ih: Array
    weight_hh: Array
    bias: Array
    z: Array
    h0: Array


def forward(cell: Cell, z: Array, h0: Array, lengths: Lengths) -> tuple[Array, CellTape]:
    """Equations (1) and (2) for z (T, B, F), zero in the padding, and h0 (B, H).

    Returns h_n (B, H) and the tape, whose `h` is the layer's output.
    """
    T = z.shape[-3]
    valid = valid_steps(T, lengths)
    from_input = affine(z, cell.weight_ih, cell.bias)
    weight_hh_T = cell.weight_hh.swapaxes(-1, -2)
    h = np.zeros_like(from_input)
    h_prev = np.zeros_like(h)
    state = h0
    for t in range(T):
        previous = h_prev[..., t, :, :] = np.where(valid[t], state, 0)
        a = from_input[..., t, :, :] + previous @ weight_hh_T
        now = h[..., t, :, :] = np.where(valid[t], cell.activation.value(a), 0)
        # A row that has ended keeps its state, so that the last one is h_n for every row.
        state = np.where(valid[t], now, state)
    return state, CellTape(cell, lengths, z, h_prev, h)


def affine(z: Array, weight: Array, bias: Array) -> Array:
    """weight z_t + bias for every step and row of z (T, B, F), weight (H, F) and bias (H,)."""
    from_z: Array = z @ weight.swapaxes(-1, -2)[EVERY]
    return from_z + bias[..., None, None, :]


def backward(
    tape: CellTape, d_h: Array, d_h_n: Array, truncation: int | None = None
) -> CellGradients:
    """Equations (3) to (7) for d_h (T, B, H), zero in the padding, and d_h_n (B, H).

    truncation: k, or None for full back-propagation.
    """
    T, n = d_h.shape[-3], tape.lengths[:, None]
    g = d_h + at_last_step(d_h_n, T, tape.lengths)
    if truncation is None or truncation >= T - 1:
        delta = _full_deltas(tape, g)
    else:
        delta = _truncated_deltas(tape, g, truncation)
    delta_0 = delta[..., :1, :, :].sum(axis=-3)  # zero where T = 0
    return CellGradients(
        weight_ih=sum_of_outer_products(delta, tape.z),
        weight_hh=sum_of_outer_products(delta, tape.h_prev),
        bias=delta.sum(axis=(-3, -2)),
        z=zero_padding(delta @ tape.cell.weight_ih[EVERY], tape.lengths),
        h0=np.where(n == 0, d_h_n, delta_0 @ tape.cell.weight_hh),
    )


def sum_of_outer_products(delta: Array, u: Array) -> Array:
    """Σ_{t,b} delta_{t,b} u_{t,b}ᵀ, shape (H, F), for delta (T, B, H) and u (T, B, F)."""
    total: Array = _rows(delta).swapaxes(-1, -2) @ _rows(u)
    return total


def _rows(values: Array) -> Array:
    """(T, B, F) as (T·B, F)."""
    *more, T, B, F = values.shape
    return values.reshape(*more, T * B, F)


def _full_deltas(tape: CellTape, g: Array) -> Array:
    """Equation (4); in the padding g = 0, hence δ = 0."""
    pull_back, weight_hh = tape.cell.activation.pull_back, tape.cell.weight_hh
    delta = np.zeros_like(g)
    carry: Array | int = 0
    for t in reversed(range(g.shape[-3])):
        now = pull_back(tape.h[..., t, :, :], g[..., t, :, :] + carry)
        delta[..., t, :, :], carry = now, now @ weight_hh
    return delta


def _truncated_deltas(tape: CellTape, g: Array, k: int) -> Array:
    """Equation (7); in the padding g = 0, hence every lag is 0."""
    pull_back, weight_hh = tape.cell.activation.pull_back, tape.cell.weight_hh
    delta = np.zeros_like(g)
    *more, T, B, H = g.shape
    by_lag = np.zeros_like(g, shape=(*more, k + 1, B, H))
    for s in reversed(range(T)):
        longer = by_lag[..., :-1, :, :] @ weight_hh[EVERY]
        shifted = np.concatenate([g[..., s : s + 1, :, :], longer], axis=-3)
        by_lag = pull_back(tape.h[..., s : s + 1, :, :], shifted)
        delta[..., s, :, :] = by_lag.sum(axis=-3)
    return delta
