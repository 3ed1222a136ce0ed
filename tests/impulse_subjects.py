"""Networks and cases for the tests of impulses: right ones, wrong gradients, and what would confuse them."""

import networks
import numpy as np
from oracles.drawing import draw

from rnncheck.spec import RNNSpec


def one_bias(case):
    """The case for a network that knows one bias: the other is 0."""
    zero = np.zeros_like(case.parameters["bias_hh_l0"])
    return case.replace(parameters={**case.parameters, "bias_hh_l0": zero})


CASE = one_bias(draw(RNNSpec(3, 4), 6, 2, weights=0.9, inputs=0.5))
LARGE = one_bias(draw(RNNSpec(3, 5), 30, 2, weights=0.9))


def cut(k):
    """`backward` whose carry is dropped after every k-th step from the end."""

    def backward(*arguments):
        steps = iter(range(1, 1000))
        return networks.backward(*arguments, lambda d, W: (d @ W) * (next(steps) % k != 0))

    return backward


def changed(**factors):
    def backward(*arguments):
        found = networks.backward(*arguments)
        return found | {name: factor * found[name] for name, factor in factors.items()}

    return backward


WRONG = {
    "no transpose": networks.no_transpose,
    "truncated": cut(5),
    "h0 dropped": changed(h0=0.0),
    "bias averaged": changed(b=1 / 6),
    "a sign": changed(x=-1.0),
    "a little off": changed(W_hh=1 + 1e-6),
}


def forgets_bias(params, x, h0):
    return networks.forward(params | {"b": 0 * params["b"]}, x, h0)


def first_rows_only(params, x, h0):
    """Right for up to 5 rows; the others are 0."""
    output, h_n = networks.forward(params, x, h0)
    output[:, 5:], h_n[5:] = 0.0, 0.0
    return output, h_n


def of_its_size_only(params, x, h0):
    if params["W_ih"].shape[1] != 3:
        raise ValueError("3 features are needed")
    return networks.forward(params, x, h0)


def steps_counted(params, x, h0):
    """A network whose step t has a bias of t: it is not the same from a later step on."""
    h, states = h0, np.zeros((*x.shape[:2], h0.shape[1]))
    for t in range(len(x)):
        h = np.tanh(x[t] @ params["W_ih"].T + h @ params["W_hh"].T + params["b"] + 0.1 * t)
        states[t] = h
    return states, h


def own_backward(forward):
    def backward(params, x, h0, d_output, d_h_n):
        states, _ = forward(params, x, h0)
        found = {name: np.zeros_like(array) for name, array in params.items()}
        dx, dh = np.zeros_like(x), d_h_n
        for t in reversed(range(len(x))):
            delta = (dh + d_output[t]) * (1 - states[t] ** 2)
            found["W_ih"] += delta.T @ x[t]
            found["W_hh"] += delta.T @ (states[t - 1] if t else h0)
            found["b"] += delta.sum(axis=0)
            dx[t], dh = delta @ params["W_ih"], delta @ params["W_hh"]
        return {**found, "x": dx, "h0": dh}

    return backward
