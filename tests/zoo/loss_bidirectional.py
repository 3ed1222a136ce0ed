"""Two directions, whose last states are read out together; labels -1 and 1, logistic loss."""

import numpy as np

H, I, B, T = 3, 2, 2, 4
random = np.random.default_rng(14)
documents = random.standard_normal((B, T, I))
labels = np.array([1.0, -1.0])


def scan(W, U, b, xs):
    hs = np.zeros((len(xs) + 1, xs.shape[1], H))
    for t, x in enumerate(xs):
        hs[t + 1] = np.tanh(x @ W.T + hs[t] @ U.T + b)
    return hs


def unscan(U, xs, hs, dh):
    dW, dU, db = 0, 0, 0
    for x, h_prev, h in zip(xs[::-1], hs[-2::-1], hs[:0:-1]):
        da = dh * (1 - h**2)
        dW, dU, db = dW + da.T @ x, dU + da.T @ h_prev, db + da.sum(axis=0)
        dh = da @ U
    return dW, dU, db


def loss_and_gradients(params):
    xs = documents.swapaxes(0, 1)
    directions = {"fw": xs, "bw": xs[::-1]}
    states = {
        d: scan(params[d + "_W"], params[d + "_U"], params[d + "_b"], seq)
        for d, seq in directions.items()
    }
    last = np.concatenate([states["fw"][-1], states["bw"][-1]], axis=1)
    score = last @ params["v"] + params["c"]
    loss = np.log1p(np.exp(-labels * score)).sum() + 0.01 * np.sum(params["v"] ** 2)
    dscore = -labels / (1 + np.exp(labels * score))
    grads = {"v": last.T @ dscore + 0.02 * params["v"], "c": dscore.sum(keepdims=True)}
    dlast = np.outer(dscore, params["v"])
    for d, part in (("fw", dlast[:, :H]), ("bw", dlast[:, H:])):
        found = unscan(params[d + "_U"], directions[d], states[d], part)
        grads[d + "_W"], grads[d + "_U"], grads[d + "_b"] = found
    return loss, grads


def example():
    rng = np.random.default_rng(15)
    params = {}
    for d in ("fw", "bw"):
        params[f"{d}_W"] = rng.normal(0, 0.8, (H, I))
        params[f"{d}_U"] = rng.normal(0, 0.8, (H, H))
        params[f"{d}_b"] = rng.normal(0, 0.8, H)
    params["v"], params["c"] = rng.normal(0, 1, 2 * H), rng.normal(0, 1, 1)
    return loss_and_gradients, params


EXAMPLES = {"bidirectional": example}
