"""An LSTM over time, a matrix for each gate on [h; x], columns, softmax cross-entropy."""

import numpy as np

X_size, H_size = 4, 2
z_size = H_size + X_size


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dsigmoid(y):
    return y * (1 - y)


def dtanh(y):
    return 1 - y * y


def forward(x, h_prev, C_prev, p):
    z = np.vstack((h_prev, x))
    f = sigmoid(np.dot(p["W_f"], z) + p["b_f"])
    i = sigmoid(np.dot(p["W_i"], z) + p["b_i"])
    C_bar = np.tanh(np.dot(p["W_C"], z) + p["b_C"])
    C = f * C_prev + i * C_bar
    o = sigmoid(np.dot(p["W_o"], z) + p["b_o"])
    h = o * np.tanh(C)
    v = np.dot(p["W_v"], h) + p["b_v"]
    y = np.exp(v) / np.sum(np.exp(v))
    return z, f, i, C_bar, C, o, h, v, y


def backward(target, dh_next, dC_next, C_prev, z, f, i, C_bar, C, o, h, v, y, p, g):
    dv = np.copy(y)
    dv[target] -= 1
    g["W_v"] += np.dot(dv, h.T)
    g["b_v"] += dv
    dh = np.dot(p["W_v"].T, dv)
    dh += dh_next
    do = dh * np.tanh(C)
    do = dsigmoid(o) * do
    g["W_o"] += np.dot(do, z.T)
    g["b_o"] += do
    dC = np.copy(dC_next)
    dC += dh * o * dtanh(np.tanh(C))
    dC_bar = dC * i
    dC_bar = dtanh(C_bar) * dC_bar
    g["W_C"] += np.dot(dC_bar, z.T)
    g["b_C"] += dC_bar
    di = dC * C_bar
    di = dsigmoid(i) * di
    g["W_i"] += np.dot(di, z.T)
    g["b_i"] += di
    df = dC * C_prev
    df = dsigmoid(f) * df
    g["W_f"] += np.dot(df, z.T)
    g["b_f"] += df
    dz = (
        np.dot(p["W_f"].T, df)
        + np.dot(p["W_i"].T, di)
        + np.dot(p["W_C"].T, dC_bar)
        + np.dot(p["W_o"].T, do)
    )
    dh_prev = dz[:H_size, :]
    dC_prev = f * dC
    return dh_prev, dC_prev


inputs, targets = [0, 2, 1, 3, 3], [2, 1, 3, 3, 0]


def loss_and_gradients(p):
    caches, loss = [], 0
    h, C = np.zeros((H_size, 1)), np.zeros((H_size, 1))
    for t in range(len(inputs)):
        x = np.zeros((X_size, 1))
        x[inputs[t]] = 1
        before = C
        cache = forward(x, h, C, p)
        _, _, _, _, C, _, h, _, y = cache
        caches.append((before, *cache))
        loss += -np.log(y[targets[t], 0])
    g = {k: np.zeros_like(v) for k, v in p.items()}
    dh_next, dC_next = np.zeros_like(h), np.zeros_like(C)
    for t in reversed(range(len(inputs))):
        dh_next, dC_next = backward(targets[t], dh_next, dC_next, *caches[t], p, g)
    return loss, g


def example():
    rng = np.random.default_rng(7)
    params = {}
    for gate in "fiCo":
        params[f"W_{gate}"] = rng.standard_normal((H_size, z_size)) * 0.5
        params[f"b_{gate}"] = rng.standard_normal((H_size, 1)) * 0.5
    params["W_v"] = rng.standard_normal((X_size, H_size))
    params["b_v"] = np.zeros((X_size, 1))
    return loss_and_gradients, params


EXAMPLES = {"lstm": example}
