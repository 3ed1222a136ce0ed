"""Closed forms: networks so simple that their numbers can be written down."""

from dataclasses import replace

import numpy as np

from rnncheck.case import Array
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.joined import joined
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import Measured, agrees, balances, exactly, measured
from rnncheck.properties.routes.closed_maps import (
    RANGES,
    OneStep,
    at_the_kink,
    biases,
    driven_by_biases,
    first_step,
    phi,
    read_out,
    relus_above,
    with_second_output,
)
from rnncheck.properties.trial import PoolCase, Trial, judged

SATURATING = {"float64": 128.0, "float32": 16.0}
"""A bias at which tanh and sigmoid round to a constant, while e²ᵇ is far from the largest number."""


STRONG_BIAS = {"float64": 1024.0, "float32": 128.0}
"""e to the power of it is beyond the dtype's range, and of minus it is 0."""


@check(
    "a bounded φ or ψ",
    stays="it needs one call of a forward pass, and nothing else",
)
def values_stay_in_range(trial: Trial) -> Outcome:
    """|tanh| ≤ 1, ReLU ≥ 0, 0 ≤ σ ≤ 1, and so every h_t and every y = ψ(...).

    Beyond its bound a value may be by its envelope. Rows without steps, whose h_n is their h0, are
    left out, and so are values of the identity.
    """
    case, spec = trial.case, trial.case.spec
    some = (case.valid_steps() + spec.generated > 0)[:, None]
    of_output = spec.nonlinearity if spec.output_size is None else spec.readout
    bounds = {"output": RANGES[of_output], "h_n": RANGES[spec.nonlinearity]}
    own = {n: a for n, a in trial.forward._asdict().items() if a is not None}

    def compare(envelope: Envelope) -> Outcome:
        comparison = Comparison()
        for name, value in own.items():
            if bounds[name] == RANGES["identity"]:
                continue
            expected = np.where(some, np.clip(value, *bounds[name]), value)
            allowance, error = envelope[name], np.abs(value - expected)
            telling = allowance.telling & some
            comparison.add(name, value, expected, error, allowance.allowed, telling)
        return comparison.outcome(bool(comparison.entries))

    return judged(trial, compare, knows_truth=False)


@check(
    "biases",
    share="some",
    stays="it sees a wrong φ where nothing overflows",
)
def saturation_is_a_constant(trial: Trial) -> Outcome:
    """h_t = φ(b) for every step, row and unit, if W_ih = W_hh = 0 and b is ± a large number.

    1 or -1 of tanh, b or 0 of ReLU, and so on, which the readout then reads at every step. Rows
    without steps keep their h0.
    """
    return _driven_by_biases(trial, SATURATING[trial.case.dtype.name])


@check("biases", "a bounded φ", share="some")
def saturation_does_not_overflow(trial: Trial) -> Outcome:
    """h_t = φ(b) as well if eᵇ overflows: tanh is 1 and σ 0 or 1, and not NaN.

    Arguments beyond a thousand are what an untrained network on large inputs meets.
    """
    return _driven_by_biases(trial, STRONG_BIAS[trial.case.dtype.name])


def _driven_by_biases(trial: Trial, strength: float) -> Outcome:
    """The states of a network of which nothing but the biases is left."""
    case, spec = trial.case, trial.case.spec
    both = 2 in trial.subject.capabilities.bias_vectors
    simple = driven_by_biases(spec, strength, both)
    readout = {n: a for n, a in case.parameters.items() if n in ("weight_ho", "bias_o")}
    parameters = {n: a.astype(case.dtype) for n, a in simple.items()} | readout
    base = trial.on(case.replace(parameters=parameters))
    some = case.valid_steps() + spec.generated > 0
    constant = phi(spec.nonlinearity, biases(spec, simple))[:, None]
    h_n = np.where(some[:, None], constant, case.h0)
    top = np.concatenate(list(h_n[-spec.num_directions :]), axis=-1)
    y = read_out(spec, case.parameters, top)
    output = np.where(case.output_padding()[..., None], 0.0, y)
    return agrees(base, {"output": output, "h_n": h_n}, bool(some.any()))


