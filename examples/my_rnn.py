"""A recurrent network from scratch, as many tutorials have it. Run: rnncheck check my_rnn.py"""

import numpy as np

import rnncheck


def forward(params, x, h0):
    h, output = h0, []
    for x_t in x:
        h = np.tanh(x_t @ params["W_ih"].T + h @ params["W_hh"].T + params["b"])
        output.append(h)
    return np.array(output), h


def backward(params, x, h0, d_output, d_h_n):
    output, _ = forward(params, x, h0)
    gradients = {name: np.zeros_like(array) for name, array in params.items()}
    dx, dh = np.zeros_like(x), d_h_n
    for t in reversed(range(len(x))):
        delta = (d_output[t] + dh) * (1 - output[t] ** 2)
        gradients["W_ih"] += delta.T @ x[t]
        gradients["W_hh"] += delta.T @ (output[t - 1] if t > 0 else h0)
        gradients["b"] += delta.sum(axis=0)
        dx[t] = delta @ params["W_ih"]
        dh = delta @ params["W_hh"].T  # the mistake: in rows, W_hhᵀ δ is delta @ W_hh
    return {**gradients, "x": dx, "h0": dh}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"W_ih": "hidden input", "W_hh": "hidden prev", "b": "hidden"},
    name="my rnn",
)
