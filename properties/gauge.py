"""What a network does not depend on: the order, sign and scale of its units, and what follows from it."""

import operator
from functools import reduce

import numpy as np

from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees, balances, measured
from rnncheck.properties.routes import gauge_additions as more
from rnncheck.properties.routes import gauge_runs as runs
from rnncheck.properties.routes.gauge_charges import by_row, charges, inner, of_gradient, of_result
from rnncheck.properties.routes.gauge_maps import gauge, permutations, scales
from rnncheck.properties.trial import Trial


@check(share="some")
def hidden_units_can_be_permuted(trial: Trial) -> Outcome:
    """f(P W Q⁻¹, P U P⁻¹, P b, Q x, P h0) = P f(W, U, b, x, h0) for permutations P of units, Q of features.

    Every cell's units, the features and a readout's outputs in another order: output, h_n and all
    gradients follow. The same sums in another order, so each run is within the case's own envelope.
    """
    spec = trial.case.spec
    change = gauge(spec, permutations(runs.random_of(trial.case)))
    return runs.in_other_coordinates(trial, change, spec.hidden_size > 1)


@check(
    "an odd nonlinearity",
    share="some",
    stays="it tells a φ that is not odd from other mistakes",
)
def signs_of_units_can_be_flipped(trial: Trial) -> Outcome:
    """f(S W R⁻¹, S U S⁻¹, S b, R x, S h0) = S f(W, U, b, x, h0) for diagonal S, R of ±1 and φ(-a) = -φ(a).

    Nothing is rounded differently but by an activation that is not quite odd.
    """
    spec = trial.case.spec
    draw = scales(runs.random_of(trial.case), (-1.0, 1.0))
    return runs.in_other_coordinates(trial, gauge(spec, draw, spec.readout == "identity"), True)


@check(
    "ReLU or identity",
    share="some",
    stays="it is exact: one bit is enough",
)
def units_can_be_rescaled(trial: Trial) -> Outcome:
    """f(D W R⁻¹, D U D⁻¹, D b, R x, D h0) = D f(W, U, b, x, h0) for diagonal D, R > 0 and φ(s a) = s φ(a).

    The scales are 1/2, 1, 2 and 4, which round nothing; the case says nothing where they leave the
    range of floats. Gradual underflow errs by u times the smallest normal number, of which the envelope
    allows 4 for each operation: no factor of 8 matters.
    """
    spec = trial.case.spec
    draw = scales(runs.random_of(trial.case), (2.0, 0.5, 1.0, 4.0))
    return runs.in_other_coordinates(trial, gauge(spec, draw, spec.readout == "identity"), True)


@check(
    "an odd nonlinearity",
    "no nonlinear readout",
    share="some",
    stays="it needs a forward pass alone",
)
def odd_networks_flip_with_their_inputs(trial: Trial) -> Outcome:
    """f(-x, -h0, -b, -c) = -f(x, h0, b, c) if φ(-a) = -φ(a); dW flips too, dx, dh0, db and dc stay."""
    return runs.with_inputs_scaled(trial, -1.0)


@check(
    "ReLU or identity",
    "no nonlinear readout",
    share="some",
    stays="it tells a φ with a scale of its own from other mistakes",
)
def homogeneous_networks_scale_with_their_inputs(trial: Trial) -> Outcome:
    """f(s x, s h0, s b, s c) = s f(x, h0, b, c) if φ(s a) = s φ(a), s > 0; dW ∝ s, and dx, dh0, db, dc stay.

    s = 16, which rounds nothing.
    """
    return runs.with_inputs_scaled(trial, 16.0)


@check("biases", share="some")
@np.errstate(all="ignore")
def biases_act_by_their_sum(trial: Trial) -> Outcome:
    """f(b_ih, b_hh) = f(b_hh, b_ih) = f(b_ih + b_hh, 0): output, h_n and every gradient.

    Adding the two first is one of the orders in which φ's argument may be summed.
    """
    case = trial.case
    if 2 not in trial.subject.capabilities.bias_vectors:
        raise NotApplicable("it has one bias vector")
    own = case.parameters
    pairs = [(f"bias_ih_{s}", f"bias_hh_{s}") for s in runs.suffixes(case)]
    swapped = {b: own[a] for pair in pairs for a, b in (pair, pair[::-1])}
    merged = {a: own[a] + own[b] for a, b in pairs} | {b: np.zeros_like(own[b]) for _, b in pairs}
    telling = case.T > 0 and any(own[b].any() for _, b in pairs)
    outcomes = []
    for biases in (swapped, merged):
        other = trial.on(case.replace(parameters={**own, **biases}))
        outcomes.append(runs.same(trial, other, other.arrays, telling))
    return runs.together(*outcomes)