@check("a readout", share="some")
def constant_readout_is_its_bias(trial: Trial) -> Outcome:
    """y_t = ψ(c) at every step, if W_ho = 0: 1/O of softmax for c = ±S everywhere, S of the identity.

    S is so large that eˢ overflows and e⁻ˢ is 0: a softmax must be shifted by its maximum, whatever the
    sign of that is.
    """
    case, spec = trial.case, trial.case.spec
    if not spec.readout_bias:
        raise NotApplicable("needs a readout with a bias")
    outcomes = []
    for sign in (1.0, -1.0):
        bias = np.full(spec.output_features, sign * STRONG_BIAS[case.dtype.name], case.dtype)
        silent = np.zeros_like(case.parameters["weight_ho"])
        parameters = {**case.parameters, "weight_ho": silent, "bias_o": bias}
        base = trial.on(case.replace(parameters=parameters))
        y = read_out(spec, parameters, np.zeros((1, silent.shape[1])))
        output = np.where(case.output_padding()[..., None], 0.0, y)
        outcomes.append(agrees(base, {"output": output}, bool(output.any())))
    return joined(outcomes)


@check(
    "ReLU",
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="it reports the convention, and sees two in one network",
)
def relu_has_one_slope_at_zero(trial: Trial) -> Outcome:
    """dθ = sᵖ · dθ of the linear network, if every argument of ReLU is 0; s = ReLU'(0) in [0, 1].

    p is the number of ReLUs between θ and the outputs. With x, h0, W_hh and the biases 0 all states
    are 0, and the gradients for x and the biases have such a power; the others do not depend on s.
    Which s it is, is a convention: it is read from the entry with p = 1 that tells it best, and
    every other must agree.
    """
    kinked = at_the_kink(trial.case)
    linear = PoolCase(kinked.replace(spec=replace(kinked.spec, nonlinearity="identity")))
    own, powers = trial.on(kinked).arrays, relus_above(kinked.spec)
    s, doubt = _slope_at_zero(linear, {n: a for n, a in own.items() if powers.get(n) == 1})
    if np.isinf(doubt):
        raise NotApplicable("no cotangent reaches a bias, or x below one layer")
    comparison = Comparison()
    for name, value in own.items():
        exact, allowance, p = linear.truth[name].hi, linear.envelope[name], powers.get(name, 0)
        off = np.abs(value.astype(np.float64) - s**p * exact)
        limit = 2.0 * allowance.allowed + p * doubt * (1.0 + doubt) ** p * np.abs(exact)
        comparison.add(name, value, s**p * exact, off, limit, allowance.telling)
    slope, nearest = np.array([s]), np.array([np.clip(s, 0.0, 1.0)])
    certain = np.array([True])
    comparison.add("ReLU'(0)", slope, nearest, np.abs(slope - nearest), np.array([doubt]), certain)
    return Outcome(tuple(comparison.entries), True, f"ReLU'(0) = {s + 0.0:.6g}")


def _slope_at_zero(linear: PoolCase, arrays: dict[str, Array]) -> tuple[float, float]:
    """s from the entry with the least doubt, and that doubt (infinite if nothing tells it)."""
    best = (0.0, np.inf)
    for name, value in arrays.items():
        exact, allowance = linear.truth[name].hi.ravel(), linear.envelope[name]
        with np.errstate(divide="ignore", invalid="ignore"):
            doubts = 2.0 * allowance.allowed.ravel() / np.abs(exact)
        doubts = np.where(allowance.telling.ravel() & (doubts < 1.0), doubts, np.inf)
        if doubts.size and doubts.min() < best[1]:
            i = int(np.argmin(doubts))
            best = float(value.ravel()[i]) / float(exact[i]), float(doubts[i])
    return best


