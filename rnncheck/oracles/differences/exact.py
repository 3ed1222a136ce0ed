"""Exact finite differences: every partial derivative from the forward definition alone.

(L(θ + ε) - L(θ - ε)) / 2ε in ball arithmetic with ε = 2⁻⁸⁰. The truncation error is of order
ε² = 2⁻¹⁶⁰ ≈ 1e-48, and at 256 bits the subtraction leaves more digits than that, so there is no
trade-off: about 45 digits of every entry. Nothing was derived by hand: this is the root of trust
for gradients, and back-propagation in `exact` is tested against it.
"""

from collections.abc import Callable, Iterator, Sequence

from flint import arb

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball, Matrix
from rnncheck.oracles.exact import ExactNetwork
from rnncheck.oracles.truth import last_states, row_inputs

STEP_BITS = 80
FIRST_BITS = 256


def exact_differences(
    case: Case, names: Sequence[str] | None = None, bits: int | None = None
) -> dict[str, list[Ball]]:
    """The derivative of `<d_output, output> + <d_h_n, h_n>` for every entry, in C order, by name.

    names: of the arrays to differentiate for; by default every parameter, `x` and `h0`.
    Padded entries of x are exactly 0. bits: of the arithmetic; by default 256, and 4 more for each
    step, as balls widen. The balls enclose the difference quotient; the derivative itself is 1e-48
    away from it.
    """
    with balls.precision(bits or FIRST_BITS + 4 * case.T):
        moved = _Moved(case)
        wanted = (*case.spec.parameter_shapes(), "x", "h0") if names is None else names
        return {name: list(moved.entries(name)) for name in wanted}


class _Moved:
    """The loss of a case with one entry moved; the network is built once and put back each time."""

    def __init__(self, case: Case) -> None:
        self.case, self.net = case, ExactNetwork(case)
        self.rows = [row_inputs(case, b) for b in range(case.B)]
        self.step = arb(2) ** -STEP_BITS
        self.cotangents = [self._cotangents(b) for b in range(case.B)]

    def entries(self, name: str) -> Iterator[Ball]:
        """The quotient of every entry of an array."""
        if name in ("x", "h0"):
            return self.x() if name == "x" else self.h0()
        return self.parameter(name)

    def parameter(self, name: str) -> Iterator[Ball]:
        """Every entry of a parameter; all batch rows depend on it."""
        matrix = self.net.weights[name]
        for i in range(matrix.nrows()):
            for j in range(matrix.ncols()):
                yield self._quotient(matrix, i, j, self.loss)

    def x(self) -> Iterator[Ball]:
        """Every entry of x; only its own batch row depends on it."""
        for t in range(self.case.T):
            for b in range(self.case.B):
                columns = self.rows[b][0]
                yield from self._column(columns[t] if t < len(columns) else None, b)

    def h0(self) -> Iterator[Ball]:
        """Every entry of h0; only its own batch row depends on it."""
        for state in range(self.case.spec.num_states):
            for b in range(self.case.B):
                yield from self._column(self.rows[b][1][state], b)

    def _column(self, column: Matrix | None, b: int) -> Iterator[Ball]:
        if column is None:
            yield from [arb(0)] * self.case.spec.input_size
            return
        for i in range(column.nrows()):
            yield self._quotient(column, i, 0, lambda: self.row_loss(b))

    def _quotient(self, matrix: Matrix, i: int, j: int, loss: Callable[[], Ball]) -> Ball:
        value = matrix[i, j]
        matrix[i, j] = value + self.step
        up = loss()
        matrix[i, j] = value - self.step
        down = loss()
        matrix[i, j] = value
        return (up - down) / (2 * self.step)

    def loss(self) -> Ball:
        """The loss of the whole batch: the sum over its rows."""
        return sum((self.row_loss(b) for b in range(self.case.B)), arb(0))

    def row_loss(self, b: int) -> Ball:
        """The loss of one batch row."""
        trace = self.net.row(b, *self.rows[b])
        values = [*trace.outputs, *last_states(trace)]
        pairs = zip(self.cotangents[b], values, strict=True)
        return sum(((d * value)[0, 0] for d, value in pairs), arb(0))

    def _cotangents(self, b: int) -> list[Matrix]:
        """Of each output that is no padding, then of each final state, as rows: `d · value` is a number."""
        case = self.case
        steps = range(int(case.output_steps()[b]))
        columns = [case.d_output[t, b] for t in steps]
        columns += [case.d_h_n[s, b] for s in range(case.spec.num_states)]
        return [balls.column(c).transpose() for c in columns]
