"""The softmax network by hand: ŷ_t = softmax(h_t Vᵀ + b_o), and BPTT without any library.

rnncheck check softmax_by_hand.py                            # as it was published
rnncheck check softmax_by_hand.py:fixed                      # without its defects
rnncheck check softmax_by_hand.py:carry_without_transpose    # with that one alone
python softmax_by_hand.py                                    # it learns, all the same
"""

import numpy as np

import rnncheck

DEFECTS = frozenset(
    {
        "hidden_size_dropped",
        "carry_without_transpose",
        "recurrent_gradient_is_one_number",
        "quadruple_precision",
    }
)


class Network:
    def __init__(self, n_nodes=10):
        self.n_nodes = n_nodes


class SoftmaxRNN(Network):
    def __init__(self, n_nodes=100, defects=DEFECTS):
        self.defects = defects
        if "hidden_size_dropped" in defects:
            super().__init__()
        else:
            super().__init__(n_nodes)

    def start(self, n_symbols, random):
        H, S = self.n_nodes, n_symbols
        shapes = {"W": (H, S), "U": (H, H), "V": (S, H), "b_h": (H,), "b_o": (S,)}
        self.p = {name: random.normal(size=shape) for name, shape in shapes.items()}

    def forward(self, x):
        if "quadruple_precision" in self.defects:
            x = x.astype(np.longdouble)
            self.p = {name: array.astype(np.longdouble) for name, array in self.p.items()}
        p = self.p
        self.h = [np.zeros(self.n_nodes, x.dtype)]
        self.y_hat = []
        for x_t in x:
            self.h.append(np.tanh(x_t @ p["W"].T + self.h[-1] @ p["U"] + p["b_h"]))
            self.y_hat.append(softmax(self.h[-1] @ p["V"].T + p["b_o"]))
        return np.reshape(self.y_hat, (len(x), len(p["b_o"])))

    def backward(self, x, delta_o, carry=0.0):
        """The gradients, from δ_o = dL/d(h Vᵀ + b_o): ŷ - y for the cross-entropy."""
        p = self.p
        d = {name: np.zeros_like(array) for name, array in p.items()}
        for t in reversed(range(len(x))):
            h, h_before = self.h[t + 1], self.h[t]
            d["V"] += np.outer(delta_o[t], h)
            d["b_o"] += delta_o[t]
            delta = (delta_o[t] @ p["V"] + carry) * (1 - h**2)
            d["W"] += np.outer(delta, x[t])
            if "recurrent_gradient_is_one_number" in self.defects:
                d["U"] += delta @ h_before
            else:
                d["U"] += np.outer(h_before, delta)
            d["b_h"] += delta
            back = p["U"] if "carry_without_transpose" in self.defects else p["U"].T
            carry = delta @ back
        return d


def softmax(q):
    e = np.exp(q - q.max())
    return e / e.sum()


# The task: each symbol's successor modulo 3


def train(defects=DEFECTS, epochs=5000, rate=1e-4, seed=4):
    """The loss of each epoch, and how many of the 100 symbols are right before and after."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 3, (10, 10))
    xs, ys = np.eye(3)[numbers], np.eye(3)[(numbers + 1) % 3]
    net = SoftmaxRNN(100, defects)
    net.start(3, random)
    losses, before = [], right(net, xs, ys)
    for _ in range(epochs):
        loss = 0.0
        for x, y in zip(xs, ys, strict=True):
            y_hat = net.forward(x)
            loss -= (y * np.log(y_hat)).sum()
            for name, gradient in net.backward(x, y_hat - y).items():
                net.p[name] -= rate * gradient
        losses.append(float(loss))
    return losses, before, right(net, xs, ys)


def right(net, xs, ys):
    pairs = zip(xs, ys, strict=True)
    return sum(int((net.forward(x).argmax(1) == y.argmax(1)).sum()) for x, y in pairs)


# What rnncheck asks for


def network(defects=DEFECTS):
    """The network with some of its defects, for rnncheck to run."""

    def run(params, x):
        net = SoftmaxRNN(len(params["b_h"]), defects)
        net.p = params
        return net, net.forward(x)

    def forward(params, x):
        net, y = run(params, x)
        return y, net.h[-1]

    def backward(params, x, d_y, d_h_n):
        net, y = run(params, x)
        # softmax's Jacobian, out of which the cross-entropy makes ŷ - y
        delta_o = y * (d_y - (y * d_y).sum(axis=1, keepdims=True))
        return net.backward(x, delta_o, d_h_n)

    return rnncheck.wrap(
        forward,
        backward,
        x="time input",
        output="time output",
        params={
            "W": "hidden input",
            "U": "prev hidden",
            "V": "output hidden",
            "b_h": "hidden",
            "b_o": "output",
        },
        readout="softmax",
        keeps_dtype=True,
        name="the softmax network by hand",
    )


published = network()


def __getattr__(name):
    """FILE.py:fixed has no defect, FILE.py:DEFECT that one, FILE.py:DEFECT+DEFECT those two."""
    if name != "fixed" and not set(name.split("+")) <= DEFECTS:
        raise AttributeError(name)
    return network(DEFECTS & set(name.split("+")))


if __name__ == "__main__":
    # in float64, so that it does not take minutes, and with 10 units, as published
    for name, defects in {
        "the published gradient": DEFECTS - {"quadruple_precision"},
        "the right gradient": {"hidden_size_dropped"},
    }.items():
        losses, before, after = train(frozenset(defects))
        shown = ", ".join(f"{losses[i]:.1f} ({i})" for i in (0, 100, 1000, 4900))
        print(f"{name}: loss {shown}; {before} of 100 right before, {after} after")
