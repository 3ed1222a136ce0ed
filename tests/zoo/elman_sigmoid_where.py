"""The sigmoid in two branches by np.where on |a|; its derivative is a method beside it."""

import numpy as np

import rnncheck


class Sigmoid:
    @staticmethod
    def forward(a):
        e = np.exp(-np.abs(a))
        return np.where(a >= 0, 1 / (1 + e), e / (1 + e))

    @staticmethod
    def gradient(y):
        return y * (1.0 - y)


class Recurrent:
    activation = Sigmoid

    def __init__(self, w_x, w_h, b_x, b_h):
        self.w = [w_x, w_h]
        self.b = [b_x, b_h]
        self.cache = []

    def forward(self, sequence, state):
        for x in sequence:
            y = self.activation.forward(self.w[0] @ x + self.b[0] + self.w[1] @ state + self.b[1])
            self.cache.append((x, state, y))
            state = y
        return [y for _, _, y in self.cache], state

    def backward(self, upstream, carry):
        gw = [np.zeros_like(w) for w in self.w]
        gb = np.zeros_like(self.b[0])
        gx = []
        for g in reversed(upstream):
            x, state, y = self.cache.pop()
            delta = (g + carry) * self.activation.gradient(y)
            gw[0] = gw[0] + np.outer(delta, x)
            gw[1] = gw[1] + np.outer(delta, state)
            gb = gb + delta
            gx.append(self.w[0].T @ delta)
            carry = self.w[1].T @ delta
        return gw, gb, gx[::-1], carry


def forward(params, x, h0):
    states, last = Recurrent(**params).forward(x, h0)
    return np.array(states), last


def backward(params, x, h0, d_output, d_h_n):
    layer = Recurrent(**params)
    layer.forward(x, h0)
    (gwx, gwh), gb, gx, carry = layer.backward(list(d_output), d_h_n)
    return {"w_x": gwx, "w_h": gwh, "b_x": gb, "b_h": gb, "x": np.array(gx), "h0": carry}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time input",
    h0="hidden",
    output="time hidden",
    params={"w_x": "hidden input", "w_h": "hidden prev", "b_x": "hidden", "b_h": "hidden"},
    nonlinearity="sigmoid",
    name="sigmoid by where",
)
