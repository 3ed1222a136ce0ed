"""The terms of which a gradient is the sum: the true ones, and those read off somebody's gradient."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.diagnosis.experiments import HN, Experiment
from rnncheck.implementations.faulty.cell import CellTape
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.oracles.envelope import Envelope

ROUTES = 2.0
"""Envelopes that two right ways of computing one gradient may differ by: one each."""


ALL_STEPS = -2
"""Stands for the step where the steps cannot be told apart."""


@dataclass(frozen=True)
class Term:
    """One term of a gradient's sum: from output step t (HN: from h_n) to state step s, of row b.

    factor: the subject's over the true one: 1 right, 0 left out; NaN if it is no multiple of it.
    """

    array: str
    t: int
    s: int
    b: int
    factor: float

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.factor == 1.0


class _Recording(Plain):
    """The right network, which remembers δ of every cell that it has gone back through."""

    def __init__(self) -> None:
        self.seen: list[tuple[CellTape, Array]] = []

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """Every δ_t, remembered."""
        delta = super().deltas(tape, d_h, d_h_n)
        self.seen.append((tape, delta))
        return delta


@dataclass
class Truth:
    """What is right on an experiment: the gradients, and what another right way may differ by.

    delta, before: δ and h_{t-1} of its only cell, None if there are several. parts: what each
    direction of the first layer adds to d_x, in the order of x and in that in which it ran.
    """

    gradients: dict[str, Array]
    allowed: dict[str, Array]
    parts: Sequence[tuple[Array, Array]]
    delta: Array | None = None
    before: Array | None = None


def true_gradients(experiment: Experiment) -> Truth:
    """The right gradients by Plain, and what another right way of computing may differ by."""
    case, network = experiment.case, _Recording()
    with np.errstate(all="ignore"):
        gradients = network.gradients(case)
    envelope = experiment.envelope()
    allowed = {name: _limit(envelope, name) for name in gradients}
    as_run = [(t, delta @ t.cell.weight_ih) for t, delta in network.seen if t.cell.layer == 0]
    parts = [(network.turned(z, t.lengths, t.cell.direction), z) for t, z in as_run]
    if len(network.seen) != 1:
        return Truth(gradients, allowed, parts)
    tape, delta = network.seen[0]
    return Truth(gradients, allowed, parts, delta, tape.before)


def _limit(envelope: Envelope, name: str) -> Array:
    allowance = envelope[name]
    return np.asarray(np.where(allowance.telling, ROUTES * allowance.allowed, np.inf))


def is_off(found: Mapping[str, Array], truth: Truth) -> list[str]:
    """The arrays of which some entry is further from the truth than it may be."""
    wrong = []
    for name, value in found.items():
        with np.errstate(invalid="ignore"):
            within = np.abs(value - truth.gradients[name]) <= truth.allowed[name]
        if not within.all():
            wrong.append(name)
    return wrong


def read_terms(
    experiment: Experiment, found: Mapping[str, Array], truth: Truth, names: list[str]
) -> list[Term]:
    """The terms of some arrays' gradients that can be told apart on an experiment with one cotangent.

    With several cells, all that a cotangent brings to an array is one term.
    """
    t, b, case = experiment.t, experiment.b, experiment.case
    assert t is not None
    assert b is not None
    terms = []
    for name in names:
        for s, (value, right, limit) in _parts(case, name, found[name], truth, t, b):
            factor = _factor(value, right, limit)
            if factor is not None:
                terms.append(Term(name, t, s, b, factor))
    return terms


Part = tuple[int, tuple[Array, Array, Array]]
"""A step, and the subject's number, the right one, and what they may differ by."""


def _parts(case: Case, name: str, value: Array, truth: Truth, t: int, b: int) -> list[Part]:
    right, limit = truth.gradients[name], truth.allowed[name]
    if truth.delta is None or truth.before is None:
        return [(ALL_STEPS, (value, right, limit))]
    if name in ("weight_ho", "bias_o"):
        return [(case.T - 1 if t == HN else t, (value, right, limit))]
    if name == "h0":
        return [(0, (value, right, limit))]
    if name == "x":
        return [(s, (value[s], right[s], limit[s])) for s in range(case.T)]
    if name.startswith("weight_ih") and name.endswith("l0"):
        return [(s, (value[:, s], right[:, s], limit[:, s])) for s in range(case.T)]
    if name.startswith("weight_hh"):
        return _solved(value, limit, truth.delta[:, b], truth.before[:, b])
    return _weighed(value, limit, truth.delta[:, b])


