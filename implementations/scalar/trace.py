"""`Trace`: what was computed, number after number, so that it can be differentiated.

It is to a network what the `Value` of `value.py` is to one number, by the same chain rule. But here
a number has no object of its own: it stands in the list `data`, its derivative ∂loss/∂number at the
same place of `grad`, and it is known by its place in both. What is computed together, such as the
neurons that read the same inputs, is one node. Every operation is a method below, and leaves a node
behind. The function that goes back through such a node stands below the class: it looks up in `grad`
what the results y owe to the loss, and adds what the inputs x owe through them.

A number is computed from numbers before it. Going from the last node to the first, the derivatives
of a node's results are therefore complete when its turn comes.

What a node keeps is in tuples and not in lists. Python's garbage collector goes through all that can
refer to something else, the more of it the longer the trace is; a tuple in which it has found but
numbers it leaves alone from then on, a list never.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import mul
from typing import Any

from rnncheck.implementations.scalar.activations import Activation

Floats = list[float]
Places = Sequence[int]
Softmax = Callable[[Sequence[float]], Floats]
Grad = Floats | defaultdict[int, float]
"""The derivative by each place: by all of them, or by some, if the others are 0."""
Node = tuple[Callable[..., None], range, Places, *tuple[Any, ...]]
"""The function that goes back, given `grad` and the node; the places of y, and of x; what it needs."""
Loss = tuple[Places, Sequence[float], Places]
"""`Σ_k d_k y_k`: the places of the y, the d, and the places of results to be taken for constants."""


class Weights:
    """The parameters of neurons side by side: a row of weights and a bias for each.

    d_rows, d_bias: ∂loss/∂rows and ∂loss/∂bias, which are there from the first `zero_grad` on, and
    which `differentiate` adds to.
    """

    __slots__ = ("bias", "d_bias", "d_rows", "rows")

    def __init__(self, rows: Sequence[Floats], bias: Floats) -> None:
        """As many biases as rows."""
        self.rows = rows
        self.bias = bias

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
        data = self.data
        return [data[i] for i in places]

    def neurons(self, weights: Weights, inputs: Places, f: Activation) -> range:
        """`y_j = f(a_j)`, `a_j = Σ_i w_ji x_i + b_j`, for each row w_j of the weights."""
        function, slope = f
        x, y = self.numbers(inputs), []
        for w, b in zip(weights.rows, weights.bias):  # noqa: B905 - strict costs a twentieth of it
            y.append(function(sum(map(mul, w, x), b)))
        outputs = self.leaves(y)
        self.nodes.append((_back_neurons, outputs, inputs, weights, slope, tuple(x), tuple(y)))
        return outputs

    def scaled(self, inputs: Places, factors: Sequence[float]) -> range:
        """`y_i = factors_i x_i`."""
        factors = tuple(factors)
        outputs = self.leaves(map(mul, factors, self.numbers(inputs)))
        self.nodes.append((_back_scaled, outputs, inputs, factors))
        return outputs

    def softmax(self, inputs: Places, f: Softmax) -> range:
        """`y_i = e^{x_i} / Σ_j e^{x_j}`, the floats computed by f."""
        y = tuple(f(self.numbers(inputs)))
        outputs = self.leaves(y)
        self.nodes.append((_back_softmax, outputs, inputs, y))
        return outputs

    def differentiate(self, places: Iterable[int], d: Iterable[float]) -> Floats:
        """The derivative of the loss `Σ_k d_k y_k` by every number; y: those at the places.

        Weights keep their own derivatives, and add them up.
        """
        grad = [0.0] * len(self.data)
        for place, d_k in zip(places, d, strict=True):
            grad[place] += d_k
        for node in reversed(self.nodes):
            node[0](grad, node)
        return grad

    def differentiate_parts(self, losses: Iterable[Loss]) -> Floats:
        """The same for the sum of several losses, each of which takes some results for constants.

        Nothing flows through these. A loss visits the nodes that it depends on, and no others, and
        has derivatives by the numbers of these alone: many losses, each of a few, are not dear.
        """
        total = [0.0] * len(self.data)
        makers = {place: n for n, node in enumerate(self.nodes) for place in node[1]}
        for places, d, constants in losses:
            grad: defaultdict[int, float] = defaultdict(float)
            for place, d_k in zip(places, d, strict=True):
                grad[place] += d_k
            for node in self._below(places, constants, makers):
                node[0](grad, node)
            for place, d_k in grad.items():
                total[place] += d_k
        return total

    def _below(
        self, places: Places, constants: Places, makers: Mapping[int, int]
    ) -> Iterator[Node]:
        """The nodes that these places depend on other than through constants, the last one first.

        makers: by the place of a result, the index of the node that computed it.
        """
        waiting: set[int] = set()
        while True:
            waiting.update(makers[i] for i in places if i in makers and i not in constants)
            if not waiting:
                return
            last = max(waiting)
            waiting.remove(last)
            yield self.nodes[last]
            places = self.nodes[last][2]


def _back_neurons(grad: Grad, node: Node) -> None:
    """The derivative of y_j by a_j is the slope; of a_j by w_ji it is x_i, by x_i w_ji, by b_j 1."""
    _, outputs, inputs, weights, slope, x, y = node
    each_input = range(len(inputs))
    for j, place in enumerate(outputs):
        d = grad[place] * slope(y[j])
        w, d_w = weights.rows[j], weights.d_rows[j]
        weights.d_bias[j] += d
        for i in each_input:
            d_w[i] += d * x[i]
            grad[inputs[i]] += d * w[i]


def _back_scaled(grad: Grad, node: Node) -> None:
    """The derivative of y_i by x_i is factors_i."""
    _, outputs, inputs, factors = node
    for place, input_i, factor in zip(outputs, inputs, factors, strict=True):
        grad[input_i] += grad[place] * factor


def _back_softmax(grad: Grad, node: Node) -> None:
    """The derivative of y_i by x_j is `y_i (1 - y_i)` if i = j, else `-y_i y_j`."""
    _, outputs, inputs, y = node
    for i, place in enumerate(outputs):
        for j, input_j in enumerate(inputs):
            grad[input_j] += grad[place] * (y[i] * (float(i == j) - y[j]))
