"""`Value`: a number that remembers how it was computed, and can so be differentiated.

Number the values v_1, v_2, ... in the order of their creation. Each was computed from earlier
ones, its parents, and keeps beside itself its partial derivatives ∂v_c/∂v_p with respect to them.
The chain rule over all the children c of a value p reads::

    ∂loss/∂v_p = Σ_c ∂loss/∂v_c · ∂v_c/∂v_p

Every child is newer than its parents. Going from the newest value to the oldest, the sum for v_p
is therefore complete when v_p's turn comes, and one sweep finds the derivative of the loss with
respect to everything it was computed from. Nothing recurses, so a graph may be as deep as it likes.

A neuron could be written with `*`, `+` and `tanh`, and has a value for each of them then. `neurons`
makes a single value of it all, with the same derivatives, and is several times as fast.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import count
from operator import attrgetter, mul

from rnncheck.implementations.scalar import activations
from rnncheck.implementations.scalar.activations import Activation

_creation = count()


class Value:
    """A float `data`, with the `grad` ∂loss/∂data that `backward` leaves in it.

    A `Value(data)` is a leaf; the results of operations have parents.

    parents: the values it was computed from; a value may be there twice. partials: ∂self/∂parent,
    one float for each parent, but for the factor `slope`, which they have in common (what follows
    in `partials` belongs to constants). label: a name for `repr`.

    `+ - * / **` and `-` take values and plain numbers, which count as constants. Like the `math`
    module, `exp`, `log`, `/` and `**` raise ValueError, OverflowError or ZeroDivisionError where
    the result is no float.
    """

    __slots__ = ("data", "grad", "label", "order", "parents", "partials", "slope")

    def __init__(
        self,
        data: float,
        parents: tuple["Value", ...] = (),
        partials: tuple[float, ...] = (),
        slope: float = 1.0,
        label: str = "",
    ) -> None:
        """A leaf or, with parents and partials, the result of an operation."""
        self.data = data if parents else float(data)
        self.grad = 0.0
        self.parents = parents
        self.partials = partials
        self.slope = slope
        self.label = label
        if parents:
            self.order = next(_creation)

    def __repr__(self) -> str:
        """`Value(data=…, grad=…)`, after the label if it has one."""
        label = f"{self.label}: " if self.label else ""
        return f"Value({label}data={self.data}, grad={self.grad})"

    def __add__(self, other: "Value | float") -> "Value":
        """`self + other`; the partials are 1 and 1."""
        other = _as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: "Value | float") -> "Value":
        """`self · other`; each one's partial is the other."""
        other = _as_value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __sub__(self, other: "Value | float") -> "Value":
        """`self - other`; the partials are 1 and -1."""
        other = _as_value(other)
        return Value(self.data - other.data, (self, other), (1.0, -1.0))

    def __truediv__(self, other: "Value | float") -> "Value":
        """`self / other`; the partials are 1/other and -self/other²."""
        other = _as_value(other)
        quotient = self.data / other.data
        return Value(quotient, (self, other), (1.0 / other.data, -quotient / other.data))

    def __pow__(self, exponent: "Value | float") -> "Value":
        """`self ** exponent`; the partials are exponent · self^(exponent-1) and power · log self.

        The second one exists for self > 0 only; a plain number as the exponent has no need of it.
        """
        n = exponent.data if isinstance(exponent, Value) else float(exponent)
        power = math.pow(self.data, n)
        slope = n * math.pow(self.data, n - 1.0) if n else 0.0
        if isinstance(exponent, Value):
            return Value(power, (self, exponent), (slope, power * math.log(self.data)))
        return Value(power, (self,), (slope,))

    def __neg__(self) -> "Value":
        """`-self`; the partial is -1."""
        return Value(-self.data, (self,), (-1.0,))

    def __radd__(self, other: float) -> "Value":
        """`other + self`."""
        return self + other

    def __rmul__(self, other: float) -> "Value":
        """`other · self`."""
        return self * other

    def __rsub__(self, other: float) -> "Value":
        """`other - self`."""
        return Value(other) - self

    def __rtruediv__(self, other: float) -> "Value":
        """`other / self`."""
        return Value(other) / self

    def __rpow__(self, base: float) -> "Value":
        """`base ** self`, for base > 0."""
        return Value(base) ** self

    def exp(self) -> "Value":
        """`e^self`, which is its own derivative."""
        y = math.exp(self.data)
        return Value(y, (self,), (y,))

    def log(self) -> "Value":
        """`log self`, to the base e; the derivative is 1/self."""
        return Value(math.log(self.data), (self,), (1.0 / self.data,))

    def tanh(self) -> "Value":
        """`tanh self`; the derivative is 1 - tanh²."""
        return self.apply(activations.tanh)

    def relu(self) -> "Value":
        """`max(self, 0)`; the derivative is 1 above 0, else 0, at 0 too."""
        return self.apply(activations.relu)

    def sigmoid(self) -> "Value":
        """`σ(self) = 1 / (1 + e^-self)`; the derivative is σ (1 - σ)."""
        return self.apply(activations.sigmoid)

    def apply(self, f: Activation) -> "Value":
        """`f(self)`, with its derivative."""
        function, slope = f
        y = function(self.data)
        return Value(y, (self,), (slope(y),))

    def backward(self, cut: Iterable["Value"] = ()) -> None:
        """Find ∂self/∂v for every value v that self was computed from; leave it in `v.grad`.

        It is *added* to the `grad` of a leaf, so that several losses add up; set that to 0 to
        start anew. All other values start from 0 each time. The values in `cut` are taken for
        constants: nothing flows through them.
        """
        results = sorted(self._results_below(set(cut)), key=attrgetter("order"), reverse=True)
        if not results:
            self.grad += 1.0
            return
        for result in results:
            result.grad = 0.0
        self.grad = 1.0
        for result in results:
            grad = result.grad * result.slope
            for parent, partial in zip(result.parents, result.partials):  # noqa: B905 - strict costs a fifth of it
                parent.grad += partial * grad

    def _results_below(self, cut: set["Value"]) -> set["Value"]:
        """Self and all it depends on, but not the leaves, nor what only `cut` depends on."""
        found = {self} - cut if self.parents else set()
        waiting = [*found]
        while waiting:
            for parent in waiting.pop().parents:
                if parent.parents and parent not in found and parent not in cut:
                    found.add(parent)
                    waiting.append(parent)
        return found


