"""One product for all steps before the loop, the weight gradients in one product after it."""

import numpy as np

import rnncheck


def forward(params, x, h0):
    T, B, D = x.shape
    proj = (x.reshape(T * B, D) @ params["W_ih"].T + params["b"]).reshape(T, B, -1)
    h, hs = h0, np.empty_like(proj)
    for t in range(T):
        h = np.tanh(proj[t] + h @ params["W_hh"].T)
        hs[t] = h
    return hs, h


def backward(params, x, h0, d_output, d_h_n):
    hs, _ = forward(params, x, h0)
    h_prev = np.concatenate((h0[np.newaxis], hs[:-1]))
    gain = 1.0 - hs**2
    delta = np.empty_like(hs)
    carry = d_h_n
    for t in np.arange(len(x))[::-1]:
        np.multiply(d_output[t] + carry, gain[t], out=delta[t])
        carry = delta[t] @ params["W_hh"]
    return {
        "W_ih": np.einsum("tbh,tbi->hi", delta, x),
        "W_hh": np.tensordot(delta, h_prev, axes=([0, 1], [0, 1])),
        "b": np.einsum("tbh->h", delta),
        "x": np.einsum("tbh,hi->tbi", delta, params["W_ih"]),
        "h0": carry,
    }


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"W_ih": "hidden input", "W_hh": "hidden prev", "b": "hidden"},
    name="one gemm",
)
