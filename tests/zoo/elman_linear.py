"""The identity for an activation and no bias: the states by accumulate, the gradient by reduce."""

from functools import reduce
from itertools import accumulate

import numpy as np

import rnncheck


def forward(params, x, h0):
    A, C = params["A"], params["C"]
    states = list(accumulate(x, lambda h, u: A @ h + C @ u, initial=h0))
    return np.array(states[1:]), states[-1]


def backward(params, x, h0, d_output, d_h_n):
    A, C = params["A"], params["C"]
    states = list(accumulate(x, lambda h, u: A @ h + C @ u, initial=h0))

    def back(acc, item):
        lam, dA, dC, dx = acc
        g, u, h = item
        lam = lam + g
        return A.T @ lam, dA + np.outer(lam, h), dC + np.outer(lam, u), [C.T @ lam, *dx]

    start = (d_h_n, np.zeros_like(A), np.zeros_like(C), [])
    items = list(zip(d_output, x, states))[::-1]
    lam, dA, dC, dx = reduce(back, items, start)
    return {"A": dA, "C": dC, "x": np.array(dx), "h0": lam}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time input",
    h0="hidden",
    output="time hidden",
    params={"A": "hidden prev", "C": "hidden input"},
    nonlinearity="identity",
    name="linear",
)
