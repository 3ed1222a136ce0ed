"""Steps follow one another: moved or reordered in time, the network stays the same."""

import numpy as np

from rnncheck.case import Array, Case, IntArray
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import UNIT, agrees
from rnncheck.properties.routes.closed_maps import excess, largest_slope, spectral_norm
from rnncheck.properties.routes.time_maps import (
    at_rest,
    delayed,
    in_order,
    reordered,
    reordering,
    with_state_as_input,
    without_recurrence,
    without_state_as_input,
)
from rnncheck.properties.trial import Trial

DELAY = 3
"""Steps of rest before a delayed case."""


@check(
    "no generated steps",
    "h0 not 0",
    share="some",
    stays="it tells a mistake in the use of h0 from other mistakes",
)
def first_state_is_an_input(trial: Trial) -> Outcome:
    """f(x, h0) = f([x, h0 at a direction's first step], 0) with weights [W_ih, W_hh].

    W_hh h0 of the lowest layer moves into features of x: the same products in another place, and
    others with 0, which do not round. dh0 is the gradient for those features, dW_hh is short by the
    one for their weights. Rows without steps have nothing to move to and are left out.
    """
    case, own = trial.case, trial.arrays
    other = trial.on(with_state_as_input(case))
    arrays = without_state_as_input(case, own, other.arrays)
    if other.forward.h_n is not None and "h_n" in own:
        some = (_steps(case) > 0)[None, :, None]
        arrays["h_n"] = np.where(some, other.forward.h_n, own["h_n"])
    if case.spec.outputs == "final":
        arrays["output"] = np.where((_steps(case) > 0)[:, None], arrays["output"], own["output"])
        _leave_out_readout_of_empty_rows(case, arrays)
    moved = case.h0[: case.spec.num_directions, _steps(case) > 0]
    return agrees(trial, arrays, bool(moved.any()))


def _leave_out_readout_of_empty_rows(case: Case, arrays: dict[str, Array]) -> None:
    """A row without steps has its h0 read out, which moves into the readout's own gradient."""
    if (_steps(case) == 0).any():
        for name in ("weight_ho", "bias_o"):
            arrays.pop(name, None)


@check(
    "T > 1",
    "every step put out",
    "no generated steps",
    share="some",
    stays="it tells a wrong input path from a wrong recurrence",
)
def steps_without_recurrence_are_independent(trial: Trial) -> Outcome:
    """f(x[p]) = f(x)[p] for any order p of the steps, if W_hh = 0.

    So for dx; dθ stay as they are and dh0 = 0, where only outputs have cotangents. Left out are
    h_n and dW_hh, which do depend on the order.
    """
    base = trial.on(without_recurrence(trial.case))
    order = reordering(trial.case)
    other = base.on(in_order(base.case, order)).arrays
    back = np.argsort(order, axis=0)
    kept = {n: a for n, a in other.items() if n != "h_n" and not n.startswith("weight_hh")}
    kept |= {n: reordered(other[n], back) for n in ("output", "x") if n in other}
    kept["h0"] = np.zeros_like(base.case.h0)
    return agrees(base, kept, bool((order != back).any()))


@check(
    share="some",
    stays="it sees h0 = 0 treated as no h0",
)
def zero_state_is_a_limit(trial: Trial) -> Outcome:
    """f(h0 = 0) = lim f(h0 → 0): a state of 0 is a state like any other.

    The other state is the smallest number there is. Weights below 2²⁰ move an argument by less
    with it than the underflow that the envelope allows every operation. dW_hh is left out: it
    moves by δ h0, and nothing bounds δ.
    """
    if not trial.subject.capabilities.initial_state:
        raise NotApplicable("it takes no h0")
    case = trial.case
    base = trial if not case.h0.any() else trial.on(case.replace(h0=np.zeros_like(case.h0)))
    tiny = np.nextafter(np.zeros_like(case.h0), np.ones_like(case.h0))
    other = trial.on(case.replace(h0=tiny)).arrays
    kept = {n: a for n, a in other.items() if not n.startswith("weight_hh")}
    return agrees(base, kept, bool(_steps(case).any()))


@check(
    "one layer",
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="it holds whatever φ is, with a slope of at most 1",
)
def gradients_grow_no_faster_than_the_weights(trial: Trial) -> Outcome:
    """‖dh0‖ ≤ (max|φ'| ‖W_hh‖)ⁿ ‖dh_n‖ over n steps, if only the final state has a cotangent.

    For every row and direction; max|φ'| is 1, for a sigmoid 1/4. ‖W_hh‖ is an upper bound.
    Beyond the envelope of dh0 the norms round: (H + 8) u of the bound for two sums
    of H squares, their roots, a power and two products.
    """
    case = trial.case
    if trial.forward.h_n is None or "h0" not in trial.gradients:
        raise NotApplicable("there is no h_n, or no gradient for h0")
    silent = np.where(case.output_padding()[..., None], case.d_output, np.zeros_like(case.d_output))
    d_h_n = case.d_h_n if case.d_h_n.any() else np.ones_like(case.d_h_n)
    base = trial.on(case.replace(d_output=silent, d_h_n=d_h_n))
    norms = [case.parameters[f"weight_hh_{case.spec.suffix(*cell)}"] for cell in case.spec.cells()]
    factors = largest_slope(case.spec.nonlinearity) * np.array([spectral_norm(W) for W in norms])
    with np.errstate(over="ignore", under="ignore"):
        bound = factors[:, None] ** _steps(case) * _norm(d_h_n)
    allowance, value = base.envelope["h0"], _norm(base.gradients["h0"])
    rounding = (case.spec.hidden_size + 8) * UNIT * np.minimum(bound, value)
    limit = _norm(allowance.allowed) + rounding
    comparison = Comparison()
    telling = np.asarray(allowance.telling.all(axis=-1))
    name = "‖dh0‖ - ‖W_hh‖ⁿ ‖dh_n‖, if positive,"
    comparison.add(name, *excess(value, bound), limit, telling)
    return comparison.outcome(bool((telling & (value > limit)).any()))


@check(
    "one direction",
    "φ(0) = 0",
    share="some",
    stays="it sees a clock: weights or biases that depend on t",
)
def rest_before_the_start_changes_nothing(trial: Trial) -> Outcome:
    """f([0, ..., 0, x]) = [f(0), ..., f(0), f(x)], if h0 = 0, the biases are 0 and φ(0) = 0.

    Final state and gradients too, but for dh0 and the biases' (which have more steps to come
    from). The states of the new steps are exactly 0 and add products with 0 only.
    """
    base = trial.on(at_rest(trial.case))
    other = trial.on(delayed(base.case, DELAY)).arrays
    biases = [n for n in other if n.startswith(("bias_ih", "bias_hh"))]
    kept = {n: a for n, a in other.items() if n not in ("h0", *biases)}
    every = trial.case.spec.outputs == "all"
    kept |= {n: kept[n][DELAY:] for n in ("output", "x") if n in kept and (every or n == "x")}
    return agrees(base, kept, bool(_steps(trial.case).any()))


def _steps(case: Case) -> IntArray:
    return case.valid_steps()


def _norm(vectors: Array) -> Array:
    """Euclidean, along the last axis, without overflow of the squares."""
    wide = vectors.astype(np.float64)
    size = np.abs(wide).max(axis=-1, keepdims=True, initial=np.finfo(np.float64).smallest_normal)
    norms: Array = size[..., 0] * np.sqrt(((wide / size) ** 2).sum(axis=-1))
    return norms
