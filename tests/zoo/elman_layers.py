"""One layer object a step, as the fish book has it: params and grads are lists, grads[i][...] = g."""

import numpy as np

import rnncheck


class RNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        t = np.dot(h_prev, Wh) + np.dot(x, Wx) + b
        h_next = np.tanh(t)
        self.cache = (x, h_prev, h_next)
        return h_next

    def backward(self, dh_next):
        Wx, Wh, b = self.params
        x, h_prev, h_next = self.cache
        dt = dh_next * (1 - h_next**2)
        self.grads[0][...] = np.dot(x.T, dt)
        self.grads[1][...] = np.dot(h_prev.T, dt)
        self.grads[2][...] = np.sum(dt, axis=0)
        return np.dot(dt, Wx.T), np.dot(dt, Wh.T)


class TimeRNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.layers = None
        self.h, self.dh = None, None

    def forward(self, xs, h):
        N, T, D = xs.shape
        D, H = self.params[0].shape
        self.layers, self.h = [], h
        hs = np.empty((N, T, H), dtype="f8")
        for t in range(T):
            layer = RNN(*self.params)
            self.h = layer.forward(xs[:, t, :], self.h)
            hs[:, t, :] = self.h
            self.layers.append(layer)
        return hs

    def backward(self, dhs, dh):
        Wx, Wh, b = self.params
        N, T, H = dhs.shape
        D, H = Wx.shape
        dxs = np.empty((N, T, D), dtype="f8")
        grads = [0, 0, 0]
        for t in reversed(range(T)):
            layer = self.layers[t]
            dx, dh = layer.backward(dhs[:, t, :] + dh)
            dxs[:, t, :] = dx
            for i, grad in enumerate(layer.grads):
                grads[i] += grad
        for i, grad in enumerate(grads):
            self.grads[i][...] = grad
        self.dh = dh
        return dxs


class TimeAffine:
    def __init__(self, W, b):
        self.params = [W, b]

    def forward(self, x):
        N, T, D = x.shape
        self.x = x
        return (np.dot(x.reshape(N * T, -1), self.params[0]) + self.params[1]).reshape(N, T, -1)

    def backward(self, dout):
        N, T, D = self.x.shape
        dout = dout.reshape(N * T, -1)
        rx = self.x.reshape(N * T, -1)
        self.grads = [np.dot(rx.T, dout), np.sum(dout, axis=0)]
        return np.dot(dout, self.params[0].T).reshape(N, T, D)


def build(params):
    rnn = TimeRNN(params["rnn_Wx"], params["rnn_Wh"], params["rnn_b"])
    return rnn, TimeAffine(params["affine_W"], params["affine_b"])


def forward(params, x, h0):
    rnn, affine = build(params)
    return affine.forward(rnn.forward(x, h0)), rnn.h


def backward(params, x, h0, d_output, d_h_n):
    rnn, affine = build(params)
    affine.forward(rnn.forward(x, h0))
    dx = rnn.backward(affine.backward(d_output), d_h_n)
    grads = dict(zip(params, rnn.grads + affine.grads))
    return {**grads, "x": dx, "h0": rnn.dh}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="batch time input",
    h0="batch hidden",
    output="batch time output",
    params={
        "rnn_Wx": "input hidden",
        "rnn_Wh": "prev hidden",
        "rnn_b": "hidden",
        "affine_W": "hidden output",
        "affine_b": "output",
    },
    name="layers",
)
