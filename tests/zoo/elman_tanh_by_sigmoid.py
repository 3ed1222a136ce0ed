"""tanh(a) = 2 sigmoid(2a) - 1, and its derivative by the chain rule through the sigmoid."""

import numpy as np

import rnncheck


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def activation(a):
    return 2.0 * sigmoid(2.0 * a) - 1.0


def activation_prime(a):
    s = sigmoid(2.0 * a)
    return 4.0 * s * (1.0 - s)


def run(params, x, h0):
    a = np.empty((len(x), *h0.shape))
    h = np.empty((len(x) + 1, *h0.shape))
    h[0] = h0
    for t in range(len(x)):
        a[t] = x[t] @ params["W"] + h[t] @ params["R"] + params["b"]
        h[t + 1] = activation(a[t])
    return a, h


def forward(params, x, h0):
    _, h = run(params, x, h0)
    return h[1:], h[-1]


def backward(params, x, h0, d_output, d_h_n):
    a, h = run(params, x, h0)
    dW = np.zeros_like(params["W"])
    dR = np.zeros_like(params["R"])
    db = np.zeros_like(params["b"])
    dx = np.zeros_like(x)
    dh = np.array(d_h_n)
    for t in reversed(range(len(x))):
        dh = dh + d_output[t]
        da = dh * activation_prime(a[t])
        dW += np.matmul(x[t].T, da)
        dR += np.matmul(h[t].T, da)
        db += np.sum(da, axis=0, keepdims=True)
        dx[t] = np.matmul(da, params["W"].T)
        dh = np.matmul(da, params["R"].T)
    return dict(W=dW, R=dR, b=db, x=dx, h0=dh)


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"W": "input hidden", "R": "prev hidden", "b": "1 hidden"},
    name="tanh by sigmoid",
)
