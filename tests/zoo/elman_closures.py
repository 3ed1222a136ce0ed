"""Each step returns its own pull-back; the sequence is a recursion, not a loop."""

from functools import partial

import numpy as np

import rnncheck

ACTIVATIONS = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda h: h * (1 - h)),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(float)),
    "linear": (lambda a: a, lambda h: np.ones_like(h)),
}


def make_step(params, kind):
    f, df = ACTIVATIONS[kind]

    def step(x, h):
        new = f(x @ params["W_x"] + h @ params["W_h"] + params["b"])

        def pull_back(d_new):
            d_a = d_new * df(new)
            mine = {"W_x": x.T @ d_a, "W_h": h.T @ d_a, "b": d_a.sum(axis=0)}
            return d_a @ params["W_x"].T, d_a @ params["W_h"].T, mine

        return new, pull_back

    return step


def unroll(step, xs, h):
    if len(xs) == 0:
        return [], lambda d_hs, d_last: ([], d_last, [])
    new, pull_one = step(xs[0], h)
    rest, pull_rest = unroll(step, xs[1:], new)

    def pull_back(d_hs, d_last):
        d_xs, d_new, grads = pull_rest(d_hs[1:], d_last)
        d_x, d_h, mine = pull_one(d_hs[0] + d_new)
        return [d_x, *d_xs], d_h, [mine, *grads]

    return [new, *rest], pull_back


def forward(params, x, h0, kind="tanh"):
    hs, _ = unroll(make_step(params, kind), x, h0)
    return np.stack(hs), hs[-1]


def backward(params, x, h0, d_output, d_h_n, kind="tanh"):
    _, pull_back = unroll(make_step(params, kind), x, h0)
    dx, dh0, grads = pull_back(d_output, d_h_n)
    total = {name: np.sum([g[name] for g in grads], axis=0) for name in params}
    return total | {"x": np.stack(dx), "h0": dh0}


rnn = rnncheck.wrap(
    partial(forward, kind="tanh"),
    partial(backward, kind="tanh"),
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"W_x": "input hidden", "W_h": "prev hidden", "b": "hidden"},
    name="closures",
)
