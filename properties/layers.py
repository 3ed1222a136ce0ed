"""From layer to layer: what goes up, what comes down, what is left at the end, what is read out."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array, Case
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import Measured, agrees, balances, exactly, measured
from rnncheck.properties.routes.parts import TwoParts
from rnncheck.properties.trial import Trial, judged


@check("two layers", "no generated steps", share="some")
def each_layer_reads_the_one_below(trial: Trial) -> Outcome:
    """f_{0..L} = f_{1..L} ∘ f_0: the first layer alone, and the others on what it puts out.

    `output` and `h_n`, through dropout's multipliers where there are any. Each part does what the
    whole does at that place, so that together they are a right way to compute it: two envelopes.
    """
    parts = TwoParts(trial, 1, trial.on)
    found = {name: a for name, a in parts.forward._asdict().items() if a is not None}
    return agrees(trial, found, bool(trial.case.valid_steps().any()))


@check(
    "two layers",
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="it tells which layer is wrong",
)
def each_layer_hands_its_gradient_down(trial: Trial) -> Outcome:
    """dL/dθ of L layers = the chain of two backward passes: dL/dz of the upper is d_output below.

    The first layer alone, and the others on what it puts out: every parameter, x and h0. Two
    envelopes, as for `each_layer_reads_the_one_below`.
    """
    parts = TwoParts(trial, 1, trial.on)
    return agrees(trial, parts.gradients, bool(trial.case.valid_steps().any()))


@check("no readout")
def the_last_output_is_the_final_state(trial: Trial) -> Outcome:
    """h_n = output at step n - 1 going forward, at step 0 in reverse; h0 where a row has no steps.

    Of the top layer; where n = 0, of every layer. Each of the two may stray by its own envelope.
    """
    if trial.forward.h_n is None:
        raise NotApplicable("forward gives no h_n")

    def compare(allowed: Envelope) -> Outcome:
        left = measured(trial, "h_n", allowed)
        right = _at_the_boundary(trial.case, left, measured(trial, "output", allowed))
        with np.errstate(invalid="ignore"):  # inf - inf, where a state has overflown
            return balances({"h_n": (left, right)}, bool((trial.case.valid_steps() > 1).any()))

    return judged(trial, compare, knows_truth=False)


@check(
    "no readout",
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="few cases of a pool put out the final state of two directions",
)
def the_final_state_can_be_put_out(trial: Trial) -> Outcome:
    """outputs = final: the output is h_n of the top layer, and d_output a cotangent of that h_n.

    The case with its final state put out, and d_output = 1, 2, 3, ...; compared with the same numbers as
    d_h_n, and none of `output`: every gradient. Two envelopes: both compute the same.
    """
    case, D = trial.case, trial.case.spec.num_directions
    features = D * case.spec.hidden_size
    wanted = 1 + np.arange(case.B * features, dtype=case.dtype).reshape(1, case.B, features)
    silent = np.zeros_like(case.h0)
    final = case.replace(
        spec=replace(case.spec, outputs="final"), d_output=wanted, d_h_n=silent.copy()
    )
    silent[-D:] = np.split(wanted[0], D, axis=-1)
    other = trial.on(final.replace(d_output=np.zeros_like(wanted), d_h_n=silent))
    if other.forward.h_n is None:
        raise NotApplicable("forward gives no h_n")
    output = np.concatenate(list(other.forward.h_n[-D:]), axis=-1)[None]
    found = {**other.gradients, "output": output}
    return agrees(trial.on(final), found, bool(case.valid_steps().any()))


@check("no generated steps", share="some")
def no_steps_leave_the_state(trial: Trial) -> Outcome:
    """T = 0: h_n = h0, output = 0, dL/dh0 = d_h_n and dL/dθ = 0, bit for bit.

    The case without any of its steps. Nothing is computed, so that nothing may be rounded. (Where
    the final state is put out, that is h0: it gets no cotangent, and is compared without a readout.)
    """
    return _nothing_happens(trial, _first_steps(trial.case, 0), np.full(trial.case.B, True))


@check("no generated steps", share="some")
def an_empty_row_keeps_its_state(trial: Trial) -> Outcome:
    """n_b = 0: h_n = h0, output = 0, dL/dh0 = d_h_n and dL/dx = 0 in row b, bit for bit.

    Every other row is left without steps, beside rows that have theirs. Nothing is computed for
    it, so that nothing may be rounded.
    """
    lengths = trial.case.valid_steps().astype(np.int64)
    lengths[::2] = 0
    return _nothing_happens(trial, _of_lengths(trial.case, lengths), lengths == 0)


@check(
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="it is exact: one bit is enough",
)
def empty_rows_have_no_gradient(trial: Trial) -> Outcome:
    """n = 0 in every row: dL/dθ = 0, dL/dx = 0 and dL/dh0 = d_h_n, bit for bit.

    However many steps of padding there are, they add nothing to any sum.
    """
    lengths = np.zeros(trial.case.B, np.int64)
    return _nothing_happens(trial, _of_lengths(trial.case, lengths), lengths == 0)


@check(
    "a linear readout",
    "no generated steps",
    share="some",
    stays="it tells a wrong readout from a wrong recurrence",
)
def a_doubled_readout_doubles_the_output(trial: Trial) -> Outcome:
    """f(2V, 2c) = 2 f(V, c); with d_output / 2 the gradients of V and c halve, and no other changes.

    Powers of two are exact, so that both compute the same to the last bit or in another order:
    two envelopes. Not where a number is so large that its square, let alone its double, overflows.
    """
    _require_room(trial)
    case, readout = trial.case, ("weight_ho", "bias_o")
    doubled = {n: 2 * a if n in readout else a for n, a in case.parameters.items()}
    other = trial.on(case.replace(parameters=doubled, d_output=case.d_output / 2))
    found = {name: 2 * a if name in readout else a for name, a in other.arrays.items()}
    found["output"] = found["output"] / 2
    return agrees(trial, found, bool(case.output_steps().any()))


@check(
    "a linear readout",
    share="some",
    stays="it tells a wrong readout bias from a wrong readout",
)
def without_weights_the_readout_is_its_bias(trial: Trial) -> Outcome:
    """V = 0: output = c at every valid step, and 0 in the padding, bit for bit.

    A sum of zeros and c is not rounded.
    """
    _require_room(trial)
    case, V = trial.case, trial.case.parameters["weight_ho"]
    without = case.replace(parameters={**case.parameters, "weight_ho": np.zeros_like(V)})
    output = trial.on(without).forward.output
    c = case.parameters.get("bias_o", np.zeros(len(V)))
    expected = np.where(case.output_padding()[..., None], 0.0, c)
    return exactly({"output": (output, expected)}, bool(case.output_steps().any() and V.any()))


def _at_the_boundary(case: Case, h_n: Measured, output: Measured) -> Measured:
    """What h_n must be by `output` in the top layer, and by h0 in rows without steps; else itself."""
    spec, empty = case.spec, case.valid_steps() == 0
    value, allowed = h_n.value.copy(), np.zeros(case.h0.shape)
    telling = np.zeros(case.h0.shape, bool)
    value[:, empty], telling[:, empty] = case.h0[:, empty], True
    rows = np.flatnonzero(~empty)
    for direction in range(spec.num_directions):
        if direction and spec.outputs == "last":
            continue  # in reverse, the state of the last step is the first one
        first = direction or spec.outputs != "all"
        step = np.zeros_like(rows) if first else case.output_steps()[rows] - 1
        state = spec.num_states - spec.num_directions + direction
        half = slice(direction * spec.hidden_size, (direction + 1) * spec.hidden_size)
        value[state, rows] = output.value[step, rows, half]
        allowed[state, rows] = output.allowed[step, rows, half]
        telling[state, rows] = output.telling[step, rows, half]
    return Measured(value, allowed, telling)


def _first_steps(case: Case, T: int) -> Case:
    """The case's first T steps, without any if T is 0."""
    lengths = None if case.lengths is None else np.minimum(case.lengths, T)
    return _without_reading_h0(
        case.replace(
            x=case.x[:T],
            d_output=case.d_output[:T] if case.spec.outputs == "all" else case.d_output,
            lengths=lengths,
            dropout_masks=None if case.dropout_masks is None else case.dropout_masks[:, :T],
        )
    )