def _solved(value: Array, limit: Array, delta: Array, before: Array) -> list[Part]:
    """δ_s of d_W_hh = Σ δ_s h_{s-1}ᵀ, as there are more units than steps: d_W_hh times the inverse of H.

    An error of `limit` in an entry is at most `limit` times the sizes of the inverse's in δ. Nothing if
    the states depend on each other (those of ReLU may): then the terms cannot be told apart.
    """
    steps = [s for s in range(len(before)) if before[s].any()]
    states = before[steps]
    if np.linalg.matrix_rank(states) < len(steps):
        return []
    inverse = np.linalg.pinv(states)  # (H, S)
    solved = value @ inverse
    doubt = limit @ np.abs(inverse) + _rounding(states) * np.linalg.norm(value, axis=1)[:, None]
    if (np.abs(solved @ states - value) > limit + doubt @ np.abs(states)).any():
        solved = delta[steps].T + np.where(
            _to_blame(value - delta.T @ before, limit, delta, steps), np.nan, 0
        )
    return [(s, (solved[:, i], delta[s], doubt[:, i])) for i, s in enumerate(steps)]


def _to_blame(error: Array, limit: Array, delta: Array, steps: list[int]) -> Array:
    """Which steps may have an error that no sum of δ_s h_{s-1}ᵀ has: one, if it is δ_s vᵀ; else all."""
    for i, s in enumerate(steps):
        size = delta[s] @ delta[s]
        along = np.outer(delta[s], delta[s] @ error) / size if size else np.zeros_like(error)
        doubt = limit + np.abs(np.outer(delta[s], np.abs(delta[s]) @ limit)) / (size or 1.0)
        if (np.abs(error - along) <= doubt).all():
            return np.asarray(np.arange(len(steps)) == i)
    return np.ones(len(steps), bool)


def _weighed(value: Array, limit: Array, delta: Array) -> list[Part]:
    """c_s of d_b = Σ c_s δ_s; nothing if it is no such sum, for then its terms cannot be told apart."""
    steps = [s for s in range(len(delta)) if delta[s].any()]
    if not steps:
        return []
    basis = delta[steps].T  # (H, S)
    if np.linalg.matrix_rank(basis) < len(steps):
        return []
    inverse = np.linalg.pinv(basis)
    weights = inverse @ value
    doubt = np.abs(inverse) @ limit + _rounding(basis) * np.linalg.norm(value)
    if (np.abs(basis @ weights - value) > limit + np.abs(basis) @ doubt).any():
        if len(steps) == 1:
            return [(steps[0], (value, basis[:, 0], limit))]
        return []
    one = np.ones(1)
    return [(s, (weights[i : i + 1], one, doubt[i : i + 1])) for i, s in enumerate(steps)]


def _rounding(matrix: Array) -> float:
    """How far its computed inverse may be off: the SVD is backward stable, n u cond(A) ‖A⁻¹‖."""
    singular = np.linalg.svd(matrix, compute_uv=False)
    relative = max(matrix.shape) * np.finfo(np.float64).eps * singular[0] / singular[-1]
    return float(relative / singular[-1])


def _factor(value: Array, right: Array, limit: Array) -> float | None:
    """value = factor · right: 1 if it may be right, NaN if no factor explains it; None if it says nothing."""
    if not (np.abs(right) > limit).any():
        return None if (np.abs(value - right) <= limit).all() else math.nan
    if (np.abs(value - right) <= limit).all():
        return 1.0
    if not np.isfinite(value).all():
        return math.nan
    seen = np.isfinite(limit)
    factor = float((value * right)[seen].sum() / (right * right)[seen].sum())
    if (np.abs(value - factor * right) > max(1.0, abs(factor)) * limit)[seen].any():
        return math.nan
    return 0.0 if (np.abs(value)[seen] <= limit[seen]).all() else factor
