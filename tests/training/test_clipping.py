"""Clipping beside torch's, and exactly where it is exact; and wrong clipping."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pytest
import torch
from training.trajectory import DTYPES, STEPS, excess_over, gradients

from rnncheck.case import Array
from rnncheck.oracles.noisy import envelope_of
from rnncheck.training.clipping import ClipNorm, Clipping, ClipValue

Clip = Callable[[dict[str, Array]], dict[str, Array]]


def network(step: Array) -> dict[str, Array]:
    """One step's nine entries as the gradients of three parameters."""
    return {"weight": step[:6].reshape(2, 3), "bias": step[6:8], "scale": step[8:].reshape(())}


def clipped(clip: Clip, steps: Array) -> Array:
    """Every step's gradients, clipped, in one row."""
    rows = [clip(network(step)) for step in steps]
    return np.stack([np.concatenate([g.reshape(-1) for g in row.values()]) for row in rows])


def torchs(clip: Callable[[list[torch.Tensor]], object], steps: Array) -> Array:
    rows = []
    for step in steps:
        leaves = [torch.nn.Parameter(torch.zeros(g.shape)) for g in network(step).values()]
        for leaf, g in zip(leaves, network(step).values(), strict=True):
            leaf.data = leaf.data.to(torch.tensor(g).dtype)
            leaf.grad = torch.tensor(g)
        clip(list(leaves))
        rows.append(np.concatenate([leaf.grad.numpy().ravel() for leaf in leaves]))
    return np.stack(rows)


LIMIT = 2.0**-10  # so that torch's 1e-6 is seen in float32 too
NORM = partial(torch.nn.utils.clip_grad_norm_, max_norm=LIMIT)
VALUE = partial(torch.nn.utils.clip_grad_value_, clip_value=0.5)


@cache
def drawn(dtype: str) -> tuple[Array, Array, Array]:
    """200 steps of gradients, torch's clipping of them to a norm and what may differ from it."""
    steps = gradients(np.random.default_rng(4), dtype, 9)
    allowed = envelope_of(partial(clipped, ClipNorm(LIMIT).clip), steps, dtype=dtype)
    return steps, torchs(NORM, steps), allowed


def apart(clip: Clip, dtype: str) -> float:
    """How far from torch's clipping to a norm, over two envelopes."""
    steps, other, allowed = drawn(dtype)
    found = clipped(clip, steps)
    assert found.dtype == dtype
    return excess_over(found, other, allowed)


@pytest.mark.parametrize("dtype", DTYPES)
def test_clipping_to_a_norm_is_torchs(dtype: str) -> None:
    assert apart(ClipNorm(LIMIT).clip, dtype) <= 1.0


@pytest.mark.parametrize("dtype", DTYPES)
def test_clipping_to_a_value_is_torchs_to_the_bit(dtype: str) -> None:
    steps = gradients(np.random.default_rng(4), dtype, 9)
    found = clipped(ClipValue(0.5).clip, steps)
    assert found.dtype == dtype
    assert np.array_equal(found, torchs(VALUE, steps))
    assert 0 < (np.abs(steps) > 0.5).sum() < np.count_nonzero(steps)


def each_alone(gradients: dict[str, Array]) -> dict[str, Array]:
    return {name: ClipNorm(LIMIT).clip({name: g})[name] for name, g in gradients.items()}


def scaled_by(factor: Callable[[Array], Array]) -> Clip:
    def clip(gradients: dict[str, Array]) -> dict[str, Array]:
        squares = np.sum(np.stack([np.sum(g * g) for g in gradients.values()]))
        return {name: g * factor(squares) for name, g in gradients.items()}

    return clip


FAULTS: dict[str, Clip] = {
    "each parameter alone": each_alone,
    "the square of the norm": scaled_by(lambda s: np.minimum(1.0, LIMIT / (s + 1e-6))),
    "also upwards": scaled_by(lambda s: LIMIT / (np.sqrt(s) + 1e-6)),
    "without 1e-6": scaled_by(lambda s: np.minimum(1.0, LIMIT / np.maximum(np.sqrt(s), 1e-30))),
    "never": dict,
    "to a value": ClipValue(LIMIT).clip,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_clipping_is_seen(fault: str, dtype: str) -> None:
    assert apart(FAULTS[fault], dtype) > 1.0


def test_the_steps_are_clipped_and_not_clipped() -> None:
    norms = np.linalg.norm(gradients(np.random.default_rng(4), "float64", 9), axis=1)
    assert (norms == 0).sum() > STEPS / 10
    assert (norms > LIMIT).sum() > STEPS / 10
    assert ((norms > 0) & (norms < LIMIT)).sum() > STEPS / 10


def test_a_norm_of_5_in_closed_form() -> None:
    """3² + 4² = 5² over two parameters, so that every number but the 1e-6 is exact."""
    g = {"weight": np.array([[3.0]]), "bias": np.array([4.0])}
    found = ClipNorm(1.0).clip(g)
    assert found["weight"] == 3.0 * (1.0 / (5.0 + 1e-6))
    assert found["bias"] == 4.0 * (1.0 / (5.0 + 1e-6))
    same = ClipNorm(6.0).clip(g)
    assert {name: a.tolist() for name, a in same.items()} == {"weight": [[3.0]], "bias": [4.0]}


def test_zeros_stay_and_what_is_given_is_not_changed() -> None:
    g = {"weight": np.array([0.0, 3.0]), "bias": np.zeros(2)}
    for array in g.values():
        array.setflags(write=False)
    for clip in (ClipValue(1.0), ClipNorm(1.0), ClipNorm(0.0)):
        assert not clip.clip(g)["bias"].any()
        assert clip.clip({"bias": g["bias"]})["bias"].tolist() == [0.0, 0.0]
        assert clip.clip({}) == {}


def test_a_gradient_that_overflows_the_norm_comes_back_as_0_as_in_torch() -> None:
    steps = np.full((1, 9), 1e200)
    assert not clipped(ClipNorm(1.0).clip, steps).any()
    assert not torchs(NORM, steps).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClipValue(-1.0), r"limit must be at least 0, not -1\.0"),
        (lambda: ClipNorm(float("nan")), "max_norm must be at least 0, not nan"),
    ],
)
def test_a_limit_out_of_range_is_named(make: Callable[[], Clipping], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
