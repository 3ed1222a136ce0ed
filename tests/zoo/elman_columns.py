"""A class in the manner of min-char-rnn: columns, dicts of states, hs[-1], one row at a time."""

import numpy as np

import rnncheck


class VanillaRNN:
    def __init__(self, Wxh, Whh, Why, bh, by):
        self.Wxh = Wxh
        self.Whh = Whh
        self.Why = Why
        self.bh = bh
        self.by = by

    def fprop(self, inputs, hprev):
        xs, hs, ys = {}, {}, {}
        hs[-1] = np.copy(hprev)
        for t in range(len(inputs)):
            xs[t] = inputs[t].reshape(-1, 1)
            hs[t] = np.tanh(np.dot(self.Wxh, xs[t]) + np.dot(self.Whh, hs[t - 1]) + self.bh)
            ys[t] = np.dot(self.Why, hs[t]) + self.by
        return xs, hs, ys

    def bprop(self, xs, hs, dys, dhnext):
        dWxh, dWhh, dWhy = map(np.zeros_like, (self.Wxh, self.Whh, self.Why))
        dbh, dby = np.zeros_like(self.bh), np.zeros_like(self.by)
        dxs = {}
        for t in reversed(range(len(xs))):
            dy = np.copy(dys[t]).reshape(-1, 1)
            dWhy += np.dot(dy, hs[t].T)
            dby += dy
            dh = np.dot(self.Why.T, dy) + dhnext  # backprop into h
            dhraw = (1 - hs[t] * hs[t]) * dh  # backprop through tanh nonlinearity
            dbh += dhraw
            dWxh += np.dot(dhraw, xs[t].T)
            dWhh += np.dot(dhraw, hs[t - 1].T)
            dxs[t] = np.dot(self.Wxh.T, dhraw)
            dhnext = np.dot(self.Whh.T, dhraw)
        return dWxh, dWhh, dWhy, dbh, dby, dxs, dhnext


def forward(params, x, h0):
    model = VanillaRNN(**params)
    T, B = x.shape[:2]
    out = np.zeros((T, B, params["by"].shape[0]))
    h_n = np.zeros_like(h0)
    for b in range(B):
        _, hs, ys = model.fprop(x[:, b], h0[b].reshape(-1, 1))
        for t in range(T):
            out[t, b] = ys[t].ravel()
        h_n[b] = hs[T - 1].ravel()
    return out, h_n


def backward(params, x, h0, d_output, d_h_n):
    model = VanillaRNN(**params)
    names = ("Wxh", "Whh", "Why", "bh", "by")
    grads = {name: np.zeros_like(params[name]) for name in names}
    dx, dh0 = np.zeros_like(x), np.zeros_like(h0)
    for b in range(x.shape[1]):
        xs, hs, _ = model.fprop(x[:, b], h0[b].reshape(-1, 1))
        *found, dxs, dh = model.bprop(xs, hs, d_output[:, b], d_h_n[b].reshape(-1, 1))
        for name, g in zip(names, found):
            grads[name] += g
        for t in dxs:
            dx[t, b] = dxs[t][:, 0]
        dh0[b] = dh[:, 0]
    return {**grads, "x": dx, "h0": dh0}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch output",
    params={
        "Wxh": "hidden input",
        "Whh": "hidden prev",
        "Why": "output hidden",
        "bh": "hidden 1",
        "by": "output 1",
    },
    name="columns",
)
