"""Binary cross-entropy, kept from log(0) in two ways: log(p + 1e-12), and p clipped into (0, 1)."""

import numpy as np

EPS = 1e-12


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def run(w, xs):
    """Counts the parity of bits, one sequence."""
    states, outs = [np.zeros(3)], []
    for x in xs:
        states.append(np.tanh(w["in"] @ x + w["rec"] @ states[-1] + w["bias"]))
        outs.append(sigmoid(np.dot(w["out"], states[-1]) + w["out_bias"][0]))
    return states, np.array(outs)


def back(w, xs, states, dlogits):
    g = {k: np.zeros_like(v) for k, v in w.items()}
    carry = np.zeros(3)
    for t in range(len(xs) - 1, -1, -1):
        g["out"] += dlogits[t] * states[t + 1]
        g["out_bias"][0] += dlogits[t]
        d = (dlogits[t] * w["out"] + carry) * (1 - states[t + 1] ** 2)
        g["in"] += np.outer(d, xs[t])
        g["rec"] += np.outer(d, states[t])
        g["bias"] += d
        carry = w["rec"].T @ d
    return g


bits = np.array([1, 0, 1, 1, 0, 1])
xs = np.stack([bits, 1 - bits], axis=1).astype(float)
targets = np.cumsum(bits) % 2


def with_epsilon(w):
    states, p = run(w, xs)
    loss = -np.sum(targets * np.log(p + EPS) + (1 - targets) * np.log(1 - p + EPS))
    dp = -targets / (p + EPS) + (1 - targets) / (1 - p + EPS)
    return loss, back(w, xs, states, dp * p * (1 - p))


def with_epsilon_p_minus_y(w):
    """As most people have it: p - y is the gradient of the loss without the epsilon."""
    states, p = run(w, xs)
    loss = -np.sum(targets * np.log(p + EPS) + (1 - targets) * np.log(1 - p + EPS))
    return loss, back(w, xs, states, p - targets)


def with_clip(w):
    states, p = run(w, xs)
    p = np.clip(p, 1e-7, 1 - 1e-7)
    loss = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean()
    return loss, back(w, xs, states, (p - targets) / len(targets))


def weights():
    rng = np.random.default_rng(6)
    shapes = {"in": (3, 2), "rec": (3, 3), "bias": (3,), "out": (3,), "out_bias": (1,)}
    return {k: rng.standard_normal(shape) for k, shape in shapes.items()}


EXAMPLES = {
    "bce_epsilon": lambda: (with_epsilon, weights()),
    "bce_clip": lambda: (with_clip, weights()),
}
INEXACT = {"bce_epsilon_p_minus_y": lambda: (with_epsilon_p_minus_y, weights())}
