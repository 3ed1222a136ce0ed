"""The sigmoid in two branches, so that no exponential overflows, by boolean indexing."""

import numpy as np

import rnncheck


def sigmoid(x):
    out = np.zeros_like(x)
    positive = x >= 0
    negative = ~positive
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    z = np.exp(x[negative])
    out[negative] = z / (1 + z)
    return out


def forward(params, x, h0):
    h, hs = h0, []
    for t in range(x.shape[1]):
        h = sigmoid(x[:, t] @ params["W"] + h @ params["U"] + params["b"])
        hs.append(h)
    return np.stack(hs, axis=1), h


def backward(params, x, h0, d_output, d_h_n):
    hs, _ = forward(params, x, h0)
    dW, dU, db = (np.zeros_like(params[k]) for k in "WUb")
    dx = np.zeros_like(x)
    dh = d_h_n
    for t in reversed(range(x.shape[1])):
        h = hs[:, t]
        dz = (dh + d_output[:, t]) * h * (1 - h)
        dW += x[:, t].T @ dz
        dU += (hs[:, t - 1] if t else h0).T @ dz
        db += dz.sum(axis=0)
        dx[:, t] = dz @ params["W"].T
        dh = dz @ params["U"].T
    return {"W": dW, "U": dU, "b": db, "x": dx, "h0": dh}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="batch time input",
    h0="batch hidden",
    output="batch time hidden",
    params={"W": "input hidden", "U": "prev hidden", "b": "hidden"},
    nonlinearity="sigmoid",
    name="stable sigmoid",
)
