"""Batch first, and a tanh made by hand of two exponentials, as the definition has it."""

import numpy as np

import rnncheck


def tanh(a):
    return (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))


def dtanh(a):
    return 1 - tanh(a) ** 2


class RNN:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, X, H0):
        N, T, D = X.shape
        self.X, self.H0 = X, H0
        self.A = np.zeros((N, T, H0.shape[1]))
        self.S = np.zeros((N, T, H0.shape[1]))
        s = H0
        for t in range(T):
            self.A[:, t, :] = np.dot(X[:, t, :], self.Wx) + np.dot(s, self.Wh) + self.b
            s = tanh(self.A[:, t, :])
            self.S[:, t, :] = s
        return self.S

    def backward(self, dS, ds_next):
        N, T, D = self.X.shape
        dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        dX = np.zeros_like(self.X)
        for t in range(T - 1, -1, -1):
            s_prev = self.S[:, t - 1, :] if t >= 1 else self.H0
            da = dtanh(self.A[:, t, :]) * (dS[:, t, :] + ds_next)
            dWx += np.dot(self.X[:, t, :].T, da)
            dWh += np.dot(s_prev.T, da)
            db += np.sum(da, axis=0)
            dX[:, t, :] = np.dot(da, self.Wx.T)
            ds_next = np.dot(da, self.Wh.T)
        return dWx, dWh, db, dX, ds_next


def forward(params, x, h0):
    net = RNN(params["Wx"], params["Wh"], params["b"])
    out = net.forward(x, h0)
    return out, (out[:, -1, :] if x.shape[1] else h0)


def backward(params, x, h0, d_output, d_h_n):
    net = RNN(params["Wx"], params["Wh"], params["b"])
    net.forward(x, h0)
    dWx, dWh, db, dx, dh0 = net.backward(d_output, d_h_n)
    return {"Wx": dWx, "Wh": dWh, "b": db, "x": dx, "h0": dh0}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="batch time input",
    h0="batch hidden",
    output="batch time hidden",
    params={"Wx": "input hidden", "Wh": "prev hidden", "b": "hidden"},
    name="tanh of exponentials",
)
