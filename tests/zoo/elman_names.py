"""Names imported from numpy and math, the cell in a second module, the batch along the columns."""

from math import prod

from numpy import concatenate, dot, empty, newaxis, zeros, zeros_like
from zoo.cells import cell, cell_backward

import rnncheck


def forward(params, x, h0):
    T = x.shape[0]
    n_a, m = h0.shape
    n_y = params["Wya"].shape[0]
    y = empty((T, n_y, m))
    a = h0
    for t in range(T):
        a = cell(x[t], a, params["Wax"], params["Waa"], params["ba"])
        y[t] = dot(params["Wya"], a) + params["by"]
    assert y.size == prod((T, n_y, m))
    return y, a


def backward(params, x, h0, dy, da):
    T, a, caches = x.shape[0], h0, []
    for t in range(T):
        before, a = a, cell(x[t], a, params["Wax"], params["Waa"], params["ba"])
        caches.append((a, before, x[t]))
    grads = {name: zeros_like(value) for name, value in params.items()}
    dxs = [zeros((1, x.shape[1], x.shape[2]))]
    while caches:
        t = len(caches) - 1
        cache = caches.pop()
        grads["Wya"] += dot(dy[t], cache[0].T)
        grads["by"] += dy[t].sum(axis=1)[:, newaxis]
        dh = dot(params["Wya"].T, dy[t]) + da
        dx_t, da, dWax, dWaa, dba = cell_backward(dh, cache, params["Wax"], params["Waa"])
        grads["Wax"] += dWax
        grads["Waa"] += dWaa
        grads["ba"] += dba
        dxs.insert(1, dx_t[newaxis])
    return {**grads, "x": concatenate(dxs)[1:], "h0": da}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time input batch",
    h0="hidden batch",
    output="time output batch",
    params={
        "Wax": "hidden input",
        "Waa": "hidden prev",
        "ba": "hidden 1",
        "Wya": "output hidden",
        "by": "output 1",
    },
    name="imported names",
)
