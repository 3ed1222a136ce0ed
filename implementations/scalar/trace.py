"""`Trace`: what was computed, number after number, so that it can be differentiated.

It is to a network what the `Value` of `value.py` is to one number, by the same chain rule. But here
a number has no object of its own: it stands in the list `data`, its derivative ∂loss/∂number in
the list `grad`, and it is known by its place in both. What is computed together, such as the
neurons that read the same inputs, is one node. It has a function, its `backward`, which looks up
in `grad` what the results y owe to the loss, and adds what the inputs x owe through them. Every
operation stands below, with its `backward` in it.

A number is computed from numbers before it. Going from the last node to the first, the derivatives
of a node's results are therefore complete when its turn comes.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import mul

from rnncheck.implementations.scalar.activations import Activation

Floats = list[float]
Places = Sequence[int]
Softmax = Callable[[Sequence[float]], Floats]
Node = tuple[range, Places, Callable[[Floats], None]]
"""The places of results y and of the x that they were computed from, and their `backward`."""


class Weights:
    """The parameters of neurons side by side: a row of weights and a bias for each.

    d_rows, d_bias: ∂loss/∂rows and ∂loss/∂bias, which `differentiate` adds to.
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
        outputs = self.leaves(y)

        def backward(grad: Floats) -> None:
            for j, place in enumerate(outputs):
                d = grad[place] * slopes[j]
                w, d_w = weights.rows[j], weights.d_rows[j]
                weights.d_bias[j] += d
                for i, input_i in enumerate(inputs):
                    d_w[i] += d * x[i]
                    grad[input_i] += d * w[i]

        self.nodes.append((outputs, inputs, backward))
        return outputs

    def scaled(self, inputs: Places, factors: Sequence[float]) -> range:
        """`y_i = factors_i x_i`; the derivative is factors_i."""
        factors = [*factors]
        outputs = self.leaves(map(mul, factors, self.numbers(inputs)))

        def backward(grad: Floats) -> None:
            for place, input_i, factor in zip(outputs, inputs, factors, strict=True):
                grad[input_i] += grad[place] * factor

        self.nodes.append((outputs, inputs, backward))
        return outputs

    def softmax(self, inputs: Places, f: Softmax) -> range:
        """`y_i = e^{x_i} / Σ_j e^{x_j}`, the floats computed by f.

        The derivative of y_i by x_j is `y_i (1 - y_i)` if i = j, else `-y_i y_j`.
        """
        y = f(self.numbers(inputs))
        outputs = self.leaves(y)

        def backward(grad: Floats) -> None:
            for i, place in enumerate(outputs):
                for j, input_j in enumerate(inputs):
                    grad[input_j] += grad[place] * (y[i] * (float(i == j) - y[j]))

        self.nodes.append((outputs, inputs, backward))
        return outputs

    def differentiate(
        self, places: Sequence[int], d: Sequence[float], cut: Places | None = None
    ) -> Floats:
        """The derivative of the loss `Σ_k d_k y_k` by every number; y: those at the places.

        The results in `cut` are taken for constants: nothing flows through them. Weights keep
        their own derivatives, and add them up.
        """
        grad = [0.0] * len(self.data)
        for place, d_k in zip(places, d, strict=True):
            grad[place] += d_k
        nodes = reversed(self.nodes) if cut is None else self._below(places, cut)
        for _, _, backward in nodes:
            backward(grad)
        return grad

    def _below(self, places: Places, cut: Places) -> Iterable[Node]:
        """The nodes that these depend on otherwise than through `cut`, the last one first."""
        needed = set(places)
        for node in reversed(self.nodes):
            outputs, inputs, _ = node
            if not needed.isdisjoint(outputs) and outputs.start not in cut:
                needed.update(inputs)
                yield node
