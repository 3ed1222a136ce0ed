"""The error of a network on a case as a fraction of what the envelope allows."""

import numpy as np

from rnncheck.implementation import Implementation
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.trial import PoolCase, Trial


def worst_ratios(
    subject: Implementation, entry: PoolCase, allowed: Envelope | None = None
) -> dict[str, float]:
    """By array: the largest error of a telling entry, over its allowance.

    Gradients near a kink of ReLU are left out: what they are there is a convention.
    """
    allowed = allowed or entry.envelope
    trial, truth = Trial(subject, entry), entry.truth
    results = {k: v for k, v in trial.forward._asdict().items() if v is not None}
    if not (truth.kinks or entry.envelope.near_kinks):
        results |= trial.gradients
    ratios = {}
    for name, value in results.items():
        allowance, exact = allowed[name], truth[name]
        if allowance.telling.any():
            shares = exact.error(value) / (allowance.allowed + exact.radius)
            ratios[name] = float(np.max(shares[allowance.telling]))
            off = exact.is_off(value, allowance)
            assert off.any() == (ratios[name] > 1.0), name
    return ratios
