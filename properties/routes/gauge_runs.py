"""A subject on a changed case, and the verdict on what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.relation import agrees, exactly
from rnncheck.properties.routes.gauge_additions import new_columns, without_feature
from rnncheck.properties.routes.gauge_maps import Gauge, inputs_scaled, results_scaled
from rnncheck.properties.trial import PRECISION, Trial


def same(trial: Trial, other: Trial, arrays: Mapping[str, Array], witness: bool) -> Outcome:
    """The trial's results against another run's, in the trial's own terms: within two envelopes.

    Raises NotApplicable if they differ and the other run may overflow.
    """
    outcome = agrees(trial, arrays, witness)
    if outcome.failed and other.envelope.overflowed:
        raise NotApplicable("the changed case may overflow")
    return outcome


def zero(arrays: Mapping[str, Array], whose: str) -> Outcome:
    """Whether gradients are exactly 0."""
    pairs = {f"{whose} {name}": (array, np.zeros_like(array)) for name, array in arrays.items()}
    return exactly(pairs, True)


def together(*outcomes: Outcome) -> Outcome:
    """Several comparisons on one case: a witness only if each is."""
    entries = tuple(entry for outcome in outcomes for entry in outcome.entries)
    notes = [outcome.note for outcome in outcomes if outcome.note]
    return Outcome(entries, all(o.witness for o in outcomes), notes[0] if notes else "")


@np.errstate(all="ignore")
def settled(trials: list[Trial], compare: Callable[[list[Envelope]], Outcome]) -> Outcome:
    """A comparison by the envelopes of several runs; if it fails, by those of an imprecise activation.

    Where a ReLU's argument is so near 0 that rounding decides its derivative, an envelope does not know
    the rounding of the other derivative's branch: a failure there says nothing.
    """
    outcome = compare([trial.envelope for trial in trials])
    if not outcome.failed:
        return outcome
    loose = compare([trial.entry.loose_envelope for trial in trials])
    if not loose.failed:
        return replace(loose, note=PRECISION)
    if any(trial.truth.kinks or trial.envelope.near_kinks for trial in trials):
        return Outcome((), witness=False, note="ReLU kinks: rounding decides its derivative there")
    return outcome


def require_same(there_and_back: Case, case: Case) -> None:
    """Raise NotApplicable unless a change of a case and the change back have rounded nothing."""
    pairs = zip(there_and_back.arrays(), case.arrays(), strict=True)
    if not all(np.array_equal(a, b, equal_nan=True) for (_, a), (_, b) in pairs):
        raise NotApplicable("the scaled numbers leave the range of floats")


def random_of(case: Case) -> np.random.Generator:
    """A generator for what a law chooses on a case: always the same for the same sizes."""
    spec = case.spec
    return np.random.default_rng([case.T, case.B, spec.hidden_size, spec.input_size])


@np.errstate(all="ignore")
def in_other_coordinates(trial: Trial, change: Gauge, telling: bool) -> Outcome:
    """A law of symmetry: the subject in other coordinates, brought back."""
    case = change.case(trial.case)
    require_same(change.inverse.case(case), trial.case)
    other = trial.on(case)
    return same(trial, other, change.inverse.results(other.arrays), telling and case.T > 1)


@np.errstate(all="ignore")
def with_inputs_scaled(trial: Trial, s: float) -> Outcome:
    """A law of degree one: the subject for inputs and biases times s, brought back."""
    case = inputs_scaled(trial.case, s)
    require_same(inputs_scaled(case, 1 / s), trial.case)
    other = trial.on(case)
    telling = case.T > 1 and bool(np.nan_to_num(case.x).any())
    return same(trial, other, results_scaled(other.arrays, 1 / s), telling)


def bias_from_feature(trial: Trial, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The results for one more feature, without it, and its weights' gradients as those of the biases."""
    spec = trial.case.spec
    found = without_feature(arrays, spec)
    if not trial.subject.capabilities.gradients:
        return found
    columns = new_columns(arrays, spec)
    return found | {f"bias_{k}_{s}": a for s, a in columns.items() for k in ("ih", "hh")}


def with_cotangents(case: Case, d_output: Array, d_h_n: Array) -> Case:
    """The case with other cotangents."""
    return case.replace(d_output=d_output.astype(case.dtype), d_h_n=d_h_n.astype(case.dtype))


def any_cotangent(case: Case) -> bool:
    """Whether some cotangent is not 0, padding apart."""
    valid = ~case.output_padding()[..., None]
    return bool(np.where(valid, case.d_output, 0).any() or case.d_h_n.any())


def suffixes(case: Case) -> list[str]:
    """The ending of each cell's parameters."""
    return [case.spec.suffix(*cell) for cell in case.spec.cells()]