@check("no generated steps", share="some")
def a_zero_feature_changes_nothing(trial: Trial) -> Outcome:
    """f([x, 0], [W_ih, w]) = f(x, W_ih) for every w: output, h_n and every gradient; dw = 0 exactly.

    Products with an exact 0 round nothing, nor do their sums.
    """
    case, random = trial.case, runs.random_of(trial.case)
    H = case.spec.hidden_size
    weights = {n: random.choice((-1.0, -0.5, 0.5, 1.0), H) for n in more.first_weights(case.spec)}
    other = trial.on(more.with_feature(case, 0.0, weights))
    outcome = runs.same(trial, other, more.without_feature(other.arrays, case.spec), case.T > 0)
    if not trial.subject.capabilities.gradients or trial.envelope.overflowed:
        return outcome
    columns = more.new_columns(other.arrays, case.spec)
    return runs.together(outcome, runs.zero(columns, "the zero feature's weights"))


@check(
    "biases", "no generated steps", share="some", stays="it tells a wrong bias from a wrong weight"
)
@np.errstate(all="ignore")
def a_bias_is_the_weight_of_a_one(trial: Trial) -> Outcome:
    """f(x, W_ih, b_ih, b_hh) = f([x, 1], [W_ih, b_ih + b_hh], 0, 0), and db is the new weights' gradient.

    In the first layer. The argument of φ has the same terms as before, and so have the sums over time.
    """
    case = trial.case
    own, zero = case.parameters, np.zeros(case.spec.hidden_size, case.dtype)
    names = {name: name.removeprefix("weight_ih_") for name in more.first_weights(case.spec)}
    weights = {n: own[f"bias_ih_{s}"] + own[f"bias_hh_{s}"] for n, s in names.items()}
    none = {f"bias_{kind}_{s}": zero for s in names.values() for kind in ("ih", "hh")}
    wider = more.with_feature(case.replace(parameters={**own, **none}), 1.0, weights)
    other = trial.on(wider)
    telling = case.T > 0 and any(w.any() for w in weights.values())
    return runs.same(trial, other, runs.bias_from_feature(trial, other.arrays), telling)


@check(
    "biases",
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="it tells a wrong bias gradient from a wrong weight gradient",
)
def a_feature_of_ones_learns_like_a_bias(trial: Trial) -> Outcome:
    """f([x, 1], [W_ih, 0]) = f(x, W_ih), and the gradient for the 0 is db: Σ δ_t · 1 = Σ δ_t."""
    case = trial.case
    weights = {n: np.zeros(case.spec.hidden_size) for n in more.first_weights(case.spec)}
    other = trial.on(more.with_feature(case, 1.0, weights))
    return runs.same(trial, other, runs.bias_from_feature(trial, other.arrays), case.T > 1)


@check(share="some")
def a_dead_unit_changes_nothing(trial: Trial) -> Outcome:
    """f of a network with one more unit in each cell, all of whose outgoing weights are 0, is f without it.

    Output, h_n and every gradient; and since nothing comes back to the unit (δ = φ' · Σ 0 · δ'), the
    gradients for what leads into it are exactly 0. Products with an exact 0 round nothing.
    """
    case = trial.case
    other = trial.on(more.with_dead_units(case))
    outcome = runs.same(trial, other, more.without_dead_units(other.arrays, case.spec), case.T > 1)
    if not trial.subject.capabilities.gradients or trial.envelope.overflowed:
        return outcome
    into = more.of_dead_units(other.arrays, case.spec)
    return runs.together(outcome, runs.zero(into, "the dead unit's"))


@check(
    needs_gradients=True,
    share="some",
    stays="it tells what is not linear in the cotangent from other mistakes",
)
@np.errstate(all="ignore")
def gradients_scale_with_cotangents(trial: Trial) -> Outcome:
    """∇(d/4) = ∇(d)/4: back-propagation is linear in the cotangents of output and h_n.

    A quarter rounds nothing unless something underflows, of which the envelope allows for more.
    """
    case = trial.case
    quarter = runs.with_cotangents(case, case.d_output / 4, case.d_h_n / 4)
    runs.require_same(runs.with_cotangents(quarter, quarter.d_output * 4, quarter.d_h_n * 4), case)
    gradients = trial.on(quarter).gradients
    return agrees(trial, {name: 4 * gradient for name, gradient in gradients.items()}, case.T > 1)


