"""What is not an input is refused, what is one is taken, and NaN stays where it was given.

The first four go to the entry that the implementation's users call (`Entry.enter`), for a `Case` would
validate first. They apply to those that claim to validate (`Capabilities.validates`): somebody's own
functions take what they take, and what NumPy makes of a wrong shape is not their mistake. To refuse
is to raise an exception, of whatever type: not to return a result.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Entry, Validated
from rnncheck.properties import bad_inputs
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees, exactly
from rnncheck.properties.runs import BY_ROW, enter
from rnncheck.properties.trial import Trial
from rnncheck.results import SubjectError, tell

PLAIN = ("steps, rows and features", "every step put out", "no generated steps", "no dropout")


@check(*PLAIN, "full lengths", share="few")
def wrong_shapes_are_refused(trial: Trial) -> Outcome:
    """x, h0, a parameter, d_output or d_h_n with an axis of another size, or one axis more or less: an error.

    Also sizes of 1, which NumPy would broadcast: an h0 of one row for a batch of three is a mistake.
    """
    return _all_refused(trial, "shapes", bad_inputs.wrong_shapes(trial.case))


@check(*PLAIN, "full lengths", share="few")
def wrong_dtypes_are_refused(trial: Trial) -> Outcome:
    """x or h0 of integers, or of another floating-point type than the parameters: an error."""
    return _all_refused(trial, "dtypes", bad_inputs.wrong_dtypes(trial.case))


@check(*PLAIN, share="few")
def wrong_lengths_are_refused(trial: Trial) -> Outcome:
    """A length of T + 1 or of -1, lengths of floats, or not one for each row: an error."""
    return _all_refused(trial, "lengths", bad_inputs.wrong_lengths(trial.case))


@check(*PLAIN, share="some")
def good_input_is_taken(trial: Trial) -> Outcome:
    """The entry that its users call = the network that was checked: output, h_n and gradients.

    Lengths are integers of 32 bits as well as of 64. It is a right way to compute the same, so up to two
    envelopes.
    """
    case = trial.case
    claims = trial.subject.capabilities.validates
    entry = _entry(trial, "shapes" if case.lengths is None else "lengths")
    try:
        arrays = bad_inputs.good(case, with_lengths=True)
        if "lengths" in arrays:
            arrays["lengths"] = arrays["lengths"].astype(np.int32)
            enter(entry, case.spec, bad_inputs.good(case, with_lengths=True))
        found = enter(entry, case.spec, arrays)
    except Exception as error:
        raise SubjectError(f"an input as it should be raised {tell(error)}") from error
    if not found:
        return exactly({"inputs that are refused": (np.zeros(1), np.zeros(1))}, bool(claims))
    return agrees(trial, found, witness=case.T > 1)


@check(
    "B > 1",
    "steps, rows and features",
    share="some",
    stays="it sees rows that touch through products with 0, which no number shows",
)
def nan_stays_in_its_row(trial: Trial) -> Outcome:
    """x[t, b] = NaN: output, h_n, dx and dh0 of every other row are what they were.

    The rows of a batch share the parameters and nothing else. (A gradient for a parameter is a sum over
    the rows, and may well be NaN.) To refuse NaN with an error is a network's right.
    """
    case = trial.case
    row = case.B // 2
    x = case.x.copy()
    x[0, row] = np.nan
    spoilt = trial.on(case.replace(x=x))
    try:
        found = spoilt.arrays
    except SubjectError as error:
        if error.__cause__ is None:
            raise
        raise NotApplicable(f"it refuses NaN in x: {error}") from None
    expected = {n: array.copy() for n, array in found.items() if n in BY_ROW}
    for name, array in expected.items():
        array[:, row] = trial.arrays[name][:, row]
    return agrees(trial, expected, witness=True)


def _entry(trial: Trial, what: Validated) -> Entry:
    subject = trial.subject
    if what not in subject.capabilities.validates:
        raise NotApplicable(f"it does not claim to validate {what}")
    if not isinstance(subject, Entry):
        raise NotApplicable("it has no entry but for cases, which are validated")
    return subject


def _all_refused(
    trial: Trial, what: Validated, wrong: Iterator[tuple[str, Mapping[str, Array]]]
) -> Outcome:
    entry, case, count = _entry(trial, what), trial.case, 0
    for told, arrays in wrong:
        if not _can_be_asked(trial, told):
            continue
        count += 1
        try:
            enter(entry, case.spec, arrays)
        except Exception:
            continue
        message = f"{told}, was taken: it must be refused with an error that says so"
        raise SubjectError(message, symptom=("taken", told))
    return exactly({f"wrong {what} that were taken": (np.zeros(count), np.zeros(count))}, count > 0)


def _can_be_asked(trial: Trial, told: str) -> bool:
    """Whether the subject has the argument at all."""
    can, name = trial.subject.capabilities, told.split()[0]
    if name.startswith("bias_hh"):
        return 2 in can.bias_vectors
    has = {"h0": can.initial_state, "d_h_n": can.final_state and can.gradients}
    return has.get(name, name != "d_output" or can.gradients)
