"""Where floating point does not round, every right implementation gives the same bits."""

from rnncheck.case import Array
from rnncheck.oracles import dyadic
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.trial import Trial


@check(kind="dyadic")
def dyadic_results_are_exact(trial: Trial) -> Outcome:
    """f(case) = the rational result, bit for bit, if everything is a multiple of 1/4 and φ linear or ReLU.

    Output, final state and every gradient of cases in which no operation rounds, in whatever order the
    sums are taken. Only the sign of a zero is left open, and ReLU's derivative where its argument is 0.
    """
    if not dyadic.fits(trial.case):
        raise NotApplicable("the case is not dyadic")
    results: dict[str, Array | None] = dict(trial.forward._asdict())
    if trial.subject.capabilities.gradients:
        results |= trial.gradients
    comparison = Comparison()
    for name, value in results.items():
        exact = trial.truth[name]
        if value is None or (trial.truth.kinks and name not in ("output", "h_n")):
            continue
        if exact.radius.any() or exact.lo.any():
            raise AssertionError(f"{name} of a dyadic case is not exact: the bit budget is wrong")
        comparison.add_exact(name, value, exact.hi)
    return comparison.outcome(trial.case.T > 1)
