"""The rows of a batch have nothing to do with one another; only dL/dθ is their sum."""

import time

import numpy as np

from rnncheck.case import Array, Case, IntArray
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees
from rnncheck.properties.trial import Trial

LARGE_BYTES, LARGE_ROWS, LARGE_STEPS = 2**21, 2**12, 2
"""The states of a large batch, more than the second cache of a core holds, or what works in blocks takes
for one; its rows, at most, for each of its first steps."""

SLOW, SOME_ROWS, TRIES = 1.0, 2**7, 3
"""Seconds of the processor that a pass over a large batch may take, by the fastest of some tries on some
rows: whatever else the machine does is not to decide what is checked."""

BY_ROW = ("output", "h_n", "x", "h0")
"""The results that have an entry for each row, along axis 1; the others are sums over the rows."""


@check(
    "B > 1",
    share="some",
    stays="it needs a forward pass alone, of any network",
)
def a_row_alone_gives_the_same(trial: Trial) -> Outcome:
    """f(x[:, b], h0[:, b]) = f(x, h0)[:, b], for a row b in a batch of its own.

    `output` and `h_n`: the first row alone, the last row alone, and those between them, if there
    are any, as one batch. That is a right way to compute the batch, so it differs by
    two envelopes at most (a product of other sizes may be summed in another order).
    """
    case = trial.case
    parts = (
        [slice(0, 1), slice(1, -1), slice(-1, None)] if case.B > 2 else [slice(0, 1), slice(1, 2)]
    )
    results = [trial.on(rows(case, part)).forward for part in parts]
    found = {"output": joined([result.output for result in results])}
    finals = [result.h_n for result in results if result.h_n is not None]
    if len(finals) == len(parts):
        found["h_n"] = joined(finals)
    return agrees(trial, found, rows_differ(case))


@check(
    "B > 1",
    share="some",
    stays="it needs no batch of one, which some refuse",
)
def reordered_rows_give_reordered_results(trial: Trial) -> Outcome:
    """f(x[:, p], h0[:, p], lengths[p]) = f(x, h0, lengths)[:, p], for p that moves every row.

    `output`, `h_n` and the gradients of x and h0 move with the rows; those of the parameters,
    which are sums over the rows, stay. Two envelopes, since these are summed in another order.
    """
    order = np.roll(np.arange(trial.case.B), 1)
    moved = trial.on(rows(trial.case, order)).arrays
    back = np.argsort(order)
    found = {name: a[:, back] if name in BY_ROW else a for name, a in moved.items()}
    return agrees(trial, found, rows_differ(trial.case))


@check(
    "B > 1",
    needs_gradients=True,
    share="some",
    stays="it tells averaging over the batch from other mistakes",
)
def gradients_add_up_over_the_rows(trial: Trial) -> Outcome:
    """dL/dθ = Σ_b dL_b/dθ, and dL/dx, dL/dh0 row by row, for L_b the loss of some of the rows.

    The batch in two parts: its last row, and all the others. To sum the two is a right way to
    sum over the rows (a sum's bound holds in any order), so two envelopes are allowed.
    """
    case = trial.case
    others, last = (trial.on(rows(case, part)).gradients for part in (slice(-1), slice(-1, None)))
    with np.errstate(invalid="ignore"):  # inf - inf, where a state has overflown
        found = {
            name: joined([others[name], last[name]])
            if name in BY_ROW
            else others[name].astype(np.float64) + last[name]
            for name in others
        }
    return agrees(trial, found, reached_rows(case) > 1)


