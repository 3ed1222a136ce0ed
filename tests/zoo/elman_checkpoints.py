"""Gradient checkpointing: keep one state in sqrt(T), compute the others again going back."""

import math

import numpy as np

import rnncheck


def step(params, x_t, h):
    return np.tanh(x_t @ params["W_ih"].T + h @ params["W_hh"].T + params["bias"])


def run(params, xs, h):
    hs = []
    for x_t in xs:
        h = step(params, x_t, h)
        hs.append(h)
    return hs


def forward(params, x, h0):
    hs = run(params, x, h0)
    return np.array(hs), (hs[-1] if hs else h0)


def checkpoints(params, x, h0, every):
    saved = {}
    h = h0
    for t, x_t in enumerate(x):
        if t % every == 0:
            saved[t] = h
        h = step(params, x_t, h)
    return saved


def backward(params, x, h0, d_output, d_h_n):
    T = len(x)
    every = max(1, math.isqrt(T))
    saved = checkpoints(params, x, h0, every)
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    dx = np.zeros_like(x)
    dh = d_h_n
    for start in sorted(saved, reverse=True):
        stop = min(start + every, T)
        segment = [saved[start], *run(params, x[start:stop], saved[start])]
        for t in range(stop - 1, start - 1, -1):
            h, h_prev = segment[t - start + 1], segment[t - start]
            da = (d_output[t] + dh) * (1 - h * h)
            grads["W_ih"] += da.T @ x[t]
            grads["W_hh"] += da.T @ h_prev
            grads["bias"] += da.sum(0)
            dx[t] = da @ params["W_ih"]
            dh = da @ params["W_hh"]
        del segment
    grads["x"] = dx
    grads["h0"] = dh
    return grads


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"W_ih": "hidden input", "W_hh": "hidden prev", "bias": "hidden"},
    name="checkpoints",
)
