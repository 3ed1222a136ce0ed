"""Every buffer is there before it is filled, and its dtype is spelled out."""

import numpy as np

import rnncheck


def forward(params, x, h0):
    T, B, D = x.shape
    H = h0.shape[1]
    states = np.empty((T + 1, B, H), dtype=np.float64)
    states[0, :, :] = h0
    pre = np.zeros((B, H), dtype=np.float64)
    for t in range(T):
        pre[:] = 0.0
        pre += x[t] @ params["weight_ih"].T
        pre += states[t] @ params["weight_hh"].T
        pre += params["bias_ih"]
        pre += params["bias_hh"]
        states[t + 1, :, :] = np.tanh(pre)
    return states[1:], states[T]


def backward(params, x, h0, d_output, d_h_n):
    T, B, D = x.shape
    H = h0.shape[1]
    output, _ = forward(params, x, h0)
    d_wih = np.zeros((H, D), dtype=np.float64)
    d_whh = np.zeros((H, H), dtype=np.float64)
    d_b = np.zeros(H, dtype=float)
    d_x = np.empty_like(x)
    dh = np.empty((B, H), dtype="float64")
    dh[...] = d_h_n
    delta = np.zeros_like(dh)
    for t in range(T - 1, -1, -1):
        dh += d_output[t]
        delta[...] = dh
        delta *= 1.0 - output[t] * output[t]
        d_wih += delta.T @ x[t]
        if t > 0:
            d_whh += delta.T @ output[t - 1]
        else:
            d_whh += delta.T @ h0
        d_b += delta.sum(axis=0)
        d_x[t] = delta @ params["weight_ih"]
        dh[...] = delta @ params["weight_hh"]
    return {
        "weight_ih": d_wih,
        "weight_hh": d_whh,
        "bias_ih": d_b,
        "bias_hh": d_b.astype(np.float64),
        "x": d_x,
        "h0": dh,
    }


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={
        "weight_ih": "hidden input",
        "weight_hh": "hidden prev",
        "bias_ih": "hidden",
        "bias_hh": "hidden",
    },
    name="buffers",
)
