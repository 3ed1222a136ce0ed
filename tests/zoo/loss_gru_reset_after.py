"""A GRU with the reset gate after the product, as torch has it: tanh(W x + b + r * (U h + c))."""

import numpy as np


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def gru_forward(w, x, h0):
    h, cache = h0, []
    hs = []
    for t in range(x.shape[0]):
        xr, xz, xn = np.split(x[t] @ w["w_ih"].T + w["b_ih"], 3, axis=1)
        hr, hz, hn = np.split(h @ w["w_hh"].T + w["b_hh"], 3, axis=1)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        n = np.tanh(xn + r * hn)
        cache.append((x[t], h, hn, r, z, n))
        h = (1 - z) * n + z * h
        hs.append(h)
    return np.array(hs), cache


def gru_backward(w, cache, dhs):
    d = {k: np.zeros_like(v) for k, v in w.items()}
    dh = np.zeros_like(dhs[0])
    for t in reversed(range(len(cache))):
        x, h, hn, r, z, n = cache[t]
        dh = dh + dhs[t]
        da_n = dh * (1 - z) * (1 - n**2)
        da_z = dh * (h - n) * z * (1 - z)
        da_r = da_n * hn * r * (1 - r)
        dx_side = np.concatenate([da_r, da_z, da_n], axis=1)
        dh_side = np.concatenate([da_r, da_z, da_n * r], axis=1)
        d["w_ih"] += dx_side.T @ x
        d["b_ih"] += dx_side.sum(axis=0)
        d["w_hh"] += dh_side.T @ h
        d["b_hh"] += dh_side.sum(axis=0)
        dh = dh * z + dh_side @ w["w_hh"]
    return d


rng = np.random.default_rng(12)
T, B, I, H = 4, 2, 3, 2
x, y = rng.standard_normal((T, B, I)), rng.standard_normal((T, B, H))


def loss_and_gradients(w):
    hs, cache = gru_forward(w, x, np.zeros((B, H)))
    loss = np.mean((hs - y) ** 2)
    return loss, gru_backward(w, cache, 2 * (hs - y) / hs.size)


def example():
    draw = np.random.default_rng(13)
    shapes = {"w_ih": (3 * H, I), "w_hh": (3 * H, H), "b_ih": (3 * H,), "b_hh": (3 * H,)}
    return loss_and_gradients, {k: draw.uniform(-1, 1, s) for k, s in shapes.items()}


EXAMPLES = {"gru_reset_after": example}