@check(
    "one layer",
    share="some",
    stays="it tells a mistake within a step from one between steps",
)
def one_step_has_a_closed_form(trial: Trial) -> Outcome:
    """δ = φ'(a) ∘ (Vᵀ ψ' dy + dh_n), a = W_ih x + b_ih + W_hh h0 + b_hh, if T = 1.

    dW_ih = δ xᵀ, dW_hh = δ h0ᵀ, db = δ, dx = W_ihᵀ δ and dh0 = W_hhᵀ δ, summed over rows and
    directions as they share them; h_n = φ(a), and y = ψ(V h + c).
    """
    if not trial.case.T:
        raise NotApplicable("no steps")
    step = first_step(trial.case)
    base = trial.on(step)
    return agrees(base, OneStep(step).arrays(), bool(step.valid_steps().any()))


@check(
    "biases",
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="it ties two gradients without any reference",
)
def constant_input_ties_weights_to_biases(trial: Trial) -> Outcome:
    """dW_ih = db vᵀ in the lowest layer, if x_t = v in every step and row.

    v is of powers of 2, so the products are exact.
    """
    case = trial.case
    v = np.resize((1.0, -2.0, 0.5), case.spec.input_size)
    valid = np.arange(case.T)[:, None] < case.valid_steps()
    x = np.where(valid[..., None], v.astype(case.dtype), case.x)
    base = trial.on(case.replace(x=x))
    sides = {}
    for direction in range(case.spec.num_directions):
        suffix = case.spec.suffix(0, direction)
        b = measured(base, f"bias_ih_{suffix}")
        right = Measured(
            np.outer(b.value, v),
            np.outer(b.allowed, np.abs(v)),
            np.broadcast_to(b.telling[:, None], (len(b.value), len(v))),
        )
        sides[f"weight_ih_{suffix}"] = (measured(base, f"weight_ih_{suffix}"), right)
    some = any(bool(right.value.any()) for _, right in sides.values())
    outcome = balances(sides, some and case.T > 1)
    if outcome.failed and base.envelope.near_kinks:
        return Outcome((), witness=False, note="ReLU kinks: rounding decides its derivative there")
    return outcome


@check(
    "a softmax readout",
    needs_gradients=True,
    stays="it tells a wrong softmax derivative from a wrong readout",
)
def softmax_gradients_cancel(trial: Trial) -> Outcome:
    """Σ_o dc_o = 0 and Σ_o dV_o = 0, if y = softmax(V h + c).

    One number added to every argument changes no softmax: the loss has no slope that way. A network of
    one output, which is 1 whatever its weights are, gets a second one.
    """
    if trial.case.spec.output_features == 1 and not trial.case.spec.generated:
        trial = trial.on(with_second_output(trial.case))
    sides = {}
    for name in ("weight_ho", "bias_o"):
        if name in trial.gradients:
            own = measured(trial, name)
            left = own.weighted(np.ones_like(own.value), axis=0)
            nothing = np.zeros_like(left.value)
            sides[f"Σ of {name}"] = (left, Measured(nothing, nothing, np.ones(nothing.shape, bool)))
    some = any(bool(trial.gradients[name].any()) for name in ("weight_ho",))
    return balances(sides, some and trial.case.spec.output_features > 1)


@check(
    needs_gradients=True,
    share="some",
    stays="it sees what is left over from an earlier backward, to the bit",
)
def no_cotangent_no_gradient(trial: Trial) -> Outcome:
    """dL/dθ = 0 exactly, if d_output = 0 and d_h_n = 0.

    After the gradients of the case itself, of which nothing may be left over. Products with 0 are 0 while
    nothing overflows, so this holds bit for bit.
    """
    case, before = trial.case, trial.gradients
    if trial.envelope.overflowed:
        raise NotApplicable("something may overflow, and 0 · ∞ is not 0")
    padding = case.output_padding()[..., None]
    d_output = np.where(padding, case.d_output, np.zeros_like(case.d_output))
    gradients = trial.on(case.replace(d_output=d_output, d_h_n=np.zeros_like(case.d_h_n))).gradients
    zeros = {name: (array, np.zeros_like(array)) for name, array in gradients.items()}
    return exactly(zeros, any(bool(array.any()) for array in before.values()))
