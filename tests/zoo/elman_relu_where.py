"""relu by np.where, its derivative by assignment under a boolean mask, a readout."""

import numpy as np

import rnncheck


class ReluRNN:
    def __init__(self, params):
        for name, value in params.items():
            setattr(self, name, value)

    def forward(self, x, h0):
        self.x, self.hs = x, {-1: h0}
        scores = []
        for t, x_t in enumerate(x):
            a = x_t @ self.W_xh.T + self.hs[t - 1] @ self.W_hh.T + self.b_h
            self.hs[t] = np.where(a > 0, a, 0.0)
            scores.append(self.hs[t] @ self.W_hy.T + self.b_y)
        return np.array(scores)

    def backward(self, dscores, dh_next):
        grads = {
            n: np.zeros(getattr(self, n).shape) for n in ("W_xh", "W_hh", "b_h", "W_hy", "b_y")
        }
        dx = np.zeros(self.x.shape)
        for t in range(len(self.x))[::-1]:
            dscore = dscores[t]
            grads["W_hy"] += dscore.T @ self.hs[t]
            grads["b_y"] += dscore.sum(axis=0)
            dh = dscore @ self.W_hy + dh_next
            dh[self.hs[t] <= 0] = 0
            grads["W_xh"] += dh.T @ self.x[t]
            grads["W_hh"] += dh.T @ self.hs[t - 1]
            grads["b_h"] += dh.sum(axis=0)
            dx[t] = dh @ self.W_xh
            dh_next = dh @ self.W_hh
        grads["x"], grads["h0"] = dx, dh_next
        return grads


def forward(params, x, h0):
    net = ReluRNN(params)
    return net.forward(x, h0), net.hs[len(x) - 1]


def backward(params, x, h0, d_output, d_h_n):
    net = ReluRNN(params)
    net.forward(x, h0)
    return net.backward(d_output, d_h_n)


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch output",
    params={
        "W_xh": "hidden input",
        "W_hh": "hidden prev",
        "b_h": "hidden",
        "W_hy": "output hidden",
        "b_y": "output",
    },
    nonlinearity="relu",
    name="relu by where",
)
