"""relu as np.maximum(0, a), its derivative as the mask a > 0."""

import numpy as np

import rnncheck


def relu(a):
    return np.maximum(0, a)


def forward(params, x, h0):
    h = h0
    hs = np.zeros((x.shape[0], x.shape[1], h0.shape[1]))
    for t in range(x.shape[0]):
        h = relu(np.dot(x[t], params["Wx"]) + np.dot(h, params["Wh"]) + params["b"])
        hs[t] = h
    return hs, h


def backward(params, x, h0, d_output, d_h_n):
    T, N, D = x.shape
    pre, hs = [], [h0]
    for t in range(T):
        pre.append(np.dot(x[t], params["Wx"]) + np.dot(hs[t], params["Wh"]) + params["b"])
        hs.append(relu(pre[t]))
    dWx, dWh, db = 0, 0, 0
    dx = np.zeros((T, N, D))
    dh = d_h_n
    for t in reversed(range(T)):
        mask = pre[t] > 0
        da = (d_output[t] + dh) * mask
        dWx = dWx + np.dot(x[t].T, da)
        dWh = dWh + np.dot(hs[t].T, da)
        db = db + np.sum(da, axis=0)
        dx[t] = np.dot(da, params["Wx"].T)
        dh = np.dot(da, params["Wh"].T)
    return {"Wx": dWx, "Wh": dWh, "b": db, "x": dx, "h0": dh}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"Wx": "input hidden", "Wh": "prev hidden", "b": "hidden"},
    nonlinearity="relu",
    name="relu by mask",
)
