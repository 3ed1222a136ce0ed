"""A GRU with the reset gate before the product, as its first paper has it: tanh(W x + U (r * h))."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, p):
        self.p = p

    def forward(self, xs):
        p = self.p
        h = np.zeros((p["Uz"].shape[0], 1))
        self.tape = []
        for x in xs:
            z = sigmoid(p["Wz"] @ x + p["Uz"] @ h + p["bz"])
            r = sigmoid(p["Wr"] @ x + p["Ur"] @ h + p["br"])
            n = np.tanh(p["Wh"] @ x + p["Uh"] @ (r * h) + p["bh"])
            h_new = z * h + (1 - z) * n
            self.tape.append((x, h, z, r, n))
            h = h_new
        return h

    def backward(self, dh):
        p = self.p
        g = {k: np.zeros_like(v) for k, v in p.items()}
        for x, h, z, r, n in reversed(self.tape):
            dn = dh * (1 - z)
            dz = dh * (h - n)
            dh_prev = dh * z
            dan = dn * (1 - n * n)
            drh = p["Uh"].T @ dan
            dr = drh * h
            dh_prev += drh * r
            dar = dr * r * (1 - r)
            daz = dz * z * (1 - z)
            g["Wh"] += dan @ x.T
            g["Uh"] += dan @ (r * h).T
            g["bh"] += dan
            g["Wr"] += dar @ x.T
            g["Ur"] += dar @ h.T
            g["br"] += dar
            g["Wz"] += daz @ x.T
            g["Uz"] += daz @ h.T
            g["bz"] += daz
            dh_prev += p["Ur"].T @ dar
            dh_prev += p["Uz"].T @ daz
            dh = dh_prev
        return g


def example():
    rng = np.random.default_rng(11)
    D, H, T = 2, 3, 5
    xs = rng.standard_normal((T, D, 1))
    target = rng.standard_normal((H, 1))

    def loss_and_gradients(p):
        gru = GRU(p)
        h = gru.forward(xs)
        diff = h - target
        return float(np.sum(diff**2)), gru.backward(2 * diff)

    params = {}
    for gate in "zrh":
        params["W" + gate] = rng.standard_normal((H, D)) * 0.7
        params["U" + gate] = rng.standard_normal((H, H)) * 0.7
        params["b" + gate] = rng.standard_normal((H, 1)) * 0.7
    return loss_and_gradients, params


EXAMPLES = {"gru": example}
