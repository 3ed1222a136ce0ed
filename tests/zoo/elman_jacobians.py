"""The sum over pairs of steps, as papers write it: dL/dW = sum_t sum_k dL/dh_t dh_t/dh_k dh_k/dW."""

import numpy as np

import rnncheck


def forward(params, x, h0):
    hs = [h0]
    for x_t in x:
        hs.append(np.tanh(params["W"].dot(hs[-1]) + params["U"].dot(x_t) + params["b"]))
    return np.vstack(hs[1:]), hs[-1]


def jacobian(params, h):
    """dh_t / dh_{t-1}, given h_t."""
    return np.dot(np.diag(1 - h**2), params["W"])


def backward(params, x, h0, d_output, d_h_n):
    hs = [h0, *forward(params, x, h0)[0]]
    T = len(x)
    dU, dW, db = np.zeros_like(params["U"]), np.zeros_like(params["W"]), np.zeros_like(params["b"])
    dx = np.zeros_like(x)
    dh0 = np.zeros_like(h0)
    for t in range(1, T + 1):
        g = d_output[t - 1].copy()
        if t == T:
            g += d_h_n
        for k in range(t, 0, -1):
            delta = g * (1 - hs[k] ** 2)
            dU += np.outer(delta, x[k - 1])
            dW += np.outer(delta, hs[k - 1])
            db += delta
            dx[k - 1] += params["U"].T.dot(delta)
            g = g.dot(jacobian(params, hs[k]))
        dh0 += g
    return {"U": dU, "W": dW, "b": db, "x": dx, "h0": dh0}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time input",
    h0="hidden",
    output="time hidden",
    params={"U": "hidden input", "W": "hidden prev", "b": "hidden"},
    name="Jacobians",
)
