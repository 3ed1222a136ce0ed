"""`Trace`: what was computed, number after number, so that it can be differentiated.

It is to a network what the `Value` of `value.py` is to one number, by the same chain rule. But here
a number has no object of its own: it stands in a list, and is known by its place there. What was
computed together, such as the neurons that read the same inputs, is one node, with the places of
its results y and of the x that these were computed from, and with a function, its `pullback`: it
finds ∂loss/∂x from ∂loss/∂y. Every operation stands below, with its pullback in it.

A number is computed from numbers before it. Going from the last node to the first, the sum of all
that its results owe to the loss is therefore complete when a node's turn comes.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import mul

from rnncheck.implementations.scalar.activations import Activation

Floats = list[float]
Places = Sequence[int]
Softmax = Callable[[Sequence[float]], Floats]
Pullback = Callable[[Floats], Floats]
Node = tuple[range, Places, Pullback]
"""The places of y and of x, and ∂loss/∂y → ∂loss/∂x."""

Loss = Sequence[tuple[Places, Sequence[float]]]
"""`Σ d · y` over pairs of places, where y stands, and as many numbers d."""


class Weights:
    """The parameters of neurons side by side: a row of weights and a bias for each.

    d_rows, d_bias: ∂loss/∂rows and ∂loss/∂bias, which every pullback adds to.
    """

    __slots__ = ("bias", "d_bias", "d_rows", "rows")

    def __init__(self, rows: Sequence[Floats], bias: Floats) -> None:
        """As many biases as rows."""
        self.rows = rows
        self.bias = bias
        self.zero_grad()

    def zero_grad(self) -> None:
        """Set the gradients to 0."""
        self.d_rows = [[0.0] * len(row) for row in self.rows]
        self.d_bias = [0.0] * len(self.bias)


class Trace:
    """The numbers, and the nodes that computed those of them that are no leaves."""

    __slots__ = ("data", "nodes")

    def __init__(self) -> None:
        """Nothing so far."""
        self.data: Floats = []
        self.nodes: list[Node] = []

    def leaves(self, numbers: Iterable[float]) -> range:
        """Put in numbers that were not computed; return their places."""
        start = len(self.data)
        self.data += numbers
        return range(start, len(self.data))

    def results(self, y: Floats, x: Places, pullback: Pullback) -> range:
        """Put in numbers that were computed from those at x; return their places."""
        places = self.leaves(y)
        self.nodes.append((places, x, pullback))
        return places

    def numbers(self, places: Places) -> Floats:
        """What stands there."""
        return [self.data[i] for i in places]

    def neurons(self, weights: Weights, inputs: Places, f: Activation) -> range:
        """`y_j = f(a_j)`, `a_j = Σ_i w_ji x_i + b_j`, for each row w_j of the weights.

        The derivative of a_j by w_ji is x_i, by x_i it is w_ji, and by b_j it is 1.
        """
        x = self.numbers(inputs)
        y, slopes = [], []
        for w, b in zip(weights.rows, weights.bias, strict=True):
            y_j, slope = f(sum(map(mul, w, x), b))
            y.append(y_j)
            slopes.append(slope)

        def pullback(d_y: Floats) -> Floats:
            d_x, indices, d_bias = [0.0] * len(x), range(len(x)), weights.d_bias
            for j, (w, d_w) in enumerate(zip(weights.rows, weights.d_rows, strict=True)):
                d = d_y[j] * slopes[j]
                d_bias[j] += d
                for i in indices:
                    d_w[i] += d * x[i]
                    d_x[i] += d * w[i]
            return d_x

        return self.results(y, inputs, pullback)

    def scaled(self, inputs: Places, factors: Floats) -> range:
        """`y_i = factors_i x_i`; the derivative is factors_i."""
        x = self.numbers(inputs)
        return self.results([*map(mul, factors, x)], inputs, lambda d_y: [*map(mul, factors, d_y)])

    def softmax(self, inputs: Places, f: Softmax) -> range:
        """`y_i = e^{x_i} / Σ_j e^{x_j}`, the floats computed by f.

        The derivative of y_i by x_j is `y_i (1 - y_i)` if i = j, else `-y_i y_j`.
        """
        y = f(self.numbers(inputs))

        def pullback(d_y: Floats) -> Floats:
            d_x = [0.0] * len(y)
            for i, y_i in enumerate(y):
                for j, y_j in enumerate(y):
                    d_x[j] += d_y[i] * (y_i * (float(i == j) - y_j))
            return d_x

        return self.results(y, inputs, pullback)

    def differentiate(self, loss: Loss, cut: Places | None = None) -> Floats:
        """∂loss/∂v for every number v, in the order of the numbers; weights keep theirs.

        The results in `cut` are taken for constants: nothing flows through them.
        """
        grad = [0.0] * len(self.data)
        for places, d_y in loss:
            for i, d in zip(places, d_y, strict=True):
                grad[i] += d
        nodes = reversed(self.nodes) if cut is None else self._below(loss, cut)
        for y, x, pullback in nodes:
            for i, d in zip(x, pullback(grad[y.start : y.stop]), strict=True):
                grad[i] += d
        return grad

    def _below(self, loss: Loss, cut: Places) -> Iterable[Node]:
        """The nodes that the loss depends on otherwise than through `cut`, the last one first."""
        needed = {i for places, _ in loss for i in places}
        for node in reversed(self.nodes):
            y, x, _ = node
            if not needed.isdisjoint(y) and y.start not in cut:
                needed.update(x)
                yield node
