"""A small automatic differentiation on scalars, and the network written in it."""

import math

import numpy as np

import rnncheck


class Value:
    def __init__(self, data, children=()):
        self.data = data
        self.grad = 0.0
        self._children = children
        self._backward = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def tanh(self):
        t = math.tanh(self.data)
        out = Value(t, (self,))

        def _backward():
            self.grad += (1 - t**2) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        topo, visited, stack = [], set(), [(self, False)]
        while stack:
            v, done = stack.pop()
            if done:
                topo.append(v)
            elif id(v) not in visited:
                visited.add(id(v))
                stack.append((v, True))
                stack.extend((child, False) for child in v._children)
        self.grad = 1.0
        for v in reversed(topo):
            v._backward()


def values(array):
    if array.ndim == 1:
        return [Value(a) for a in array]
    return [values(row) for row in array]


def each(f, nested):
    return [each(f, v) for v in nested] if isinstance(nested, list) else f(nested)


def network(p, x, h):
    out = []
    for x_t in x:
        h = [
            (
                sum(w * v for w, v in zip(p["W_ih"][j], x_t))
                + sum(w * v for w, v in zip(p["W_hh"][j], h))
                + p["b"][j]
            ).tanh()
            for j in range(len(h))
        ]
        out.append(h)
    return out, h


def forward(params, x, h0):
    out, h = network({k: values(v) for k, v in params.items()}, values(x), values(h0))
    return np.array(each(lambda v: v.data, out)), np.array(each(lambda v: v.data, h))


def backward(params, x, h0, d_output, d_h_n):
    leaves = {k: values(v) for k, v in params.items()} | {"x": values(x), "h0": values(h0)}
    out, h = network(leaves, leaves["x"], leaves["h0"])
    loss = Value(0.0)
    for t in range(len(out)):
        for j in range(len(h)):
            loss = loss + out[t][j] * d_output[t, j]
    for j in range(len(h)):
        loss = loss + h[j] * d_h_n[j]
    loss.backward()
    return {k: np.array(each(lambda v: v.grad, leaf)) for k, leaf in leaves.items()}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time input",
    h0="hidden",
    output="time hidden",
    params={"W_ih": "hidden input", "W_hh": "hidden prev", "b": "hidden"},
    name="graph of values",
)
