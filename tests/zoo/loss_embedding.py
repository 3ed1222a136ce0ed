"""Words by number: rows of an embedding, tied to the readout, np.add.at going back; weight decay."""

import numpy as np

V, D, T = 5, 3, 6
WORDS = np.array([[0, 3, 1, 1, 4, 2, 0], [2, 3, 4, 0, 3, 1, 1]]).T
DECAY = 1e-3


def loss_and_gradients(theta):
    E, W, b = theta["E"], theta["W"], theta["b"]
    inputs, targets = WORDS[:T], WORDS[1:]
    rows = np.arange(inputs.shape[1])
    h = np.zeros((inputs.shape[1], D))
    tape, nll = [], 0.0
    for word, target in zip(inputs, targets):
        prev, h = h, np.tanh(E[word] + np.matmul(h, W) + b)
        logits = h @ E.T
        logits = logits - logits.max(axis=1)[:, None]
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        nll += -log_p[rows, target].sum()
        tape.append((word, target, prev, h, np.exp(log_p)))
    loss = nll / inputs.size + DECAY / 2 * sum(np.sum(w * w) for w in theta.values())
    dE, dW, db = DECAY * E, DECAY * W, DECAY * b
    dh = np.zeros_like(h)
    while tape:
        word, target, prev, h, p = tape.pop()
        one_hot = np.zeros_like(p)
        one_hot[rows, target] = 1.0
        dlogits = (p - one_hot) / inputs.size
        dE = dE + dlogits.T @ h
        da = (dh + dlogits @ E) * (1 - h * h)
        np.add.at(dE, word, da)
        dW += prev.T @ da
        db += da.sum(axis=0)
        dh = da @ W.T
    return loss, {"E": dE, "W": dW, "b": db}


def example():
    rng = np.random.default_rng(16)
    return loss_and_gradients, {
        "E": rng.standard_normal((V, D)),
        "W": rng.standard_normal((D, D)) / np.sqrt(D),
        "b": rng.standard_normal(D) / 2,
    }


EXAMPLES = {"embedding": example}
