"""Two LSTM layers in batches, the gates in one matrix, squared error of every step."""

import numpy as np


def sigmoid(a):
    return 0.5 * (np.tanh(0.5 * a) + 1.0)


class LSTM:
    def __init__(self, W, U, b):
        self.W, self.U, self.b = W, U, b
        self.dW, self.dU, self.db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)

    def forward(self, xs):
        n = self.U.shape[0]
        h, c = np.zeros((xs.shape[1], n)), np.zeros((xs.shape[1], n))
        self.cache, out = [], []
        for x in xs:
            a = x @ self.W + h @ self.U + self.b
            i, f, o = (sigmoid(a[:, k * n : (k + 1) * n]) for k in range(3))
            g = np.tanh(a[:, 3 * n :])
            c_new = f * c + i * g
            h_new = o * np.tanh(c_new)
            self.cache.append((x, h, c, i, f, o, g, c_new))
            h, c = h_new, c_new
            out.append(h)
        return np.array(out)

    def backward(self, douts):
        dh, dc = 0.0, 0.0
        dxs = []
        for dout, (x, h, c, i, f, o, g, c_new) in zip(douts[::-1], self.cache[::-1]):
            dh = dout + dh
            tc = np.tanh(c_new)
            dc = dc + dh * o * (1 - tc**2)
            da = np.hstack(
                [
                    dc * g * i * (1 - i),
                    dc * c * f * (1 - f),
                    dh * tc * o * (1 - o),
                    dc * i * (1 - g**2),
                ]
            )
            self.dW += x.T @ da
            self.dU += h.T @ da
            self.db += da.sum(axis=0)
            dxs.append(da @ self.W.T)
            dh = da @ self.U.T
            dc = dc * f
        return np.array(dxs[::-1])


def example():
    rng = np.random.default_rng(8)
    T, B, I, H1, H2 = 4, 2, 3, 2, 1
    x, y = rng.standard_normal((T, B, I)), rng.standard_normal((T, B, H2))

    def loss_and_gradients(p):
        layers = [LSTM(p["W1"], p["U1"], p["b1"]), LSTM(p["W2"], p["U2"], p["b2"])]
        out = x
        for layer in layers:
            out = layer.forward(out)
        loss = 0.5 * np.sum((out - y) ** 2)
        dout = out - y
        for layer in reversed(layers):
            dout = layer.backward(dout)
        grads = {}
        for number, layer in enumerate(layers, start=1):
            grads[f"W{number}"] = layer.dW
            grads[f"U{number}"] = layer.dU
            grads[f"b{number}"] = layer.db
        return loss, grads

    sizes = ((I, H1), (H1, H2))
    params = {}
    for number, (n_in, n) in enumerate(sizes, start=1):
        params[f"W{number}"] = rng.normal(0, 0.8, (n_in, 4 * n))
        params[f"U{number}"] = rng.normal(0, 0.8, (n, 4 * n))
        params[f"b{number}"] = rng.normal(0, 0.8, 4 * n)
    return loss_and_gradients, params


EXAMPLES = {"lstm_stacked": example}
