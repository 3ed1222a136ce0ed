"""Is it the network it claims to be, and is its gradient that network's? Against exact truth."""

from rnncheck.case import Array
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.outcome import Comparison, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.trial import Trial, judged


@check()
def forward_matches_truth(trial: Trial) -> Outcome:
    """h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), for every step, row and unit.

    `output` and `h_n` are compared, entry by entry, with an enclosure of the true value (ball
    arithmetic), and may stray by what rounding can do on this very case (the envelope).
    """
    arrays = {name: v for name, v in trial.forward._asdict().items() if v is not None}
    note = "" if "h_n" in arrays else "forward gives no h_n"
    return judged(trial, lambda allowed: _compare(trial, arrays, allowed, note))


@check(needs_gradients=True)
def gradient_matches_truth(trial: Trial) -> Outcome:
    """dL/dθ for L = <d_output, output> + <d_h_n, h_n>, for every parameter, x and h0.

    The gradients are compared, entry by entry, with those of the true network, whether or not
    the implementation's own forward pass is that network. Where ReLU's argument is 0, or so near
    that rounding decides its sign, any derivative in [0, 1] is right and the case
    says nothing unless it agrees.
    """
    gradients = trial.gradients
    left_out = [name for name in ("x", "h0") if name not in gradients]
    note = f"no gradient for {' and '.join(left_out)} is given" if left_out else ""
    outcome = judged(trial, lambda allowed: _compare(trial, gradients, allowed, note))
    if outcome.failed and (trial.truth.kinks or trial.envelope.near_kinks):
        return Outcome((), witness=False, note="ReLU kinks: its derivative there is a convention")
    return outcome


def _compare(trial: Trial, arrays: dict[str, Array], allowed: Envelope, note: str) -> Outcome:
    """Every array against its exact value; the enclosure's own radius is allowed on top."""
    comparison = Comparison()
    for name, value in arrays.items():
        exact, allowance = trial.truth[name], allowed[name]
        limit = allowance.allowed + exact.radius
        comparison.add(name, value, exact.hi, exact.error(value), limit, allowance.telling)
    return comparison.outcome(trial.case.T > 1, note)
