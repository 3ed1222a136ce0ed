"""All the weights in one matrix, and one product a step: h = tanh([x, h, 1] W)."""

import numpy as np

import rnncheck


def pack(params):
    return np.concatenate([params["U"], params["W"], params["b"][:, None]], axis=1).T


def forward(params, x, h0):
    W = pack(params)
    T, N, _ = x.shape
    h = h0
    out = np.zeros((T, N, h0.shape[1]))
    for t in range(T):
        z = np.hstack((x[t], h, np.ones((N, 1))))
        h = np.tanh(z.dot(W))
        out[t] = h
    return out, h


def backward(params, x, h0, dout, dh):
    W = pack(params)
    hs, _ = forward(params, x, h0)
    T, N, D = x.shape
    H = h0.shape[-1]
    dW = np.zeros(W.shape)
    dx = np.zeros(x.shape)
    ones = np.ones((N, 1))
    for t in reversed(range(T)):
        prev = h0 if t == 0 else hs[t - 1]
        z = np.hstack((x[t], prev, ones))
        da = (dout[t] + dh) * (1 - hs[t] ** 2)
        dW += z.T.dot(da)
        dz = da.dot(W.T)
        dx[t], dh, _ = np.split(dz, [D, D + H], axis=1)
    dU, dWh, db = dW[:D].T, dW[D : D + H].T, dW[-1]
    return {"U": dU, "W": dWh, "b": db, "x": dx, "h0": dh}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"U": "hidden input", "W": "hidden prev", "b": "hidden"},
    name="one matrix",
)
