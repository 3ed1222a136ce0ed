"""Do independent implementations agree? Each is wrong in its own way, if at all."""

import importlib

from rnncheck.case import Array
from rnncheck.implementation import Implementation
from rnncheck.implementations.references import NAMES, reference
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.trial import Refused, Trial, has_torch


@check()
def agrees_with_references(trial: Trial) -> Outcome:
    """f(case) = scalar(case) = manual(case) = autodiff(case): output, h_n and every gradient.

    Three references that share no mathematics. Each of two may stray by one envelope, so
    together they may differ by two.
    """
    names = [name for name in NAMES if name != trial.subject.name]
    comparison, met = Comparison(), []
    for name in names:
        other = trial.other(name, lambda name=name: reference(name))  # type: ignore[misc]
        if other.subject.capabilities.missing(trial.case) is None:
            compare_with_other(trial, other, comparison)
            met.append(name)
    if not met:
        raise NotApplicable(f"no reference runs {trial.case.sizes()}")
    return _outcome(trial, comparison)


@check(needs_torch=True)
def agrees_with_torch(trial: Trial) -> Outcome:
    """f(case) = torch.nn.RNN(case): output, h_n and every gradient.

    Each of the two may stray by one envelope, so together they may differ by two.
    """
    if trial.subject.name == "torch":
        raise NotApplicable("it is torch")
    if not has_torch():
        raise NotApplicable("torch is not installed (pip install 'rnncheck[torch]')")
    other = trial.other("torch", _torch)
    missing = other.subject.capabilities.missing(trial.case)
    if missing:
        raise NotApplicable(f"torch.nn.RNN has no {missing}")
    comparison = Comparison()
    compare_with_other(trial, other, comparison)
    return _outcome(trial, comparison)


def compare_with_other(trial: Trial, other: Trial, comparison: Comparison) -> None:
    """Add every array that both have."""
    mine: dict[str, Array | None] = dict(trial.forward._asdict())
    if trial.subject.capabilities.gradients:
        mine |= trial.gradients
    try:
        theirs = {**other.forward._asdict(), **other.gradients}
    except Refused:
        raise NotApplicable(f"{other.subject.name} refuses {trial.case.sizes()}") from None
    for name, value in mine.items():
        expected = theirs.get(name)
        if value is None or expected is None:
            continue
        allowance = trial.envelope[name]
        error = abs(value.astype("float64") - expected.astype("float64"))
        comparison.add(name, value, expected, error, 2.0 * allowance.allowed, allowance.telling)


def _outcome(trial: Trial, comparison: Comparison) -> Outcome:
    outcome = comparison.outcome(trial.case.T > 1)
    if outcome.failed and trial.envelope.near_kinks:
        return Outcome((), witness=False, note="ReLU kinks: its derivative there is a convention")
    return outcome


def _torch() -> Implementation:
    adapter: Implementation = importlib.import_module("rnncheck.adapters.torch").TorchRNN()
    return adapter
