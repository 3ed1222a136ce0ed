"""The results have the shapes and the dtype that the arguments lay down, down to sizes of 1 and 0."""

from dataclasses import replace

import numpy as np

from rnncheck.case import Case
from rnncheck.implementation import Entry
from rnncheck.properties.bad_inputs import good
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees, exactly
from rnncheck.properties.runs import enter
from rnncheck.properties.runs import told as told_result
from rnncheck.properties.trial import Refused, Trial
from rnncheck.results import SubjectError, tell


@check(
    "steps, rows and features",
    share="some",
    stays="it says which size loses its axis",
)
def sizes_of_one_keep_their_axis(trial: Trial) -> Outcome:
    """T = 1 gives output (1, B, ·), B = 1 gives (T, 1, ·), I = 1 gives dx (T, B, 1); h_n as ever, or never.

    Every shape of every result, at each size of 1 alone: an axis of size 1 that is squeezed away, or
    an h_n that is given for some inputs and not for others.
    """
    return _right_shapes(trial, 1)


@check(
    "steps, rows and features",
    share="some",
    stays="it says which empty size is not taken",
)
def sizes_of_zero_are_taken(trial: Trial) -> Outcome:
    """T = 0, B = 0 and I = 0 give the shapes that any other size gives, or are refused.

    An empty result may have any empty shape: there is nothing in it.
    """
    return _right_shapes(trial, 0)


@check(
    "steps, rows and features",
    stays="it needs no truth, and says so at once",
)
def results_are_finite(trial: Trial) -> Outcome:
    """Finite x, h0, parameters and cotangents give finite results, wherever no number overflows.

    That is, where the envelope is finite: it holds every number of the computation.
    """
    arrays, telling = trial.arrays, {}
    for name, array in arrays.items():
        where = trial.envelope[name].telling & np.ones(array.shape, bool)
        telling[name] = np.isfinite(array)[where]
    pairs = {
        f"finite entries of {told_result(trial, name)}": (
            finite.astype(np.float64), np.ones(finite.shape)
        )
        for name, finite in telling.items()
    }  # fmt: skip
    return exactly(pairs, any(finite.size > 0 for finite in telling.values()))


@check("steps, rows and features")
def results_keep_the_dtype(trial: Trial) -> Outcome:
    """float32 in, float32 out; float64 in, float64 out: output, h_n and every gradient."""
    if not trial.subject.capabilities.keeps_dtype:
        raise NotApplicable("it does not claim to keep the dtype")
    found = {name: array.dtype for name, array in trial.arrays.items()}
    for name, dtype in found.items():
        if dtype != trial.case.dtype:
            raise SubjectError(
                f"{told_result(trial, name)} is {dtype} where every argument is {trial.case.dtype}",
                symptom=("dtype", name, dtype.name),
            )
    taken = np.zeros(len(found))
    return exactly({"results of another dtype": (taken, taken)}, witness=True)


@check(
    "steps, rows and features", "every step put out", "no generated steps", "no dropout",
    "no readout", "no truncation", "full lengths", needs_gradients=True, share="some",
)  # fmt: skip
def unbatched_is_a_batch_of_one(trial: Trial) -> Outcome:
    """f(x of (T, I), h0 of (L·D, H)) = f(x of (T, 1, I), h0 of (L·D, 1, H)) without the batch axis.

    The same sums, perhaps by another product: up to two envelopes.
    """
    subject = trial.subject
    if not isinstance(subject, Entry) or not subject.takes_unbatched:
        raise NotApplicable("it has no entry for unbatched input")
    single = trial.on(first_rows(trial.case, 1))
    arrays = {n: a[:, 0] if a.ndim == 3 else a for n, a in good(single.case).items()}
    try:
        found = enter(subject, single.case.spec, arrays)
    except Exception as error:
        raise SubjectError(f"an unbatched input raised {tell(error)}") from error
    rows = {name: found[name] for name in ("output", "h_n", "x", "h0")}
    for name, array in rows.items():
        if array.shape != single.arrays[name][:, 0].shape:
            raise SubjectError(
                f"{told_result(trial, name)} of an unbatched input has shape {array.shape}; it must "
                f"have shape {single.arrays[name][:, 0].shape}"
            )
    return agrees(single, found | {n: a[:, None] for n, a in rows.items()}, trial.case.T > 1)


def first_steps(case: Case, steps: int) -> Case:
    """The case's first steps (and the generated ones)."""
    masks, lengths, generated = case.dropout_masks, case.lengths, case.spec.generated
    every_step = case.spec.outputs == "all"
    return case.replace(
        x=case.x[:steps],
        d_output=case.d_output[: steps + generated] if every_step else case.d_output,
        dropout_masks=None if masks is None else masks[:, : steps + generated],
        lengths=None if lengths is None else np.minimum(lengths, steps),
    )


def first_rows(case: Case, rows: int) -> Case:
    """The case's first rows."""
    masks, lengths = case.dropout_masks, case.lengths
    return case.replace(
        x=case.x[:, :rows],
        h0=case.h0[:, :rows],
        d_output=case.d_output[:, :rows],
        d_h_n=case.d_h_n[:, :rows],
        dropout_masks=None if masks is None else masks[:, :, :rows],
        lengths=None if lengths is None else lengths[:rows],
    )


def first_features(case: Case, features: int) -> Case:
    """The case with the first features of x, and the first layer's columns for them."""
    cut = {n: a[:, :features] if "weight_ih_l0" in n else a for n, a in case.parameters.items()}
    spec = replace(case.spec, input_size=features)
    return case.replace(spec=spec, parameters=cut, x=case.x[..., :features])


CUTS = {"T": first_steps, "B": first_rows, "I": first_features}


def _right_shapes(trial: Trial, size: int) -> Outcome:
    """That the results can be read with one axis cut to a size, and are those that it always gives."""
    usual, refused, seen = set(trial.arrays), "", 0
    for axis, cut in CUTS.items():
        told = f"{axis} = {size}"
        try:
            case = cut(trial.case, size)
        except ValueError:  # generated steps need a step before them, and x like the output
            continue
        if trial.subject.capabilities.missing(case):
            continue
        try:
            found = set(trial.on(case).arrays)
        except Refused as refusal:
            refused = f"it refuses {told}: {refusal}"
            continue
        except SubjectError as error:
            raise SubjectError(f"for {told}, {error}") from error
        if found != usual:
            raise SubjectError(_inconsistent(found, usual, told, trial.case))
        seen += 1
    if not seen:
        raise Refused(refused) if refused else NotApplicable("it takes no such size")
    wrong = np.zeros(seen)
    outcome = exactly({"sizes with a result of a wrong shape": (wrong, wrong)}, witness=True)
    return replace(outcome, note=refused)


def _inconsistent(found: set[str], usual: set[str], told: str, case: Case) -> str:
    differing = ", ".join(sorted(found ^ usual))
    given, at = ("given", "not") if found - usual else ("not given", "given")
    return f"{differing} is {given} for {told}, but {at} for T = {case.T}, B = {case.B}: always or never"