@check(
    "steps, rows and features",
    "one layer",
    share="few",
    stays="it alone has batches of thousands of rows",
)
def copies_of_the_rows_give_the_same(trial: Trial) -> Outcome:
    """f([x, ..., x]) = [f(x), ..., f(x)]; dL/dθ = Σ dL/dθ of the copies that have a cotangent.

    An odd number of copies, which together hold two megabytes of states, or else have thousands of
    rows. Each has the case's output and final state. Four of them, the first and the last among
    these, have its cotangents, the others have 0: of the parameters' gradients a quarter is the
    case's, and the x and h0 of a copy have the case's gradients, or 0. A quarter of a sum of four
    times as many terms is off by four envelopes at most, and the case's own by one.
    """
    case = trial.case
    most = LARGE_ROWS * min(case.T, LARGE_STEPS) // case.B
    copies = max(min(LARGE_BYTES // _state_bytes(case), most), 4) | 1
    _require_fast(trial, copies)
    chosen = np.array([0, copies // 3, 2 * copies // 3, copies - 1])
    large = trial.on(_cotangents_of(chosen, case.B, _copies(case, copies)))
    found: dict[str, Array] = {}
    for name, array in large.arrays.items():
        if name not in BY_ROW:
            found[name] = array / 4
            continue
        each = array.reshape(len(array), copies, case.B, array.shape[-1])
        if name in ("x", "h0"):
            rest = np.delete(each, chosen, axis=1)
            each = each[:, chosen] + _furthest(rest, np.zeros(()))[:, None]
        found[name] = _furthest(each, trial.arrays[name][:, None])
    return agrees(trial, found, bool(reached_rows(case)), envelopes=5.0)


def _copies(case: Case, copies: int) -> Case:
    return rows(case, np.tile(np.arange(case.B), copies))


def _require_fast(trial: Trial, copies: int) -> None:
    """NotApplicable for who takes rows one by one, and long for each."""
    some = min(copies, -(-SOME_ROWS // trial.case.B))
    batch = _copies(trial.case, some)
    for _ in range(TRIES):
        start = time.process_time()
        _ = trial.on(batch).forward
        if (time.process_time() - start) * copies / some <= SLOW:
            return
    raise NotApplicable(f"a pass over {copies * trial.case.B} rows takes more than {SLOW:g} s")


def _state_bytes(case: Case) -> int:
    """Those of one layer and direction of the case."""
    return (case.T + case.spec.generated) * case.B * case.spec.hidden_size * case.dtype.itemsize


def _cotangents_of(chosen: IntArray, B: int, large: Case) -> Case:
    """The same case, only these of its parts of B rows with a cotangent."""
    kept = np.isin(np.arange(large.B) // B, chosen)[:, None]
    return large.replace(
        d_output=np.where(kept, large.d_output, 0), d_h_n=np.where(kept, large.d_h_n, 0)
    )


def _furthest(each: Array, from_: Array) -> Array:
    """Of what the copies, along axis 1, have for an entry, the one that is furthest away; NaN is."""
    with np.errstate(invalid="ignore"):
        which = np.abs(each - from_).argmax(axis=1, keepdims=True)
    furthest: Array = np.take_along_axis(each, which, axis=1)[:, 0]
    return furthest


def rows(case: Case, which: slice | IntArray) -> Case:
    """The case of these rows alone, in this order."""
    return case.replace(
        x=case.x[:, which],
        h0=case.h0[:, which],
        d_output=case.d_output[:, which],
        d_h_n=case.d_h_n[:, which],
        lengths=None if case.lengths is None else case.lengths[which],
        dropout_masks=None if case.dropout_masks is None else case.dropout_masks[:, :, which],
    )


def joined(parts: list[Array]) -> Array:
    """The results of some rows and of some more as those of all of them."""
    return np.concatenate(parts, axis=1)


def rows_differ(case: Case) -> bool:
    """Whether two rows have steps and are not the same, so that it would show if they were mixed up."""
    with_steps = rows(case, np.flatnonzero(case.valid_steps()))
    return any(
        not np.array_equal(array, np.broadcast_to(array[:, :1], array.shape), equal_nan=True)
        for array in (with_steps.x, with_steps.h0)
    )


def reached_rows(case: Case) -> int:
    """In how many rows the loss depends on anything: those where a cotangent is not 0."""
    d_output = np.where(case.output_padding()[..., None], 0.0, case.d_output)
    reached = d_output.any(axis=(0, 2)) | case.d_h_n.any(axis=(0, 2))
    return int(np.count_nonzero(reached & (case.valid_steps() > 0)))
