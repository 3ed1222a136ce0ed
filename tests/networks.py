"""A user's network, right and wrong in the ways that the tests need: plain NumPy, one file."""

from collections.abc import Callable
from typing import Any

import numpy as np

import rnncheck
from rnncheck.wrapping import Wrapped

Arrays = dict[str, Any]

WORDS: dict[str, Any] = {
    "x": "time batch input",
    "h0": "batch hidden",
    "output": "time batch hidden",
    "params": {"W_ih": "hidden input", "W_hh": "hidden prev", "b": "hidden"},
}


def forward(params: Arrays, x: Any, h0: Any, tanh: Callable[[Any], Any] = np.tanh) -> Any:
    """Right: h_t = tanh(W_ih x_t + W_hh h_{t-1} + b)."""
    h, states = h0, np.zeros((*x.shape[:2], h0.shape[1]))
    for t in range(len(x)):
        h = tanh(x[t] @ params["W_ih"].T + h @ params["W_hh"].T + params["b"])
        states[t] = h
    return states, h


def backward(
    params: Arrays,
    x: Any,
    h0: Any,
    d_output: Any,
    d_h_n: Any,
    carry: Callable[[Any, Any], Any] = lambda delta, W_hh: delta @ W_hh,
) -> Arrays:
    """Right: back-propagation through time."""
    states, _ = forward(params, x, h0)
    gradients = {name: np.zeros_like(array) for name, array in params.items()}
    dx, dh = np.zeros_like(x), d_h_n
    for t in reversed(range(len(x))):
        delta = (dh + d_output[t]) * (1 - states[t] ** 2)
        gradients["W_ih"] += delta.T @ x[t]
        gradients["W_hh"] += delta.T @ (states[t - 1] if t else h0)
        gradients["b"] += delta.sum(axis=0)
        dx[t] = delta @ params["W_ih"]
        dh = carry(delta, params["W_hh"])
    return {**gradients, "x": dx, "h0": dh}


def no_transpose(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    """Wrong: W_hh where W_hhᵀ belongs (in rows: δ W_hhᵀ for δ W_hh)."""
    return backward(params, x, h0, d_output, d_h_n, lambda delta, W_hh: delta @ W_hh.T)


def forward_without_h0(params: Arrays, x: Any, h0: Any) -> Any:
    """Wrong: starts from zeros whatever it is given."""
    return forward(params, x, np.zeros_like(h0))


def backward_without_h0(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    """Wrong in the same way: the right gradient of `forward_without_h0`."""
    gradients = backward(params, x, np.zeros_like(h0), d_output, d_h_n)
    return {**gradients, "h0": np.zeros_like(h0)}


def forward_in_float32(params: Arrays, x: Any, h0: Any) -> Any:
    """Wrong: a tanh that is computed in float32."""
    return forward(params, x, h0, lambda a: np.tanh(a.astype(np.float32)).astype(np.float64))


def wrap(forward: Any, backward: Any = None, name: str = "mine", **words: Any) -> Wrapped:
    """A pair of functions in the layout of this file."""
    return rnncheck.wrap(forward, backward, name=name, **(WORDS | words))


right = wrap(forward, backward, "right")
