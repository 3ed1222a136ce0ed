"""Schedules beside torch's, whose recurrences have an envelope of their own; and wrong ones."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import flint
import numpy as np
import pytest
import torch

from rnncheck.case import Array
from rnncheck.oracles.noisy import envelope_of
from rnncheck.training.schedules import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    MultiStep,
    Schedule,
    StepDecay,
)

EPOCHS = 200
LR = 0.3
MILESTONES = (3, 50, 51, 120)
FLOOR = 0.125
Recurrence = Callable[[int, Array, Array], Array]
"""Epoch (from 1), the rate before it and the first one, to the rate: torch's `get_lr`."""
torchs = torch.optim.lr_scheduler


def cosine(e: int, rate: Array, first: Array) -> Array:
    """With (1 + cos) of either epoch as an operation that rounds."""
    floor = FLOOR * first
    return wave_of(e, first) / wave_of(e - 1, first) * (rate - floor) + floor


def wave_of(e: int, first: Array) -> Array:
    return 1.0 + np.cos(first * 0.0 + math.pi * e / EPOCHS)


def linear(e: int, rate: Array, first: Array) -> Array:
    if e > 90:
        return rate
    return rate * (1.0 + (1.0 - 0.25) / (90 * 0.25 + (e - 1) * (1.0 - 0.25)))


SCHEDULES: dict[str, tuple[Schedule, Callable[..., torchs.LRScheduler], Recurrence]] = {
    "constant": (
        Constant(),
        partial(torchs.ConstantLR, factor=1.0),
        lambda e, rate, first: rate,
    ),
    "step": (
        StepDecay(30, 0.7),
        partial(torchs.StepLR, step_size=30, gamma=0.7),
        lambda e, rate, first: rate if e % 30 else rate * 0.7,
    ),
    "milestones": (
        MultiStep(MILESTONES, 0.3),
        partial(torchs.MultiStepLR, milestones=MILESTONES, gamma=0.3),
        lambda e, rate, first: rate * 0.3 if e in MILESTONES else rate,
    ),
    "exponential": (
        Exponential(0.97),
        partial(torchs.ExponentialLR, gamma=0.97),
        lambda e, rate, first: rate * 0.97,
    ),
    "linear": (
        Linear(90, 0.25),
        partial(torchs.LinearLR, start_factor=0.25, total_iters=90),
        linear,
    ),
    "cosine": (
        Cosine(EPOCHS, FLOOR),
        partial(torchs.CosineAnnealingLR, T_max=EPOCHS, eta_min=FLOOR * LR),
        cosine,
    ),
}


def rates(schedule: Schedule, first: Array) -> Array:
    return np.stack([first * schedule(epoch) for epoch in range(EPOCHS)])


def recurred(key: str, first: Array) -> Array:
    """torch's way to the rates, each from the one before."""
    path = [first * 0.25 if key == "linear" else first]
    for epoch in range(1, EPOCHS):
        path.append(SCHEDULES[key][2](epoch, path[-1], first))
    return np.stack(path)


def torch_rates(key: str) -> Array:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    schedule, path = SCHEDULES[key][1](optimizer), []
    for _ in range(EPOCHS):
        path.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(path)


def apart(schedule: Schedule, key: str) -> float:
    """How far a schedule is from torch's, over the envelopes of either side together."""
    first = np.array(LR)
    ours = envelope_of(partial(rates, SCHEDULES[key][0]), first, dtype="float64")
    theirs = envelope_of(partial(recurred, key), first, dtype="float64")
    assert np.isfinite(ours + theirs).all()
    return float((np.abs(rates(schedule, first) - torch_rates(key)) / (ours + theirs)).max())


@pytest.mark.parametrize("key", SCHEDULES)
def test_every_epochs_rate_is_torchs(key: str) -> None:
    assert apart(SCHEDULES[key][0], key) <= 1.0


FAULTS: dict[str, tuple[str, Schedule]] = {
    "step: each epoch": ("step", Exponential(0.7)),
    "step: an epoch late": ("step", lambda e: 0.7 ** (max(e - 1, 0) // 30)),
    "milestones: after, not at": ("milestones", lambda e: 0.3 ** sum(m < e for m in MILESTONES)),
    "exponential: from epoch 1": ("exponential", lambda e: 0.97 ** (e + 1)),
    "linear: backward": ("linear", Linear(90, 1.0, 0.25)),
    "linear: one epoch too many": ("linear", Linear(91, 0.25)),
    "cosine: no half": ("cosine", lambda e: FLOOR + (1 - FLOOR) * math.cos(math.pi * e / EPOCHS)),
    "cosine: floor added": ("cosine", lambda e: FLOOR + Cosine(EPOCHS)(e)),
    "cosine: to the last epoch": ("cosine", Cosine(EPOCHS - 1, FLOOR)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_schedule_is_seen(fault: str) -> None:
    key, schedule = FAULTS[fault]
    assert apart(schedule, key) > 1.0


def test_powers_of_one_half_are_exact() -> None:
    for e in range(EPOCHS):
        assert StepDecay(7, 0.5)(e) == Fraction(1, 2 ** (e // 7))
        assert Exponential(0.5)(e) == Fraction(1, 2**e)
        assert MultiStep((2, 3), 0.5)(e) == Fraction(1, 1 + (e >= 2) + 2 * (e >= 3))
        assert Constant(0.5)(e) == 0.5


def test_the_line_is_exact_where_its_steps_are() -> None:
    schedule = Linear(64, 0.25, 2.25)
    for e in range(EPOCHS):
        assert schedule(e) == Fraction(1, 4) + 2 * Fraction(min(e, 64), 64)


def test_the_cosine_is_that_of_ball_arithmetic() -> None:
    """1 + cos: 2 for each of argument (3 roundings, |x| < π, |sin| ≤ 1: below 10u) and cos (2u)."""
    unit = 2.0**-53
    with flint.ctx.workprec(128):
        for e in range(EPOCHS):
            angle = flint.arb.pi() * e / EPOCHS
            truth = FLOOR + (1 - FLOOR) * (1 + angle.cos()) / 2
            # half of (10u + 2u + 2·2u), times 1 - floor, and two roundings of a value up to 1
            assert abs(Cosine(EPOCHS, FLOOR)(e) - truth) < (8.0 + 2.0) * unit


def test_after_its_epochs_a_schedule_stays() -> None:
    assert [Linear(4, 0.5)(e) for e in (4, 5, 99)] == [1.0, 1.0, 1.0]
    assert [Cosine(4, 0.5)(e) for e in (0, 4, 5, 99)] == [1.0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(0), "step_size must be at least 1, not 0"),
        (lambda: Linear(0), "epochs must be at least 1, not 0"),
        (lambda: Cosine(-3), "epochs must be at least 1, not -3"),
    ],
)
def test_an_option_out_of_range_is_named(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