def _of_lengths(case: Case, lengths: npt.NDArray[np.int64]) -> Case:
    """The case with these lengths, none longer than before."""
    return _without_reading_h0(case.replace(lengths=lengths))


def _without_reading_h0(case: Case) -> Case:
    """Without a cotangent of `output` where that is made of h0, if there are no steps."""
    if case.spec.outputs != "final":
        return case
    return case.replace(d_output=np.zeros_like(case.d_output))


def _nothing_happens(trial: Trial, case: Case, empty: npt.NDArray[np.bool_]) -> Outcome:
    """The subject on a case in which these rows have no steps."""
    arrays = trial.on(case).arrays
    final, top = case.spec.outputs == "final", case.h0[-case.spec.num_directions :]
    expected: dict[str, Array] = {"h_n": case.h0, "h0": case.d_h_n, "x": np.zeros_like(case.x)}
    if not final:
        expected["output"] = np.zeros_like(case.d_output)
    elif case.spec.output_size is None:
        expected["output"] = np.concatenate(list(top), axis=-1)[None]
    pairs = {
        name: (arrays[name], np.where(empty[:, None], rows, arrays[name]))
        for name, rows in expected.items()
        if name in arrays
    }
    if empty.all():
        names = [name for name in case.spec.parameter_shapes() if name in arrays]
        pairs |= {name: (arrays[name], np.zeros_like(arrays[name])) for name in names}
    state = "h_n" in arrays and case.h0[:, empty].any()
    carried = "h0" in arrays and case.d_h_n[:, empty].any()
    outcome = exactly(pairs, bool(state or carried))
    if not outcome.failed and not trial.subject.capabilities.initial_state:
        raise NotApplicable("it takes no h0, which alone would show")
    return outcome


def _require_room(trial: Trial) -> None:
    """Raise NotApplicable where a number is so large that its square overflows."""
    most = np.sqrt(np.finfo(trial.case.dtype).max)
    if not all((np.abs(array) < most).all() for array in trial.arrays.values()):
        raise NotApplicable("numbers so large that a multiple of them may overflow")
