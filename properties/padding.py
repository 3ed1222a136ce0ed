"""What stands beyond a row's length is not there: it changes nothing, and nothing comes out of it."""

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.noise import Mask
from rnncheck.properties.joined import joined
from rnncheck.properties.outcome import Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees, exactly
from rnncheck.properties.runs import BY_ROW
from rnncheck.properties.trial import Trial

MORE = 3
"""Steps of padding that are appended."""

LARGE = 1024.0
"""What stands in the padding where it is to be noticed: larger than any input, exact in every dtype."""


@check(
    "padding",
    share="some",
    stays="it holds for networks that refuse NaN",
)
def padding_may_hold_any_number(trial: Trial) -> Outcome:
    """f(x with p in the padding) = f(x with 0 there), p = ±1024, and so for d_output and the gradients.

    Nothing that counts is computed differently, so the two differ by two envelopes at most.
    """
    zeros = trial.on(padded_with(trial.case, 0.0))
    numbers = trial.on(padded_with(trial.case, LARGE, -LARGE))
    return agrees(zeros, numbers.arrays, has_padding(trial.case))


@check(
    "padding",
    share="some",
    stays="it sees a padding that is multiplied by 0, which no number shows",
)
def nan_in_the_padding_stays_there(trial: Trial) -> Outcome:
    """f(x with NaN in the padding) = f(x with ±inf there) = f(x with 0 there); the same for gradients.

    A mask that multiplies makes NaN of NaN · 0: padding is left out, or replaced before it is used.
    """
    expected = trial.on(padded_with(trial.case, 0.0)).arrays
    witness = has_padding(trial.case)
    return joined(
        agrees(trial.on(padded_with(trial.case, *values)), expected, witness)
        for values in ((np.nan,), (np.inf, -np.inf))
    )


@check("padding")
def padding_of_the_results_is_zero(trial: Trial) -> Outcome:
    """output[t, b] = 0 and dx[t, b] = 0 for t ≥ length of b, exactly."""
    case = trial.case
    places = {"output": case.output_padding(), "x": input_padding(case)}
    found = {n: trial.arrays[n][padding] for n, padding in places.items() if n in trial.arrays}
    pairs = {f"the padding of {_told(n)}": (a, np.zeros_like(a)) for n, a in found.items()}
    return exactly(pairs, any(a.size > 0 for a in found.values()))


@check("no generated steps", share="some")
def more_padding_changes_nothing(trial: Trial) -> Outcome:
    """f(x and 3 steps of padding, lengths) = f(x, lengths): output, h_n and gradients; 0 in the 3 steps.

    Without lengths, they are T. What is added to a sum is 0, so no more is rounded than before.
    """
    case = trial.case
    longer = trial.on(with_more_padding(case)).arrays
    common = {name: _first_steps(name, array, case) for name, array in longer.items()}
    witness = case.T > 0 and case.B > 0
    added = {
        f"the padding of {_told(name)}": longer[name][common[name].shape[0] :]
        for name in ("output", "x")
        if name in longer
    }
    zeros = exactly({name: (a, np.zeros_like(a)) for name, a in added.items()}, witness)
    return joined([agrees(trial, common, witness), zeros])


@check(
    "padding",
    share="some",
    stays="it tells lengths that are ignored from other mistakes",
)
def a_row_ends_at_its_length(trial: Trial) -> Outcome:
    """f(x, lengths) for row b = f(x[:length of b, b]) alone, without padding: output, h_n, dx and dh0."""
    case = trial.case
    row = shortest_row(case)
    alone = trial.on(only_row(case, row)).arrays
    own = trial.arrays
    expected = {n: array.copy() for n, array in own.items() if n in BY_ROW}
    for name, array in expected.items():
        array[: len(alone[name]), row] = alone[name][:, 0]
    return agrees(trial, expected, witness=bool(case.valid_steps()[row] > 0))


def input_padding(case: Case) -> Mask:
    """`(T, B)`: which steps of `x` are padding."""
    return np.asarray(np.arange(case.T)[:, None] >= case.valid_steps()[None, :])


def has_padding(case: Case) -> bool:
    """Whether there is padding in x, and something beside it that could be spoilt."""
    padding = input_padding(case)
    return bool(padding.any() and not padding.all())


def padded_with(case: Case, *values: float) -> Case:
    """The case with these numbers, one after the other, in the padding of x and of d_output."""
    x, d_output = case.x.copy(), case.d_output.copy()
    for array, padding in ((x, input_padding(case)), (d_output, case.output_padding())):
        array[padding] = np.resize(np.array(values, case.dtype), array[padding].shape)
    return case.replace(x=x, d_output=d_output)


def with_more_padding(case: Case) -> Case:
    """The case with steps of zeros at its end that no row's length reaches."""

    def extended(array: Array, axis: int) -> Array:
        widths = [(0, MORE if i == axis else 0) for i in range(array.ndim)]
        return np.pad(array, widths)

    masks, every_step = case.dropout_masks, case.spec.outputs == "all"
    return case.replace(
        x=extended(case.x, 0),
        d_output=extended(case.d_output, 0) if every_step else case.d_output,
        dropout_masks=None if masks is None else extended(masks, 1),
        lengths=case.valid_steps(),
    )


def shortest_row(case: Case) -> int:
    """The row with most padding among those with steps; if there is none such, one without steps."""
    lengths = case.valid_steps()
    return min(range(case.B), key=lambda b: (lengths[b] == 0, lengths[b]))


def only_row(case: Case, row: int) -> Case:
    """One row's valid steps as a batch of one, without lengths."""
    steps, rows = slice(int(case.valid_steps()[row])), slice(row, row + 1)
    masks = case.dropout_masks
    return case.replace(
        x=case.x[steps, rows],
        h0=case.h0[:, rows],
        d_output=case.d_output[steps if case.spec.outputs == "all" else slice(None), rows],
        d_h_n=case.d_h_n[:, rows],
        dropout_masks=None if masks is None else masks[:, steps, rows],
        lengths=None,
    )


def _first_steps(name: str, array: Array, case: Case) -> Array:
    """Of what has a time axis, the steps that the case has."""
    steps = {"output": case.d_output.shape[0], "x": case.T}.get(name)
    return array if steps is None else array[:steps]


def _told(name: str) -> str:
    return "the gradient for x" if name == "x" else name
