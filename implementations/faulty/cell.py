"""One direction of one layer as one would write it in NumPy, one method an equation.

Rows that have ended keep their state; z, h and every cotangent are 0 in the padding. For step t of T:

    a_t = W_ih z_t + W_hh h_{t-1} + b_ih + b_hh        h_t = φ(a_t)        h_{-1} = h0
    δ_t = φ'(a_t) ⊙ (d_h_t + [t = n-1] d_h_n + W_hhᵀ δ_{t+1})
    d_W_ih = Σ δ_t z_tᵀ    d_W_hh = Σ δ_t h_{t-1}ᵀ    d_b = Σ δ_t    d_z_t = W_ihᵀ δ_t    d_h0 = W_hhᵀ δ_0
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.integer[Any]]


@dataclass(eq=False)
class Cell:
    """W_ih (H, F), W_hh (H, H), the biases (H,) or None, φ by name, and where in the network it is."""

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array | None
    bias_hh: Array | None
    nonlinearity: str
    layer: int = 0
    direction: int = 0


@dataclass(eq=False)
class CellTape:
    """What backward needs: z (T, B, F), the states before and after each step (T, B, H), h0, lengths n (B,).

    truncation: k, or None. a: what φ was applied to.
    """

    cell: Cell
    z: Array
    h0: Array
    lengths: IntArray
    truncation: int | None
    a: Array
    before: Array
    h: Array
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def T(self) -> int:
        """Steps."""
        return len(self.z)

    def is_last(self, t: int) -> Mask:
        """`(B, 1)`: which rows have step t as their last one."""
        return np.asarray(self.lengths == t + 1)[:, None]


class CellEquations:
    """The equations of one direction of one layer. Rows of a batch are rows of every array."""

    # Forward

    def from_input(self, cell: Cell, z_t: Array) -> Array:
        """W_ih z_t, for z_t (B, F)."""
        return z_t @ cell.weight_ih.T

    def from_state(self, cell: Cell, h_prev: Array) -> Array:
        """W_hh h_{t-1}."""
        return h_prev @ cell.weight_hh.T

    def biases(self, cell: Cell) -> Array | float:
        """b_ih + b_hh."""
        if cell.bias_ih is None or cell.bias_hh is None:
            return 0.0
        return cell.bias_ih + cell.bias_hh

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """a_t = W_ih z_t + W_hh h_{t-1} + b."""
        return self.from_input(cell, z_t) + self.from_state(cell, h_prev) + self.biases(cell)

    def activation(self, cell: Cell, a: Array) -> Array:
        """φ(a)."""
        return nonlinear(cell.nonlinearity, a)

    def kept_state(self, running: Mask, h: Array, h_prev: Array) -> Array:
        """A row that has ended keeps its state: h_t while it runs, h_{t-1} afterwards."""
        return np.where(running, h, h_prev)

    def step_output(self, running: Mask, h: Array) -> Array:
        """h_t while the row runs, 0 in the padding."""
        return np.where(running, h, 0)

    def is_running(self, t: int, lengths: IntArray) -> Mask:
        """`(B, 1)`: t < n."""
        return (t < lengths)[:, None]

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """The steps in order: the state after the last one (B, H), and the tape, whose h is the output."""
        shape = (len(z), *h0.shape)
        a, before, h = (np.zeros_like(h0, shape=shape) for _ in range(3))
        state = h0
        for t in range(len(z)):
            before[t] = state
            a[t] = self.pre_activation(cell, z[t], state, t)
            new, running = self.activation(cell, a[t]), self.is_running(t, lengths)
            h[t] = self.step_output(running, new)
            state = self.kept_state(running, new, state)
        tape = CellTape(cell, z, h0, lengths, truncation, a, before, h)
        return self.last_state(tape, state), tape

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """h_n: the state that each row has kept to the end."""
        return state

    # Backward

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """φ'(a_t), from h_t."""
        return slope(tape.cell.nonlinearity, tape.h[t])

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_t + [t = n-1] d_h_n: what reaches h_t by other ways than the next step."""
        return np.asarray(d_h[t] + np.where(tape.is_last(t), d_h_n, 0))

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """W_hhᵀ δ_{t+1}: what reaches h_t by the next step."""
        return delta_next @ tape.cell.weight_hh

    def delta(self, tape: CellTape, t: int, d_state: Array) -> Array:
        """δ_t = φ'(a_t) ⊙ d_state."""
        return np.asarray(self.slope(tape, t) * d_state)

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """Every δ_t (T, B, H), the last step first."""
        if tape.truncation is not None and tape.truncation < tape.T - 1:
            return self.truncated_deltas(tape, d_h, d_h_n, tape.truncation)
        delta, later = np.zeros_like(tape.h), np.zeros_like(tape.h0)
        for t in reversed(range(tape.T)):
            arriving = self.upstream(tape, t, d_h, d_h_n) + self.carried(tape, t, later)
            later = delta[t] = self.delta(tape, t, arriving)
        return delta

    def truncated_deltas(self, tape: CellTape, d_h: Array, d_h_n: Array, k: int) -> Array:
        """δ_s = Σ_{j<=k} u_j, with u_j what has come from step s+j alone: lags 0..k, the others dropped."""
        delta = np.zeros_like(tape.h)
        by_lag: list[Array] = []
        for t in reversed(range(tape.T)):
            arriving = [self.carried(tape, t, u) for u in by_lag[:k]]
            arriving.insert(0, self.upstream(tape, t, d_h, d_h_n))
            by_lag = [self.delta(tape, t, one) for one in arriving]
            delta[t] = sum(by_lag, np.zeros_like(tape.h0))
        return delta

    def d_weight_ih(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t z_tᵀ, over steps and rows."""
        return outer_sum(delta, tape.z)

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t h_{t-1}ᵀ, over steps and rows."""
        return outer_sum(delta, tape.before)

    def d_bias_ih(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t."""
        return total(delta)

    def d_bias_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t, as for the other bias."""
        return total(delta)

    def d_z(self, tape: CellTape, delta: Array) -> Array:
        """W_ihᵀ δ_t, for every step."""
        return delta @ tape.cell.weight_ih

    def d_h0(self, tape: CellTape, delta: Array, d_h_n: Array) -> Array:
        """W_hhᵀ δ_0; d_h_n itself for a row of no steps, whose h_n is h0."""
        first = delta[0] if len(delta) else np.zeros_like(tape.h0)
        return np.where((tape.lengths == 0)[:, None], d_h_n, first @ tape.cell.weight_hh)


def nonlinear(name: str, a: Array) -> Array:
    """φ or ψ of that name (softmax along the last axis)."""
    if name == "tanh":
        return np.tanh(a)
    if name == "relu":
        return np.maximum(a, 0)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-a))
    if name == "softmax":
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))
    return a


def slope(name: str, h: Array) -> Array | float:
    """φ' where φ has given h: 1 - h² (tanh), [h > 0] (ReLU), h (1 - h) (sigmoid), 1 (identity)."""
    if name == "tanh":
        return 1 - h * h
    if name == "relu":
        return np.where(h > 0, 1, 0).astype(h.dtype)
    if name == "sigmoid":
        return h * (1 - h)
    return 1.0


def outer_sum(delta: Array, u: Array) -> Array:
    """Σ_{t,b} δ_{t,b} u_{t,b}ᵀ: (H, F) for (T, B, H) and (T, B, F)."""
    return np.asarray(np.tensordot(delta, u, axes=((0, 1), (0, 1))))


def total(delta: Array) -> Array:
    """Σ_{t,b} δ_{t,b}."""
    return np.asarray(delta.sum(axis=(0, 1)))
