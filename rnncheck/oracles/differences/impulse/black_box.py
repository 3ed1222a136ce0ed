"""Impulses for a forward pass of which only inputs and outputs are seen.

With W_ih widened by an identity block, `[W | 1] [x; ε e_j] = W x + ε e_j`: an impulse on unit j is an
input like another. Its copies (sizes of both signs, units) stand on the batch axis, and the run starts
at the step of the impulse, from the state that the plain run had there: one call for each step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Forward, Gradients
from rnncheck.oracles.differences.impulse.assembly import assembled
from rnncheck.oracles.differences.impulse.own import STEP

Run = Callable[[Case], Forward]


@dataclass(frozen=True)
class Tail:
    """The run from one step on. unmoved: its results without an impulse, of B rows.

    plain `(B,)`: what these add to L. moved `(sizes, B, H)`: the same with an impulse of that size on
    that unit.
    """

    unmoved: Forward
    plain: Array
    moved: Array


def states_before(run: Run, case: Case, forward: Forward) -> Array:
    """h_{t-1} of every step, `(T, B, H)`: as it is put out, or as the end of the steps before t.

    In the dtype of the case, whatever that of the results. forward: of the whole case. ValueError
    where states are neither put out nor given as `h_n`.
    """
    if case.spec.output_size is None and case.spec.outputs == "all":
        return np.concatenate([case.h0, forward.output[:-1]]).astype(case.dtype)
    before = [case.h0]
    for t in range(1, case.T):
        end = run(_steps(case, 0, t)).h_n
        if end is None:
            raise ValueError("the states are neither put out nor given as h_n")
        before.append(end)
    return np.concatenate(before).astype(case.dtype)


def tail(run: Run, case: Case, t: int, state: Array, sizes: Sequence[float]) -> Tail:
    """The run from step t on, from that state `(B, H)`, with impulses of these sizes on a_t."""
    output, h_n = run(widened(case, t, state, sizes))
    part = _steps(case, t, case.T)
    effects = _weighed(part.d_output, output)
    if h_n is not None:
        effects = effects + _weighed(part.d_h_n, h_n)
    unmoved = Forward(output[:, : case.B], None if h_n is None else h_n[:, : case.B])
    moved = effects[1:].reshape(len(sizes), case.spec.hidden_size, case.B).swapaxes(1, 2)
    return Tail(unmoved, effects[0], moved)


def widened(case: Case, t: int, state: Array, sizes: Sequence[float]) -> Case:
    """The steps from t on: B rows as they are, then B rows for each size and unit, in this order.

    Its cotangents are 0: a forward pass has no use for them.
    """
    part, spec, unit = _steps(case, t, case.T), case.spec, np.eye(case.spec.hidden_size)
    I, H = spec.input_size, spec.hidden_size  # noqa: E741 - as everywhere
    copies = 1 + len(sizes) * H
    rows = copies * case.B
    x = np.zeros((part.T, copies, case.B, I + H), case.dtype)
    x[..., :I] = part.x[:, None]
    x[0, 1:, :, I:] = np.multiply.outer(np.asarray(sizes), unit).reshape(copies - 1, 1, H)
    weight = np.concatenate([case.parameters["weight_ih_l0"], unit.astype(case.dtype)], axis=1)
    nothing = np.zeros((), case.dtype)
    return case.replace(
        spec=replace(spec, input_size=I + H),
        parameters={**case.parameters, "weight_ih_l0": weight},
        x=x.reshape(part.T, rows, I + H),
        h0=np.tile(state, (copies, 1))[None],
        d_output=np.broadcast_to(nothing, (len(part.d_output), rows, spec.output_features)),
        d_h_n=np.broadcast_to(nothing, (1, rows, H)),
        dropout_masks=None,
    )


def black_box_differences(run: Run, case: Case, step: float = STEP) -> Gradients:
    """dL/dθ for every entry but a readout's, by two-sided differences of `run`.

    case: one of `assembly.has_impulses`. run: takes any number of rows, features and steps, and any
    initial state; that it is a network of such a_t at all is taken for granted.
    """
    before = states_before(run, case, run(case))
    deltas = np.empty_like(before)
    for t in range(case.T):
        up, down = tail(run, case, t, before[t], (step, -step)).moved
        deltas[t] = (up - down) / (2 * step)
    return assembled(case, deltas, before)


def _steps(case: Case, first: int, last: int) -> Case:
    """Some of the steps; the cotangent of an output of one step alone stays."""
    d_output = case.d_output[first:last] if case.spec.outputs == "all" else case.d_output
    return case.replace(x=case.x[first:last], d_output=d_output, dropout_masks=None)


def _weighed(cotangent: Array, values: Array) -> Array:
    """<cotangent, values> of each copy and row `(copies, B)`; the copies stand one after the other."""
    steps, B, features = cotangent.shape
    copies = values.reshape(steps, -1, B, features)
    found: Array = np.einsum("tcbf,tbf->cb", copies, cotangent).astype(np.float64)
    return found
