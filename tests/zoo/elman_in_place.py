"""Views into one buffer and ufuncs with out=: nothing is allocated inside the loops."""

import numpy as np

import rnncheck


def forward(params, x, h0):
    T, (B, H) = x.shape[0], h0.shape
    buffer = np.zeros((T + 1, B, H))
    np.copyto(buffer[0], h0)
    scratch = np.zeros((B, H))
    for t in range(T):
        view = buffer[t + 1]
        np.matmul(x[t], params["Wx"], out=view)
        np.matmul(buffer[t], params["Wh"], out=scratch)
        np.add(view, scratch, out=view)
        np.add(view, params["b"], out=view)
        np.tanh(view, out=view)
    return buffer[1:], buffer[-1]


def backward(params, x, h0, d_output, d_h_n):
    T, (B, H) = x.shape[0], h0.shape
    states, _ = forward(params, x, h0)
    gain = np.ones_like(states)
    gain -= states * states
    dx = np.zeros_like(x)
    grads = {name: np.zeros_like(p) for name, p in params.items()}
    dh, da = np.array(d_h_n, copy=True), np.zeros((B, H))
    for t in range(T)[::-1]:
        np.add(dh, d_output[t], out=da)
        da *= gain[t]
        prev = states[t - 1] if t else h0
        grads["Wx"] += x[t].T @ da
        grads["Wh"] += prev.T @ da
        grads["b"] += np.add.reduce(da, axis=0)
        np.matmul(da, params["Wx"].T, out=dx[t])
        np.matmul(da, params["Wh"].T, out=dh)
    return {**grads, "x": dx, "h0": dh}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"Wx": "input hidden", "Wh": "prev hidden", "b": "hidden"},
    name="in place",
)
