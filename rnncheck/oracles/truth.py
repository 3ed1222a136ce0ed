"""The truth of a case: output, final state and every gradient, to the precision that is needed."""

from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball, Matrix
from rnncheck.oracles.envelope import Allowance, Envelope
from rnncheck.oracles.exact import ExactNetwork, Kinks, RowTrace
from rnncheck.oracles.exact_backward import RowBackward
from rnncheck.oracles.noise import Mask

FIRST_BITS, LAST_BITS = 192, 6144
"""192 bits are enough for most cases; balls widen by about 1.3 bits a step at H = 32."""

FAR_BELOW = 2.0**-10
"""An enclosure this much narrower than the allowance adds nothing worth mentioning to it."""


@dataclass(frozen=True)
class Exact:
    """One array of truth: `hi + lo` to 106 bits, within `radius` of the true value."""

    hi: Array
    lo: Array
    radius: Array

    def error(self, value: Array) -> Array:
        """`|value - truth|`, without the cancellation that `value - hi` alone would have."""
        return np.abs((value.astype(np.float64) - self.hi) - self.lo)

    def is_off(self, value: Array, allowance: Allowance) -> Mask:
        """Which entries are further from the truth than they may be, where that says something."""
        within = np.asarray(self.error(value) <= allowance.allowed + self.radius)
        return ~within & allowance.telling


@dataclass(frozen=True)
class Truth:
    """The exact arrays by name, the precision they took, and the ReLU kinks met on the way.

    kinks: arguments of ReLU that are exactly 0 (or that no precision could tell from it).
    undecided: those that this precision could not tell.
    """

    arrays: dict[str, Exact]
    bits: int
    kinks: int
    undecided: int = 0

    def __getitem__(self, name: str) -> Exact:
        return self.arrays[name]


def truth(case: Case, envelope: Envelope, convention: float = 0.0) -> Truth:
    """Raise the precision until every enclosure is far below what the envelope allows.

    convention: the derivative of ReLU at 0, for a case with exact kinks.
    """
    bits = FIRST_BITS
    while True:
        found = at_precision(case, bits, convention)
        if bits >= LAST_BITS or _is_sharp(found, envelope):
            return found
        bits *= 2


def at_precision(case: Case, bits: int, convention: float = 0.0) -> Truth:
    """Everything about a case, at so many bits."""
    with balls.precision(bits):
        exact, kinks = exact_balls(case, convention)
        shapes = case.spec.parameter_shapes() | case.spec.array_shapes(case.T, case.B)
        shapes["x"] = case.x.shape
        arrays = {name: Exact(*balls.rounded(b, shapes[name])) for name, b in exact.items()}
        return Truth(arrays, bits, len(kinks.found), kinks.undecided)


def exact_balls(case: Case, convention: float = 0.0) -> tuple[dict[str, list[Ball]], Kinks]:
    """The balls of every array in C order, at the precision that is set."""
    spec, net, kinks = case.spec, ExactNetwork(case), Kinks(convention)
    output = _Columns(*spec.array_shapes(case.T, case.B)["output"])
    h_n = _Columns(spec.num_states, case.B, spec.hidden_size)
    d_x = _Columns(case.T, case.B, spec.input_size)
    d_h0 = _Columns(spec.num_states, case.B, spec.hidden_size)
    totals = {n: balls.zeros(*(*s, 1)[:2]) for n, s in spec.parameter_shapes().items()}
    for b in range(case.B):
        x, h0 = row_inputs(case, b)
        trace = net.row(b, x, h0)
        output.fill(b, trace.outputs)
        h_n.fill(b, last_states(trace))
        back = RowBackward(net, b, trace, kinks)
        d_outputs = [balls.column(case.d_output[t, b]) for t in range(len(trace.outputs))]
        d_last = [balls.column(case.d_h_n[s, b]) for s in range(spec.num_states)]
        d_inputs, d_states = back.run(d_outputs, d_last)
        d_x.fill(b, d_inputs)
        d_h0.fill(b, d_states)
        for name, term in back.gradients.items():
            totals[name] = totals[name] + term
    parameters = {name: total.entries() for name, total in totals.items()}
    return {
        "output": output.balls, "h_n": h_n.balls, **parameters,
        "x": d_x.balls, "h0": d_h0.balls,
    }, kinks  # fmt: skip


def row_inputs(case: Case, b: int) -> tuple[list[Matrix], list[Matrix]]:
    """The valid steps of x and the initial states of one batch row, as columns."""
    steps = range(int(case.valid_steps()[b]))
    x = [balls.column(case.x[t, b]) for t in steps]
    return x, [balls.column(case.h0[s, b]) for s in range(case.spec.num_states)]


def last_states(trace: RowTrace) -> list[Matrix]:
    """h_n of one row: each cell's last state, in the order of its rows."""
    return [trace.cells[key].last for key in sorted(trace.cells)]


class _Columns:
    """A (length, B, features) array of balls, zero where no column is put."""

    def __init__(self, length: int, B: int, features: int) -> None:
        self.B, self.features = B, features
        self.balls: list[Ball] = [Ball(0)] * (length * B * features)

    def fill(self, b: int, columns: list[Matrix]) -> None:
        for t, column in enumerate(columns):
            start = (t * self.B + b) * self.features
            self.balls[start : start + self.features] = column.entries()


def _is_sharp(found: Truth, envelope: Envelope) -> bool:
    return not found.undecided and all(
        bool(np.all((exact.radius <= FAR_BELOW * allowance.allowed) | ~allowance.telling))
        for name, exact in found.arrays.items()
        for allowance in [envelope[name]]
    )
