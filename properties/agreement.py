"""Do independent implementations agree? Each is wrong in its own way, if at all."""

import importlib
from functools import partial

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Implementation
from rnncheck.implementations.references import NAMES, reference
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.trial import Refused, Trial, has_torch, judged


@check(
    stays="three independent networks guard against a mistake in the oracle itself",
)
def agrees_with_references(trial: Trial) -> Outcome:
    """f(case) = scalar(case) = manual(case) = autodiff(case): output, h_n and every gradient.

    Three references that share no mathematics. Each of two may stray by one envelope, so
    together they may differ by two.
    """
    names = [name for name in NAMES if name != trial.subject.name]
    others = [trial.other(name, partial(reference, name)) for name in names]
    met = [other for other in others if other.subject.capabilities.missing(trial.case) is None]
    if not met:
        raise NotApplicable(f"no reference runs {trial.case.sizes()}")
    return _agreement(trial, met)


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
        raise NotApplicable(f"beyond torch.nn.RNN: {missing}")
    return _agreement(trial, [other])


def _agreement(trial: Trial, others: list[Trial]) -> Outcome:
    """Every array that both have, against each of the others."""
    mine: dict[str, Array | None] = dict(trial.forward._asdict())
    if trial.subject.capabilities.gradients:
        mine |= trial.gradients
    try:
        theirs = [{**other.forward._asdict(), **other.gradients} for other in others]
    except Refused:
        raise NotApplicable(f"another network refuses {trial.case.sizes()}") from None

    def compare(allowed: Envelope) -> Outcome:
        comparison = Comparison()
        for name, value in mine.items():
            for arrays in theirs:
                if value is None or arrays[name] is None:
                    continue
                with np.errstate(invalid="ignore"):  # inf - inf, where a state has overflown
                    error = abs(value.astype("float64") - arrays[name].astype("float64"))
                allowance = allowed[name]
                limit = 2.0 * allowance.allowed
                comparison.add(name, value, arrays[name], error, limit, allowance.telling)
        return comparison.outcome(trial.case.T > 1)

    outcome = judged(trial, compare)
    if outcome.failed and (trial.truth.kinks or trial.envelope.near_kinks):
        return Outcome((), witness=False, note="ReLU kinks: its derivative there is a convention")
    return outcome


def _torch() -> Implementation:
    adapter: Implementation = importlib.import_module("rnncheck.adapters.torch").TorchRNN()
    return adapter
