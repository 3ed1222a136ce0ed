"""One layer of tanh in NumPy with its arithmetic to choose: correct networks that round otherwise."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from rnncheck.case import Case
from rnncheck.implementation import Capabilities, Forward, Gradients

Product = Callable[[Any, Any], Any]

ONE_LAYER = Capabilities(
    nonlinearities=("tanh",), max_layers=1, bidirectional=False, bias_vectors=(2,), readouts=(),
    lengths=False, dropout=False, truncation=False, outputs=("all",), generation=False,
)  # fmt: skip


def backwards(a: Any, b: Any) -> Any:
    """a @ b with the terms of every sum in reverse."""
    return a[..., ::-1] @ b[::-1]


def one_by_one(a: Any, b: Any) -> Any:
    """a @ b as a running sum, the least accurate order there is."""
    total = np.zeros((*a.shape[:-1], b.shape[-1]), a.dtype)
    for k in range(b.shape[0]):
        total = total + a[..., k : k + 1] * b[k]
    return total


def pairwise(a: Any, b: Any) -> Any:
    """a @ b with every sum split in halves."""
    if b.shape[0] < 2:
        return a @ b
    half = b.shape[0] // 2
    return pairwise(a[..., :half], b[:half]) + pairwise(a[..., half:], b[half:])


def fused(a: Any, b: Any) -> Any:
    """a @ b by fused multiply-add: round(x·y + total), one rounding each, float64 only."""
    total = np.zeros((*a.shape[:-1], b.shape[-1]))
    for index in np.ndindex(total.shape):
        for x, y in zip(a[index[:-1]].tolist(), b[:, index[-1]].tolist(), strict=True):
            total[index] = float(Fraction(x) * Fraction(y) + Fraction(float(total[index])))
    return total


def one_sided(a: Any) -> Any:
    """tanh four ulp too large, always in the same direction."""
    h = np.tanh(a)
    return h + 4.0 * np.copysign(np.spacing(np.abs(h)), h)


def handmade(a: Any) -> Any:
    """(eᵃ - e⁻ᵃ) / (eᵃ + e⁻ᵃ), as textbooks have it: an error of u, not of u·|h|."""
    up, down = np.exp(a), np.exp(-a)
    return (up - down) / (up + down)


class Network:
    """An implementation whose products and tanh are given."""

    capabilities = ONE_LAYER

    def __init__(
        self, product: Product = np.matmul, tanh: Callable[[Any], Any] = np.tanh, name: str = "mine"
    ) -> None:
        self.product, self.tanh, self.name = product, tanh, name

    def forward(self, case: Case) -> Forward:
        p, h = case.parameters, case.h0[0]
        output = np.zeros((case.T, case.B, case.spec.hidden_size), case.dtype)
        for t in range(case.T):
            a = self.product(case.x[t], p["weight_ih_l0"].T) + p["bias_ih_l0"]
            h = self.tanh(a + (self.product(h, p["weight_hh_l0"].T) + p["bias_hh_l0"]))
            output[t] = h
        return Forward(output, h[None])

    def gradients(self, case: Case) -> Gradients:
        p, output = case.parameters, self.forward(case).output
        previous = np.concatenate([case.h0, output])[: case.T]
        deltas, carry = np.zeros_like(output), case.d_h_n[0]
        for t in reversed(range(case.T)):
            deltas[t] = (case.d_output[t] + carry) * (1 - output[t] ** 2)
            carry = self.product(deltas[t], p["weight_hh_l0"])
        rows = case.T * case.B
        flat = deltas.reshape(rows, case.spec.hidden_size)
        bias = self.product(np.ones((1, rows), case.dtype), flat)[0]
        return {
            "weight_ih_l0": self.product(flat.T, case.x.reshape(rows, case.spec.input_size)),
            "weight_hh_l0": self.product(flat.T, previous.reshape(flat.shape)),
            "bias_ih_l0": bias,
            "bias_hh_l0": bias,
            "x": self.product(deltas, p["weight_ih_l0"]),
            "h0": carry[None],
        }
