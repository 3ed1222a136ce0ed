"""(x + 1) mod 3, symbol by symbol: by hand, with the right gradient and with the published one."""

import argparse
from functools import partial
from itertools import product

import numpy as np

import rnncheck

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=5000)
parser.add_argument("--rate", type=float, default=1e-4)
parser.add_argument("--picture", help="a file to draw the losses in")
arguments = parser.parse_args()

# The data: ten sequences of ten symbols, one-hot. The parameters have the tutorial's names.
rng = np.random.default_rng(0)
symbols = rng.integers(0, 3, (10, 10))
examples = list(zip(np.eye(3)[symbols], np.eye(3)[(symbols + 1) % 3], strict=True))
shapes = {"W": (10, 3), "U": (10, 10), "b": (10,), "V": (3, 10), "c": (3,)}
start = {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def forward(p, x):
    """h_t = tanh(W x_t + U h_{t-1} + b), ŷ_t = softmax(V h_t + c), from h_0 = 0."""
    h = [np.zeros(10)]
    for x_t in x:
        h.append(np.tanh(p["W"] @ x_t + p["U"] @ h[-1] + p["b"]))
    e = np.exp(h[1:] @ p["V"].T + p["c"])
    return h, e / e.sum(axis=1, keepdims=True)


def loss_and_gradients(p, x, y, published):
    """The loss -Σ y log ŷ, and the way back through time."""
    h, y_hat = forward(p, x)
    delta_o = y_hat - y  # through the loss and the softmax at once
    g, carry = {name: np.zeros_like(array) for name, array in p.items()}, np.zeros(10)
    g["V"], g["c"] = delta_o.T @ h[1:], delta_o.sum(axis=0)
    for t in reversed(range(len(x))):
        delta = (p["V"].T @ delta_o[t] + carry) * (1 - h[t + 1] ** 2)
        g["W"] += np.outer(delta, x[t])
        g["b"] += delta
        g["U"] += delta @ h[t] if published else np.outer(delta, h[t])  # one number everywhere
        carry = (p["U"] if published else p["U"].T) @ delta  # the transpose is missing
    return -np.sum(y * np.log(y_hat)), g


# Both learn, a sequence at a time, from the same start. Nothing in the losses says that one is wrong:
# `gradcheck` does, which compares a gradient with differences of its own loss.
print("as published: loss 202.8 (0), 110.3 (100), 42.7 (1000), 8.7 (4900); 98 of 100 symbols right")
losses = {"right": np.zeros(arguments.epochs), "published": np.zeros(arguments.epochs)}
for words, history in losses.items():
    p, of = start, partial(loss_and_gradients, published=words == "published")
    for epoch, (x, y) in product(range(arguments.epochs), examples):
        loss, g = of(p, x, y)
        history[epoch] += loss
        p = {name: p[name] - arguments.rate * g[name] for name in p}
    right = sum((forward(p, x)[1].argmax(axis=1) == y.argmax(axis=1)).sum() for x, y in examples)
    shown = [f"{x:.1f} ({e})" for e, x in enumerate(history) if e in (0, 100, 1000, 4900, epoch)]
    print(f"\n{words} gradient: loss {', '.join(shown)}; {right} of 100 symbols right")
    print(rnncheck.gradcheck(partial(of, x=x, y=y), start, name=words, raise_exception=False))

if arguments.picture:
    import matplotlib.pyplot as plt

    plt.semilogy(np.transpose(list(losses.values())), label=list(losses))
    plt.legend()
    plt.savefig(arguments.picture)
