"""A batch of sequences, softmax shifted by its maximum, cross-entropy averaged over T and B."""

import numpy as np


def softmax(z):
    shifted = z - np.max(z, axis=-1, keepdims=True)
    e = np.exp(shifted)
    return e / np.sum(e, axis=-1, keepdims=True)


class CharModel:
    def __init__(self, params):
        self.p = params

    def loss(self, x, y):
        p = self.p
        B, T, _ = x.shape
        h = np.zeros((B, p["W"].shape[0]))
        hs, probs, loss = [h], [], 0.0
        for t in range(T):
            h = np.tanh(x[:, t] @ p["U"] + h @ p["W"] + p["b"])
            prob = softmax(h @ p["V"] + p["c"])
            loss -= np.log(prob[np.arange(B), y[:, t]]).sum()
            hs.append(h)
            probs.append(prob)
        self.cache = x, y, hs, probs
        return loss / (B * T)

    def grads(self):
        p = self.p
        x, y, hs, probs = self.cache
        B, T, _ = x.shape
        g = {name: np.zeros_like(value) for name, value in p.items()}
        dh_next = np.zeros_like(hs[0])
        for t in reversed(range(T)):
            dscores = probs[t].copy()
            dscores[np.arange(B), y[:, t]] -= 1
            dscores /= B * T
            g["V"] += hs[t + 1].T @ dscores
            g["c"] += dscores.sum(axis=0)
            dh = dscores @ p["V"].T + dh_next
            da = dh * (1 - hs[t + 1] ** 2)
            g["U"] += x[:, t].T @ da
            g["W"] += hs[t].T @ da
            g["b"] += da.sum(axis=0)
            dh_next = da @ p["W"].T
        return g


def example():
    rng = np.random.default_rng(2)
    B, T, D, H, K = 2, 5, 4, 3, 6
    x, y = rng.standard_normal((B, T, D)), rng.integers(0, K, (B, T))

    def loss_and_gradients(params):
        model = CharModel(params)
        return model.loss(x, y), model.grads()

    shapes = {"U": (D, H), "W": (H, H), "b": (H,), "V": (H, K), "c": (K,)}
    return loss_and_gradients, {k: rng.normal(0, 0.6, s) for k, s in shapes.items()}


EXAMPLES = {"stable_softmax": example}
