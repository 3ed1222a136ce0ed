"""Many to one: the class of a sequence, log-softmax by log-sum-exp, one-hot targets, column vectors."""

import numpy as np

INPUT, HIDDEN, CLASSES, STEPS = 4, 5, 3, 6
rng = np.random.default_rng(3)
SEQUENCES = [rng.uniform(-1, 1, (STEPS - n, INPUT, 1)) for n in range(2)]
LABELS = [np.eye(CLASSES)[:, [k]] for k in (2, 0)]


def log_softmax(z):
    m = z.max()
    return z - m - np.log(np.sum(np.exp(z - m)))


def loss_and_gradients(params):
    Wx, Wh, Wy, bh, by = params
    total = 0.0
    grads = [np.zeros_like(p) for p in params]
    for xs, label in zip(SEQUENCES, LABELS):
        hs = [np.zeros((HIDDEN, 1))]
        for x in xs:
            hs.append(np.tanh(Wx @ x + Wh @ hs[-1] + bh))
        logp = log_softmax(Wy @ hs[-1] + by)
        total += -np.sum(label * logp)
        dz = np.exp(logp) - label
        grads[2] += dz @ hs[-1].T
        grads[4] += dz
        dh = Wy.T @ dz
        for t in range(len(xs), 0, -1):
            temp = (1 - hs[t] ** 2) * dh
            grads[0] += temp @ xs[t - 1].T
            grads[1] += temp @ hs[t - 1].T
            grads[3] += temp
            dh = Wh.T @ temp
    return total, grads


def example():
    shapes = {
        "Wx": (HIDDEN, INPUT),
        "Wh": (HIDDEN, HIDDEN),
        "Wy": (CLASSES, HIDDEN),
        "bh": (HIDDEN, 1),
        "by": (CLASSES, 1),
    }
    draw = np.random.default_rng(4)
    params = {name: draw.standard_normal(shape) * 0.5 for name, shape in shapes.items()}

    def by_name(params):
        loss, grads = loss_and_gradients([params[name] for name in shapes])
        return loss, dict(zip(shapes, grads))

    return by_name, params


EXAMPLES = {"log_softmax": example}
