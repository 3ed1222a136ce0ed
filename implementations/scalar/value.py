"""`Value`: a number that remembers how it was computed, and can so be differentiated.

Number the values v_1, v_2, ... in the order of their creation. Each was computed from earlier
ones, its parents, and keeps beside itself its partial derivatives ∂v_c/∂v_p with respect to them.
The chain rule over all the children c of a value p reads::

    ∂loss/∂v_p = Σ_c ∂loss/∂v_c · ∂v_c/∂v_p

Every child is newer than its parents. Going from the newest value to the oldest, the sum for v_p
is therefore complete when v_p's turn comes, and one sweep finds the derivative of the loss with
respect to everything it was computed from. Nothing recurses, so a graph may be as deep as it likes.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import count
from operator import attrgetter

_creation = count()


class Value:
    """A float `data`, with the `grad` ∂loss/∂data that `backward` leaves in it.

    parents: the values it was computed from (a leaf has none); a value may be there twice.
    partials: ∂self/∂parent, one float for each parent. label: a name for `repr`.

    `+ - * / **` and `-` take values and plain numbers, which count as constants. Like the `math`
    module, `exp`, `log`, `/` and `**` raise ValueError, OverflowError or ZeroDivisionError where
    the result is no float.
    """

    __slots__ = ("data", "grad", "label", "order", "parents", "partials")

    def __init__(
        self,
        data: float,
        parents: tuple["Value", ...] = (),
        partials: tuple[float, ...] = (),
        label: str = "",
    ) -> None:
        """A leaf or, with parents and partials, the result of an operation."""
        self.data = float(data)
        self.grad = 0.0
        self.parents = parents
        self.partials = partials
        self.label = label
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
        y = math.tanh(self.data)
        return Value(y, (self,), (1.0 - y * y,))

    def relu(self) -> "Value":
        """`max(self, 0)`; the derivative is 1 above 0, else 0, at 0 too."""
        if self.data <= 0.0:
            return Value(0.0, (self,), (0.0,))
        return Value(self.data, (self,), (1.0,))  # NaN comes here, and stays NaN

    def sigmoid(self) -> "Value":
        """`σ(self) = 1 / (1 + e^-self)`; the derivative is σ (1 - σ)."""
        e = math.exp(-abs(self.data))  # at most 1: one of two equal forms cannot overflow
        y = 1.0 / (1.0 + e) if self.data >= 0.0 else e / (1.0 + e)
        return Value(y, (self,), (y * (1.0 - y),))

    def backward(self, cut: Iterable["Value"] = ()) -> None:
        """Find ∂self/∂v for every value v that self was computed from; leave it in `v.grad`.

        It is *added* to the `grad` of a leaf, so that several losses add up; set that to 0 to
        start anew. All other values start from 0 each time. The values in `cut` are taken for
        constants: nothing flows through them.
        """
        results = self._results_below(set(cut))
        for value in results:
            value.grad = 0.0
        self.grad += 1.0
        for value in sorted(results, key=attrgetter("order"), reverse=True):
            for parent, partial in zip(value.parents, value.partials, strict=True):
                parent.grad += partial * value.grad

    def _results_below(self, cut: set["Value"]) -> set["Value"]:
        """Self and all it depends on, but not the leaves, nor what only `cut` depends on."""
        found: set[Value] = set()
        waiting = [self]
        while waiting:
            value = waiting.pop()
            if value.parents and value not in found and value not in cut:
                found.add(value)
                waiting.extend(value.parents)
        return found


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
