"""A NumPy network with its parts to choose: the tanh, the order of summation, how far BPTT goes."""

from collections.abc import Callable
from typing import Any

import numpy as np

import rnncheck
from rnncheck.wrapping import Wrapped

Arrays = dict[str, Any]
Product = Callable[[Any, Any], Any]


def one_sided_tanh(a: Any) -> Any:
    """Four ulp too large, always in the same direction."""
    h = np.tanh(a)
    return h + 4.0 * np.copysign(np.spacing(np.abs(h)), h)


def handmade_tanh(a: Any) -> Any:
    """(eᵃ - e⁻ᵃ) / (eᵃ + e⁻ᵃ), as textbooks have it: an error of u, not of u·|h|."""
    up, down = np.exp(a), np.exp(-a)
    return (up - down) / (up + down)


def backwards(a: Any, b: Any) -> Any:
    """a @ b with the terms of every sum in reverse."""
    return a[..., ::-1] @ b[::-1]


def one_by_one(a: Any, b: Any) -> Any:
    """a @ b as a running sum, the least accurate order there is."""
    total = np.zeros((*a.shape[:-1], b.shape[-1]), np.result_type(a, b))
    for k in range(b.shape[0]):
        total = total + a[..., k : k + 1] * b[k]
    return total


def network(
    tanh: Callable[[Any], Any] = np.tanh,
    product: Product = np.matmul,
    truncation: int | None = None,
    name: str = "network",
    dtypes: tuple[str, ...] = ("float64",),
) -> Wrapped:
    """One layer, one direction; BPTT cut to lags 0..truncation if there is one."""

    def forward(params: Arrays, x: Any, h0: Any) -> Any:
        h, output = h0, np.zeros((*x.shape[:2], h0.shape[1]), x.dtype)
        for t in range(len(x)):
            a = product(x[t], params["W"].T) + product(h, params["U"].T) + params["b"]
            h = output[t] = tanh(a)
        return output, h

    def backward(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
        output, _ = forward(params, x, h0)
        T = len(x)
        previous = np.concatenate([h0[None], output[:-1]])[:T]
        d_states = d_output.copy()
        d_states[-1:] += d_h_n
        delta = np.zeros_like(output)
        if truncation is None or truncation >= T - 1:
            carry = np.zeros_like(h0)
            for t in reversed(range(T)):
                delta[t] = (d_states[t] + carry) * (1 - output[t] ** 2)
                carry = product(delta[t], params["U"])
        else:
            for t in range(T):
                part = d_states[t] * (1 - output[t] ** 2)
                for s in range(t, max(t - truncation, 0) - 1, -1):
                    delta[s] += part
                    part = product(part, params["U"]) * (1 - output[s - 1] ** 2)
        flat = delta.reshape(-1, delta.shape[-1]).T
        return {
            "W": product(flat, x.reshape(-1, x.shape[-1])),
            "U": product(flat, previous.reshape(-1, previous.shape[-1])),
            "b": delta.sum(axis=(0, 1)),
            "x": product(delta, params["W"]),
            "h0": product(delta[0], params["U"]) if T else d_h_n,
        }

    return rnncheck.wrap(
        forward, backward, x="time batch input", h0="batch hidden", output="time batch hidden",
        params={"W": "hidden input", "U": "hidden prev", "b": "hidden"}, name=name, dtypes=dtypes,
    )  # fmt: skip
