"""The loss function of min-char-rnn in other words: weights are globals, gradients clipped at 5."""

import numpy as np

vocab_size, hidden_size = 4, 3
Wxh = Whh = Why = bh = by = None


def lossFun(inputs, targets, hprev, clip=True):
    """Cross-entropy of the next character; returns the loss, the gradients, the last state."""
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    if clip:
        for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
            np.clip(dparam, -5, 5, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


data = "hello hello oh"
chars = sorted(set(data) - {" "})
char_to_ix = {ch: i for i, ch in enumerate(chars)}
text = [char_to_ix[ch] for ch in data if ch != " "]


def loss_and_gradients(params, clip=True):
    global Wxh, Whh, Why, bh, by
    Wxh, Whh, Why, bh, by = (params[k] for k in ("Wxh", "Whh", "Why", "bh", "by"))
    inputs, targets = text[:6], text[1:7]
    loss, *grads, _ = lossFun(inputs, targets, np.zeros((hidden_size, 1)), clip)
    return loss, dict(zip(("Wxh", "Whh", "Why", "bh", "by"), grads))


def loss_and_gradients_without_clip(params):
    return loss_and_gradients(params, clip=False)


def example():
    rng = np.random.default_rng(1)
    params = {
        "Wxh": rng.standard_normal((hidden_size, vocab_size)) * 0.5,
        "Whh": rng.standard_normal((hidden_size, hidden_size)) * 0.5,
        "Why": rng.standard_normal((vocab_size, hidden_size)) * 0.5,
        "bh": rng.standard_normal((hidden_size, 1)) * 0.5,
        "by": rng.standard_normal((vocab_size, 1)) * 0.5,
    }
    return loss_and_gradients, params


def example_without_clip():
    return loss_and_gradients_without_clip, example()[1]


EXAMPLES = {"min_char": example, "min_char_without_clip": example_without_clip}