Vector = tuple[tuple[Value, ...], tuple[float, ...]]
"""Values, and their numbers, which several neurons read; maybe constants at the end of these."""


def vector(values: Iterable[Value], *constants: float) -> Vector:
    """The values, and beside them their numbers, followed by the constants."""
    values = tuple(values)
    return values, (*[value.data for value in values], *constants)


def neurons(rows: Iterable[Vector], inputs: Vector, f: Activation) -> list[Value]:
    """`y_j = f(Σ_i w_ji x_i)` for each row w_j, as long as the inputs with their constants.

    The derivative of the sum by w_ji is x_i, and by x_i it is w_ji; either is to be multiplied by
    the slope of f. A bias is the weight of an input that is constantly 1.
    """
    x, x_data = inputs
    function, slope = f
    made = []
    for w, w_data in rows:
        y = function(sum(map(mul, w_data, x_data), 0.0))
        made.append(Value(y, w + x, x_data + w_data, slope(y)))
    return made


def dot(weights: Sequence[Value], inputs: Sequence[Value], bias: Value | float = 0.0) -> Value:
    """`Σ_i weights_i · inputs_i + bias`, the affine part of a neuron.

    It could be written with `+` and `*`; as one value it is several times faster. The partials
    are inputs_i with respect to weights_i, weights_i with respect to inputs_i, and 1.
    Raises ValueError if there are not as many weights as inputs.
    """
    bias = _as_value(bias)
    w = [value.data for value in weights]
    x = [value.data for value in inputs]
    total = sum((w_i * x_i for w_i, x_i in zip(w, x, strict=True)), bias.data)
    return Value(total, (*weights, *inputs, bias), (*x, *w, 1.0))


def _as_value(number: Value | float) -> Value:
    return number if isinstance(number, Value) else Value(number)
