"""Is it the network it claims to be, and is its gradient that network's? Against exact truth."""

from rnncheck.case import Array
from rnncheck.properties.outcome import Comparison, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.trial import Trial


@check()
def forward_matches_truth(trial: Trial) -> Outcome:
    """h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), for every step, row and unit.

    `output` and `h_n` are compared, entry by entry, with an enclosure of the true value (ball
    arithmetic), and may stray by what rounding can do on this very case (the envelope).
    """
    comparison = Comparison()
    output, h_n = trial.forward
    compare_with_truth(trial, comparison, "output", output)
    if h_n is not None:
        compare_with_truth(trial, comparison, "h_n", h_n)
    note = "" if h_n is not None else "forward gives no h_n"
    return comparison.outcome(trial.case.T > 1, note)


@check(needs_gradients=True)
def gradient_matches_truth(trial: Trial) -> Outcome:
    """dL/dθ for L = <d_output, output> + <d_h_n, h_n>, for every parameter, x and h0.

    The gradients are compared, entry by entry, with those of the true network, whether or not
    the implementation's own forward pass is that network. Where ReLU's argument is 0, or so near
    that rounding decides its sign, any derivative in [0, 1] is right and the case
    says nothing unless it agrees.
    """
    comparison, gradients = Comparison(), trial.gradients
    for name, gradient in gradients.items():
        compare_with_truth(trial, comparison, name, gradient)
    left_out = [name for name in ("x", "h0") if name not in gradients]
    note = f"no gradient for {' and '.join(left_out)} is given" if left_out else ""
    outcome = comparison.outcome(trial.case.T > 1, note)
    if outcome.failed and (trial.truth.kinks or trial.envelope.near_kinks):
        return Outcome((), witness=False, note="ReLU kinks: its derivative there is a convention")
    return outcome


def compare_with_truth(trial: Trial, comparison: Comparison, name: str, value: Array) -> None:
    """Add one array against its exact value; the enclosure's own radius is allowed on top."""
    exact, allowance = trial.truth[name], trial.envelope[name]
    allowed = allowance.allowed + exact.radius
    comparison.add(name, value, exact.hi, exact.error(value), allowed, allowance.telling)
