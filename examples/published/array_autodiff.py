"""The array-autodiff library: a graph of arrays, and a recurrent layer made of three linear maps.

rnncheck check array_autodiff.py                                  # as it was published
rnncheck check array_autodiff.py:fixed                            # without its defects
rnncheck check array_autodiff.py:ones_times_the_upstream_sum      # with that one alone
"""

import numpy as np

import rnncheck

DEFECTS = frozenset(
    {"state_sized_by_features", "ones_times_the_upstream_sum", "final_state_squeezed"}
)


class Tensor:
    """An array that remembers what it was made of."""

    def __init__(self, data, sources=(), pull=None):
        self.data, self.sources, self.pull, self.grad = data, sources, pull, None

    def __add__(self, other):
        def pull(g):
            return fit(g, self.data), fit(g, other.data)

        return Tensor(self.data + other.data, (self, other), pull)

    def __matmul__(self, other):
        def pull(g):
            return g @ other.data.T, self.data.T @ g

        return Tensor(self.data @ other.data, (self, other), pull)

    def tanh(self):
        out = np.tanh(self.data)
        return Tensor(out, (self,), lambda g: (g * (1 - out * out),))


def fit(g, array):
    """Summed over what was broadcast."""
    while g.ndim > array.ndim:
        g = g.sum(axis=0)
    for axis, n in enumerate(array.shape):
        if n == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def stack(tensors, defects):
    def pull(g):
        if "ones_times_the_upstream_sum" in defects:
            g = np.ones(g.shape) * g.sum()
        return tuple(g)

    return Tensor(np.stack([t.data for t in tensors]), tuple(tensors), pull)


def backward(*ends):
    """From (tensor, gradient) pairs to every tensor's grad."""
    order, seen = [], set()

    def visit(tensor):
        todo = [(tensor, False)]
        while todo:
            node, done = todo.pop()
            if done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                todo.append((node, True))
                todo.extend((source, False) for source in node.sources)

    for tensor, _ in ends:
        visit(tensor)
    for tensor, gradient in ends:
        tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient
    for node in reversed(order):
        if node.pull is not None and node.grad is not None:
            for source, gradient in zip(node.sources, node.pull(node.grad), strict=True):
                source.grad = gradient if source.grad is None else source.grad + gradient


class Linear:
    def __init__(self, w, b):
        self.w, self.b = Tensor(w), Tensor(b)

    def __call__(self, x):
        return x @ self.w + self.b


class RNN:
    """h_t = tanh(U x_t + W h_{t-1}), y_t = V h_t: all y_t, and the last h."""

    def __init__(self, U, W, V, defects=DEFECTS):
        self.U, self.W, self.V, self.defects = U, W, V, defects
        self.hidden_dim = W.w.data.shape[0]

    def __call__(self, x):
        rows = 1
        if "state_sized_by_features" in self.defects:
            rows = x[0].data.shape[1]
        h = Tensor(np.zeros((rows, self.hidden_dim)))
        ys = []
        for x_t in x:
            h = (self.U(x_t) + self.W(h)).tanh()
            ys.append(self.V(h))
        if "final_state_squeezed" in self.defects:
            h.data = h.data.squeeze()
        return stack(ys, self.defects), h


def network(defects=DEFECTS):
    """The network with some of its defects, for rnncheck to run: one sample at a time."""

    def run(params, x):
        U, W, V = (Linear(params[f"{name}.w"], params[f"{name}.b"]) for name in "UWV")
        rows = [Tensor(row) for row in x]
        return rows, {"U": U, "W": W, "V": V}, *RNN(U, W, V, defects)(rows)

    def forward_pass(params, x):
        _, _, y, h = run(params, x)
        return y.data, h.data

    def backward_pass(params, x, d_y, d_h):
        rows, maps, y, h = run(params, x)
        backward((y, d_y), (h, d_h))
        found = {f"{name}.w": linear.w.grad for name, linear in maps.items()}
        found |= {f"{name}.b": linear.b.grad for name, linear in maps.items()}
        return {**found, "x": np.stack([row.grad for row in rows])}

    return rnncheck.wrap(
        forward_pass,
        backward_pass,
        x="time 1 input",
        output="time 1 output",
        params={
            "U.w": "input hidden",
            "U.b": "hidden",
            "W.w": "prev hidden",
            "W.b": "hidden",
            "V.w": "hidden output",
            "V.b": "output",
        },
        name="the array-autodiff library",
    )


published = network()


def __getattr__(name):
    """FILE.py:fixed has no defect, FILE.py:DEFECT that one, FILE.py:DEFECT+DEFECT those two."""
    if name != "fixed" and not set(name.split("+")) <= DEFECTS:
        raise AttributeError(name)
    return network(DEFECTS & set(name.split("+")))