@check(
    needs_gradients=True,
    share="some",
    stays="it tells what is not linear in the cotangent from other mistakes",
)
def gradients_add_over_cotangents(trial: Trial) -> Outcome:
    """∇(d + d') = ∇(d) + ∇(d'), the case's own cotangents dealt out to d and d' entry by entry.

    Each of the three is within its own envelope: where d and d' cancel, their parts need not be small.
    """
    case, random = trial.case, runs.random_of(trial.case)
    first = [random.random(d.shape) < 0.5 for d in (case.d_output, case.d_h_n)]
    parts = [
        runs.with_cotangents(case, np.where(a, case.d_output, 0), np.where(b, case.d_h_n, 0))
        for a, b in (first, [~mask for mask in first])
    ]
    trials = [trial, *(trial.on(part) for part in parts)]
    telling = case.T > 1 and all(runs.any_cotangent(part) for part in parts)

    def compare(allowed: list[Envelope]) -> Outcome:
        sides = {}
        for name in trial.gradients:
            if all(name in t.gradients for t in trials):
                left, *right = (measured(t, name, a) for t, a in zip(trials, allowed, strict=True))
                sides[name] = left, reduce(operator.add, right)
        return balances(sides, telling)

    return runs.settled(trials, compare)


@check(
    "biases",
    needs_gradients=True,
    stays="it tells which of two biases is wrong",
)
def both_biases_have_one_gradient(trial: Trial) -> Outcome:
    """db_ih = db_hh: φ's argument depends on their sum alone."""
    own, ends = trial.gradients, runs.suffixes(trial.case)
    pairs = {f"bias_ih_{s}": own[f"bias_hh_{s}"] for s in ends if f"bias_hh_{s}" in own}
    return agrees(trial, pairs, trial.case.T > 1)


@check("ReLU or identity", "no nonlinear readout", "no truncation", needs_gradients=True)
def homogeneous_networks_obey_euler(trial: Trial) -> Outcome:
    """<x, dx> + <h0, dh0> + <b, db> + <c, dc> = <d_output, output> + <d_h_n, h_n>, Euler's identity.

    With φ(s a) = s φ(a) and a linear readout, f(s x, s h0, s b, s c) = s f; differentiate at s = 1 along
    the cotangents. At a kink of ReLU φ'(a) a = φ(a) = 0 whatever φ' is.
    """
    spec = trial.case.spec
    names = ["x", "h0", *(name for name in spec.parameter_shapes() if name.startswith("bias"))]

    def compare(allowed: list[Envelope]) -> Outcome:
        left = (term for n in names for term in of_gradient(trial, n, allowed[0]))
        right = (term for n in ("output", "h_n") for term in of_result(trial, n, allowed[0]))
        return balances({"<input, gradient>": (inner(left), inner(right))}, trial.case.T > 1)

    return runs.settled([trial], compare)


@check("a linear readout", "no generated steps", needs_gradients=True)
def linear_readouts_obey_euler(trial: Trial) -> Outcome:
    """V_o · dV_o + c_o dc_o = Σ d_output_o · output_o for every output o: it is linear in (V_o, c_o)."""

    def compare(allowed: list[Envelope]) -> Outcome:
        names = [name for name in ("weight_ho", "bias_o") if name in trial.case.parameters]
        left = (term for n in names for term in of_gradient(trial, n, allowed[0]))
        sides = by_row(left), by_row(of_result(trial, "output", allowed[0]))
        return balances({"V_o · dV_o + c_o dc_o": sides}, trial.case.T > 1)

    return runs.settled([trial], compare)


@check("ReLU or identity", "no truncation", needs_gradients=True)
def each_unit_conserves_its_charge(trial: Trial) -> Outcome:
    """W_j·dW_j + U_j·dU_j + b_j db_j + h0_j·dh0_j = U_:j·dU_:j + O_:j·dO_:j + d_h_n_j·h_n_j for every unit.

    Scale unit j of a cell by s: its incoming rows W_j, U_j, b_j and h0_j times s, its outgoing columns
    U_:j and O_:j (the next layer's weight_ih in both directions, or the readout's weights) divided by s.
    If φ(s a) = s φ(a) its states become s h, and nothing else changes, but for what the unit itself
    puts out: h_n_j and, of a top layer without a readout, its output, whose term d_output_j·output_j
    joins the right side. d/ds <cotangents, f> at s = 1 is the law (E. Noether's theorem for this symmetry).
    A readout of any ψ reads V h, which stays, and so does what is fed back through it; states that are
    fed back as x are scaled with it, so x_j·dx_j joins the left side and the first weight_ih the right.
    Dropout's multipliers commute with a scale. Where φ is the identity, and without dropout, A = 1 + ε E
    commutes with it for every matrix E, and the law holds between every two units i, j:
    (dW Wᵀ + dU Uᵀ + db bᵀ + dh0 h0ᵀ)_ij = (Uᵀ dU + Oᵀ dO + d_h_n h_nᵀ)_ij.
    """

    def compare(allowed: list[Envelope]) -> Outcome:
        return balances(charges(trial, allowed[0]), trial.case.T > 1)

    return runs.settled([trial], compare)
