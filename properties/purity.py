"""A call is a function of its arguments: it changes none, keeps nothing, and gives its results away."""

import numpy as np

from rnncheck.case import Case
from rnncheck.properties.joined import joined
from rnncheck.properties.layouts import BROADCAST, LAYOUTS, constant_over_rows, refuses
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees, exactly
from rnncheck.properties.runs import (
    copied,
    require_apart,
    run_backward,
    run_both,
    run_forward,
    same_bits,
    spoil,
    told,
)
from rnncheck.properties.trial import Trial
from rnncheck.results import SubjectError


@check("T > 1", "steps, rows and features", share="some")
def arguments_stay_as_they_are(trial: Trial) -> Outcome:
    """After forward and backward, x, h0, every parameter, d_output and d_h_n hold what they held.

    Bit for bit, in the arrays that the author's own functions got. A backward that adds to its
    d_h_n, or a forward that scales its x in place, is right once, and wrong the next time.
    """
    held = trial.handed(np.copy)
    before = {name: array.copy() for name, array in held.arrays}
    outcomes = []
    for when, run in (("forward", run_forward), ("backward", run_backward)):
        run(trial, held)
        pairs = {f"{n} after {when}": (1.0 * a, 1.0 * before[n]) for n, a in held.arrays}
        outcomes.append(exactly(pairs, witness=True))
    return joined(outcomes)


@check("steps, rows and features", share="some")
def a_second_call_gives_the_same(trial: Trial) -> Outcome:
    """f(A) = f(A), bit for bit: forward, backward, backward, forward, backward on the same arrays."""
    held = trial.handed(np.copy)
    first = copied(run_both(trial, held))
    again = run_backward(trial, held)
    outcomes = [same_bits(trial, again, first, "in a second backward")] if again else []
    second = run_both(trial, held)
    return joined([*outcomes, same_bits(trial, second, first, "in a second call")])


@check("T > 1", "steps, rows and features", share="some")
def calls_do_not_disturb_each_other(trial: Trial) -> Outcome:
    """forward A, forward B, backward A, backward B, forward A = forward A, backward A, bit for bit.

    B has A's shapes and other numbers, then one step less. It shows where a state, a tape or a
    buffer is the network's and not the call's.
    """
    expected = copied(run_both(trial, trial.handed(np.copy)))
    outcomes = []
    for which, case in (("another", other_numbers(trial.case)), ("a shorter", shorter(trial.case))):
        other_trial = trial.on(case)
        held, other = trial.handed(np.copy), other_trial.handed(np.copy)
        run_forward(trial, held)
        run_forward(other_trial, other)
        found = run_backward(trial, held)
        run_backward(other_trial, other)
        found |= run_forward(trial, held)
        outcomes.append(same_bits(trial, found, expected, f"with {which} call in between"))
    return joined(outcomes)


@check(
    "T > 1",
    "steps, rows and features",
    share="some",
    stays="it says whose memory it is",
)
def results_are_memory_of_their_own(trial: Trial) -> Outcome:
    """No result lies in the memory of an argument or of another call's result; f(A) = f(A), bit for
    bit, although NaN was written into every result of the first.

    Two results of one call may share theirs: h_n may be the last step of output.
    """
    held = trial.handed(np.copy)
    results = run_both(trial, held)
    expected = copied(results)
    require_apart(trial, results, {f"the argument {n}": array for n, array in held.arrays})
    written = spoil(results)
    again = trial.handed(np.copy)
    later = run_both(trial, again)
    require_apart(
        trial, results, {f"{told(trial, n)} of the next call": a for n, a in later.items()}
    )
    outcome = same_bits(trial, later, expected, "after NaN was written into earlier results")
    note = "" if written else "its results cannot be written into"
    return joined([outcome, Outcome((), witness=True, note=note)])


@check("steps, rows and features", needs_gradients=True, share="some")
def backward_does_not_read_the_output(trial: Trial) -> Outcome:
    """backward after NaN was written into output and h_n = backward, bit for bit.

    What backward needs of the forward pass is not the array that the caller was given.
    """
    kept = trial.handed(np.copy)
    run_forward(trial, kept)
    expected = copied(run_backward(trial, kept))
    held = trial.handed(np.copy)
    spoil(run_forward(trial, held))
    found = run_backward(trial, held)
    return same_bits(trial, found, expected, "after NaN was written into the output")


@check("T > 1", "steps, rows and features", share="some")
def memory_layout_does_not_matter(trial: Trial) -> Outcome:
    """f(Fortran order) = f(every other entry, backwards) = f(read-only, axes swapped) = f(x).

    They are the same numbers, in arrays of another layout: of every argument. A sum may be taken in
    another order, so up to two envelopes. To refuse a layout, with an error that says so,
    is a network's right.
    """
    outcomes, refusals = [], []
    for which, layout in LAYOUTS.items():
        try:
            found = run_both(trial, trial.handed(layout))
        except SubjectError as error:
            if not refuses(error):
                raise SubjectError(f"given {which}, {error}") from error
            refusals.append(f"refuses {which}: {error}")
        else:
            outcomes.append(agrees(trial, found, witness=True))
    if not outcomes:
        raise NotApplicable(refusals[0])
    return joined([*outcomes, Outcome((), witness=True, note=next(iter(refusals), ""))])


@check("T > 1", "full lengths", "steps, rows and features", share="some")
def broadcast_arguments_are_taken(trial: Trial) -> Outcome:
    """f(one row of x, h0, d_output, d_h_n, with stride 0 for the others) = f(the same rows in full).

    `np.broadcast_to`, as in `d_output = np.broadcast_to(1.0, output.shape)`: entries share memory, and
    cannot be written into. As for other layouts, up to two envelopes.
    """
    full = trial.on(constant_over_rows(trial.case))
    try:
        found = run_both(full, full.handed(BROADCAST))
    except SubjectError as error:
        if not refuses(error):
            raise SubjectError(f"given broadcast arrays, {error}") from error
        raise NotApplicable(f"refuses broadcast arrays: {error}") from None
    return agrees(full, found, witness=True)


def other_numbers(case: Case) -> Case:
    """A case of the same shapes whose numbers are others, but for zeros (they may be all it takes)."""
    return case.replace(
        parameters={name: array * -0.5 for name, array in case.parameters.items()},
        x=case.x * -0.5,
        h0=case.h0 * -0.5,
        d_output=case.d_output * -0.5,
        d_h_n=case.d_h_n * -0.5,
    )


def shorter(case: Case) -> Case:
    """The case without its last step."""
    steps, masks, lengths = case.T - 1, case.dropout_masks, case.lengths
    every_step = case.spec.outputs == "all"
    return case.replace(
        x=case.x[:steps],
        d_output=case.d_output[:-1] if every_step else case.d_output,
        dropout_masks=None if masks is None else masks[:, :-1],
        lengths=None if lengths is None else np.minimum(lengths, steps),
    )
