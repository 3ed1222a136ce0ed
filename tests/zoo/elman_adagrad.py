"""A class that trains: it checks what it is given, clips far out, keeps Adagrad's memory."""

import numpy as np

import rnncheck


class RNN:
    """The gradients are what is asked for; the memory is updated beside them."""

    learning_rate = 1e-1

    def __init__(self, Wxh, Whh, bh, verbose=False):
        self.weights = {"Wxh": Wxh.copy(), "Whh": Whh.copy(), "bh": bh.copy()}
        self.memory = {name: np.zeros_like(w) for name, w in self.weights.items()}
        self.grads = {}
        self.cache = None
        self.verbose = verbose

    def forward(self, x, h0):
        assert isinstance(x, np.ndarray), f"x is a {type(x).__name__}"
        assert x.ndim == 3 and x.shape[2] == self.weights["Wxh"].shape[1], f"x has {x.shape}"
        assert h0.shape == (x.shape[1], self.weights["bh"].size)
        assert np.isfinite(x).all()
        if self.verbose:
            print(f"x {x.shape} {x.dtype}, h0 {h0.shape}")
        hs = np.zeros((x.shape[0], *h0.shape), dtype=x.dtype)
        h = h0
        for t in range(x.shape[0]):
            a = x[t] @ self.weights["Wxh"].T + h @ self.weights["Whh"].T + self.weights["bh"]
            h = np.tanh(a)
            hs[t] = h
        self.cache = (x, h0, hs)
        return hs, h

    def backward(self, d_output, d_h_n):
        if self.cache is None:
            raise RuntimeError("call forward first")
        x, h0, hs = self.cache
        assert d_output.shape == hs.shape
        self.grads = {name: np.zeros(w.shape, dtype=w.dtype) for name, w in self.weights.items()}
        dx = np.zeros(x.shape, dtype=x.dtype)
        dh = d_h_n
        for t in range(x.shape[0] - 1, -1, -1):
            da = (1.0 - hs[t] ** 2.0) * (d_output[t] + dh)
            self.grads["Wxh"] += da.T @ x[t]
            self.grads["Whh"] += da.T @ (hs[t - 1] if t > 0 else h0)
            self.grads["bh"] += np.sum(da, 0)
            dx[t] = da @ self.weights["Wxh"]
            dh = da @ self.weights["Whh"]
        for grad in self.grads.values():
            np.clip(grad, -1e300, 1e300, out=grad)
        if not all(np.isfinite(grad).all() for grad in self.grads.values()):
            raise FloatingPointError("a gradient is not finite")
        return dx, dh

    def update(self):
        for name, weight in self.weights.items():
            grad = self.grads[name]
            self.memory[name] += grad * grad
            weight += -self.learning_rate * grad / np.sqrt(self.memory[name] + 1e-8)


def forward(params, x, h0):
    return RNN(**params).forward(x, h0)


def backward(params, x, h0, d_output, d_h_n):
    net = RNN(**params)
    net.forward(x, h0)
    dx, dh0 = net.backward(d_output, d_h_n)
    net.update()
    return {**net.grads, "x": dx, "h0": dh0}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"Wxh": "hidden input", "Whh": "hidden prev", "bh": "hidden"},
    name="trains with Adagrad",
)
