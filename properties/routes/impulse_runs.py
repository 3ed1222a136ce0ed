"""A subject's own forward pass with an impulse on each step and unit, and whether it is made of such."""

from functools import cached_property

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.differences.impulse.assembly import (
    UNIT,
    assembled,
    assembled_doubt,
    has_impulses,
)
from rnncheck.oracles.differences.impulse.black_box import Tail, states_before, tail, widened
from rnncheck.oracles.differences.ladder import STEPS, central_differences
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.routes.entry_runs import difference_along
from rnncheck.properties.trial import Refused, Trial
from rnncheck.results import SubjectError

SIZES = (*STEPS, *(-h for h in STEPS))


def impulse_work(case: Case) -> int:
    """Steps of rows that one value of a difference takes, for all of the impulses."""
    return case.T * (case.T + 1) // 2 * case.B * case.spec.hidden_size


def takes_impulses(trial: Trial) -> bool:
    """Whether the case's network is one of a_t alone, and the subject takes what it takes to see them.

    Any number of rows and features, a first state, and states that are put out or given as `h_n`.
    """
    case, can = trial.case, trial.subject.capabilities
    if not has_impulses(case) or can.batch_size is not None or not can.initial_state:
        return False
    bare = case.spec.output_size is None and case.spec.outputs == "all"
    if not (bare or can.final_state):
        return False
    return can.missing(widened(case, 0, case.h0[0], ())) is None


class ImpulseRuns:
    """What L becomes with an impulse of each of `SIZES` on each a_t[b, j], and what follows from it.

    Raises SubjectError, Refused or ValueError where the subject does not run so.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial, self.case = trial, trial.case
        run = trial.run_forward
        with np.errstate(all="ignore"):
            self.before = states_before(run, self.case, trial.forward)
            self.tails: list[Tail] = [
                tail(run, self.case, t, self.before[t], SIZES) for t in range(self.case.T)
            ]

    def is_founded(self, envelope: Envelope, noise: float) -> bool:
        """Whether the subject is what impulses take it for, as far as the envelope tells.

        1. Its run from the state at t, in a larger batch, with features of 0, is the end of its run.
        2. Along a random direction through any one array, L changes as the impulses say it does.
        """
        steps = range(self.case.T)
        if not all(self._reproduces(t, envelope) for t in steps):
            return False
        found = self.differences(envelope)
        return all(
            self._agrees_along(name, *found[name], noise)
            for name in self.trial.gradients
            if name in found
        )

    def _reproduces(self, t: int, envelope: Envelope) -> bool:
        """Whether the run from step t on differs by two envelopes at most, one of either run."""
        whole, part = self.trial.forward, self.tails[t].unmoved
        first = t if self.case.spec.outputs == "all" else 0
        same = _within(part.output, whole.output[first:], envelope["output"].allowed[first:])
        if part.h_n is None or whole.h_n is None:
            return same and part.h_n is whole.h_n
        return same and _within(part.h_n, whole.h_n, envelope["h_n"].allowed)

    def _agrees_along(self, name: str, value: Array, doubt: Array, noise: float) -> bool:
        """Whether <value, v> is L's slope along v, ±1 where impulses say something of the array.

        The doubt about both is to be less than the largest entry: its loss would show.
        """
        told = np.isfinite(doubt)
        largest = np.abs(value[told]).max(initial=0.0)
        signs = np.random.default_rng([self.case.T, self.case.B]).choice((-1.0, 1.0), told.shape)
        slope = difference_along(self.trial, {name: signs * told}, noise)
        expected, off = float((signs * value)[told].sum()), float(doubt[told].sum())
        tells = slope.error + off < largest or not largest
        return slope.says_something and tells and slope.allows(expected, off)

    def differences(self, envelope: Envelope) -> dict[str, tuple[Array, Array]]:
        """By array, but for a readout's: the derivative of L for every entry, and the doubt about it."""
        deltas, doubt = self._deltas(envelope)
        with np.errstate(all="ignore"):
            doubts = assembled_doubt(self.case, deltas, self.before, doubt)
        values = assembled(self.case, deltas, self.before)
        return {n: (v, np.where(np.isnan(doubts[n]), np.inf, doubts[n])) for n, v in values.items()}

    def _deltas(self, envelope: Envelope) -> tuple[Array, Array]:
        """∂L/∂a_t and the doubt about it, `(T, B, H)`."""
        middle, moved = self._losses
        noise = row_noise(self.trial, envelope)
        half = len(STEPS)
        value, doubt = central_differences(
            middle[..., None], moved[:half], moved[half:], noise[..., None]
        )
        return np.where(np.isfinite(value), value, 0.0), doubt

    @cached_property
    def _losses(self) -> tuple[Array, Array]:
        """L's part from step t on, by row `(T, B)`, and with impulses `(sizes, T, B, H)`."""
        middle = np.array([one.plain for one in self.tails])
        return middle, np.stack([one.moved for one in self.tails], axis=1)


def row_noise(trial: Trial, envelope: Envelope) -> Array:
    """How far rounding may move a row's part of L from step t on, `(T, B)`; see `loss_noise`."""
    case, forward = trial.case, trial.forward
    steps = _noise("output", forward.output, case.d_output, envelope)
    total: Array = np.broadcast_to(steps.sum(axis=0), (case.T, case.B))
    if case.spec.outputs == "all":
        total = np.cumsum(steps[::-1], axis=0)[::-1]
    if forward.h_n is None:
        return total
    last: Array = _noise("h_n", forward.h_n, case.d_h_n, envelope).sum(axis=0)
    return total + last


def _noise(name: str, value: Array, cotangent: Array, envelope: Envelope) -> Array:
    """Σ |cotangent| · envelope and n·u·Σ |terms| of a sum, over units."""
    weight = np.abs(cotangent)
    terms = len(value) * value.shape[-1] + 1
    size = weight * (envelope[name].allowed + terms * UNIT * np.abs(value))
    found: Array = size.sum(axis=-1)
    return found


def _within(value: Array, other: Array, allowed: Array) -> bool:
    with np.errstate(all="ignore"):
        error = np.abs(value - other)
    return value.shape == other.shape and bool((error <= 2.0 * allowed).all())


def impulse_runs(trial: Trial, most_work: int) -> ImpulseRuns | None:
    """The runs; None where the network, the subject or the size of the case is not for them."""
    if not takes_impulses(trial) or impulse_work(trial.case) > most_work:
        return None
    try:
        return ImpulseRuns(trial)
    except (SubjectError, Refused, ValueError):
        return None
