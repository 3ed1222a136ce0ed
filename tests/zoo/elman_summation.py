"""One sequence, and every sum in another order: reversed, pairwise, by generator, by reduce."""

import numpy as np

import rnncheck


def pairwise(terms):
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return pairwise(terms[:half]) + pairwise(terms[half:])


def backwards_dot(row, vector):
    total = 0
    for k in range(len(vector) - 1, -1, -1):
        total = total + row[k] * vector[k]
    return total


def forward(params, x, h0):
    U, W, b = params["U"], params["W"], params["b"]
    h = h0
    hs = []
    for t in range(len(x)):
        pre = [
            pairwise([W[j, k] * h[k] for k in range(len(h))])
            + (sum(U[j, i] * x[t, i] for i in range(x.shape[1])) + b[j])
            for j in range(len(h))
        ]
        h = np.tanh(np.array(pre))
        hs.append(h)
    return np.array(hs), h


def backward(params, x, h0, d_output, d_h_n):
    U, W = params["U"], params["W"]
    hs, _ = forward(params, x, h0)
    hs = [h0, *hs]
    carry, deltas, dx = d_h_n, [], np.zeros_like(x)
    for t in range(len(x) - 1, -1, -1):
        delta = np.subtract(1, np.power(hs[t + 1], 2)) * np.add(carry, d_output[t])
        deltas.append(delta)
        dx[t] = np.array([np.inner(U[:, i], delta) for i in range(x.shape[1])])
        carry = np.array([backwards_dot(W[:, k], delta) for k in range(len(h0))])
    # deltas stand last step first: summed so, the sums run backwards in time
    dU = np.add.reduce([np.outer(d, x_t) for d, x_t in zip(deltas, x[::-1])])
    dW = pairwise([np.outer(d, h) for d, h in zip(deltas[::-1], hs)])
    db = np.add.reduce(np.array(deltas), axis=0)
    return {"U": dU, "W": dW, "b": db, "x": dx, "h0": carry}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time input",
    h0="hidden",
    output="time hidden",
    params={"U": "hidden input", "W": "hidden prev", "b": "hidden"},
    name="orders of summation",
)
