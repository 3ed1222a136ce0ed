"""Losses beside torch's, beside exact numbers and exact derivatives; and wrong ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import flint
import numpy as np
import pytest
import torch
from training.trajectory import DTYPES, excess

from rnncheck.case import Array, IntArray
from rnncheck.oracles.noisy import envelope_of
from rnncheck.training.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Loss,
    SoftmaxCrossEntropy,
    SquaredError,
)

F = torch.nn.functional
LOSSES: tuple[type[Loss], ...] = (
    SquaredError,
    BinaryCrossEntropy,
    CrossEntropy,
    SoftmaxCrossEntropy,
)
PARTS = ("value", "cotangent")


@dataclass(frozen=True)
class Drawn:
    """An output with its target, and NaN wherever nothing may count."""

    output: Array
    target: Array | IntArray
    lengths: IntArray | None

    def counted(self, steps: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """`(T, B)`, by one loop over the rows."""
        T, B = self.output.shape[:2]
        chosen = np.zeros((T, B), bool)
        for b in range(B):
            end = T if self.lengths is None or T == 1 else int(self.lengths[b])
            chosen[end - 1 if steps == "last" else 0 : end, b] = end > 0
        return chosen


def draw(kind: type[Loss], seed: int, dtype: str) -> Drawn:
    """Every third draw has no lengths, every second class numbers; some have T, B or O = 1."""
    rng = np.random.default_rng(seed)
    T, B, features = (int(n) for n in rng.integers(1, 7, 3))
    if kind in (CrossEntropy, SoftmaxCrossEntropy):
        z = rng.normal(size=(T, B, features)) * 10.0 ** rng.uniform(-1, 1)
        e = np.exp(z)
        output = z if kind is SoftmaxCrossEntropy else e / e.sum(axis=-1, keepdims=True)
        numbers = rng.integers(0, features, (T, B))
        target: Any = numbers if seed % 2 else np.eye(features)[numbers]
    else:
        output = rng.uniform(0.001, 0.999, (T, B, features)) * 10.0 ** -rng.integers(0, 8)
        target = rng.uniform(size=(T, B, features)) if seed % 2 else (output > 0.3) * 1.0
    output, target = (
        output.astype(dtype),
        target if target.dtype.kind == "i" else target.astype(dtype),
    )
    lengths = rng.integers(0, T + 1, B) if seed % 3 else None
    if lengths is not None and T > 1:
        lengths[rng.integers(B)] = T
        padding = np.arange(T)[:, None] >= lengths
        output[padding] = np.nan
        target[padding] = -100 if target.dtype.kind == "i" else np.nan
    return Drawn(output, target, lengths)


def torchs(loss: Loss, drawn: Drawn, as_kind: type[Loss]) -> dict[str, Array]:
    """torch's function of what counts, picked out, and its gradient for the whole output."""
    output = torch.tensor(drawn.output, requires_grad=True)
    chosen = torch.tensor(drawn.counted(loss.steps))
    y = torch.tensor(drawn.target)[chosen]
    value = FUNCTIONS[as_kind](output[chosen], y, reduction=loss.reduction)
    value.backward()
    assert output.grad is not None
    return {"value": value.detach().numpy(), "cotangent": output.grad.numpy()}


def nll(p: torch.Tensor, y: torch.Tensor, reduction: str) -> torch.Tensor:
    numbers = y if y.ndim == 1 else y.argmax(dim=-1)
    return F.nll_loss(p.log(), numbers, reduction=reduction)


FUNCTIONS: dict[type[Loss], Callable[..., torch.Tensor]] = {
    SquaredError: F.mse_loss,
    BinaryCrossEntropy: F.binary_cross_entropy,
    CrossEntropy: nll,
    SoftmaxCrossEntropy: F.cross_entropy,
}


def apart(loss: Loss, right: Loss, part: str, drawn: Drawn) -> float:
    """How far a loss is from torch's of `right`, over two envelopes of the right one here."""
    arguments = drawn.output, drawn.target, drawn.lengths
    found = np.asarray(getattr(loss, part)(*arguments))
    assert found.dtype == drawn.output.dtype
    other = torchs(right, drawn, type(right))[part]
    return excess(found, other, getattr(right, part), *arguments)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", LOSSES)
def test_value_and_cotangent_are_torchs(
    kind: type[Loss], reduction: Any, steps: Any, dtype: str
) -> None:
    loss = kind(reduction, steps)
    for seed in range(12):
        drawn = draw(kind, seed, dtype)
        for part in PARTS:
            assert apart(loss, loss, part, drawn) <= 1.0, (seed, part)


def test_the_draws_are_of_every_kind() -> None:
    drawn = [draw(SoftmaxCrossEntropy, seed, "float64") for seed in range(12)]
    assert {d.lengths is None for d in drawn} == {True, False}
    assert {d.target.ndim for d in drawn} == {2, 3}
    for axis in range(3):
        assert {1} < {d.output.shape[axis] for d in drawn}
    assert any(np.isnan(d.output).any() for d in drawn)
    assert any(d.lengths is not None and not d.lengths.all() for d in drawn)


@pytest.mark.parametrize("kind", LOSSES)
def test_whatever_stands_in_the_padding_changes_nothing(kind: type[Loss]) -> None:
    """To the bit, and without a warning or an error for it."""
    drawn = draw(kind, 1, "float64")
    assert drawn.lengths is not None
    padding = ~drawn.counted("all")
    assert padding.any()
    for part in PARTS:
        found = getattr(kind(), part)(drawn.output, drawn.target, drawn.lengths)
        for number in (-7.0, 0.0, 1e308, np.inf):
            output = drawn.output.copy()
            output[padding] = number
            again = getattr(kind(), part)(output, drawn.target, drawn.lengths)
            assert np.array_equal(again, found), (part, number)


class PaddingCounted(SquaredError):
    def _read(self, output: Array, target: Any, lengths: Any) -> Any:
        kept = Loss._read(self, output, target, lengths)
        return np.ones_like(kept[0]), *kept[1:]


class LastOfAll(SquaredError):
    def _read(self, output: Array, target: Any, lengths: Any) -> Any:
        return Loss._read(self, np.nan_to_num(output), np.nan_to_num(target), None)


class WrongSign(SquaredError):
    def _slopes(self, output: Array, y: Array) -> Array:
        return 2.0 * (y - output)


class HalfSquared(SquaredError):
    def _terms(self, output: Array, y: Array) -> Array:
        return 0.5 * (output - y) ** 2

    def _slopes(self, output: Array, y: Array) -> Array:
        return output - y


class OneSided(BinaryCrossEntropy):
    def _terms(self, output: Array, y: Array) -> Array:
        return -y * np.log(output)

    def _slopes(self, output: Array, y: Array) -> Array:
        return -y / output


class UnweightedSlope(BinaryCrossEntropy):
    """The derivative for the argument of a sigmoid, not for its value."""

    def _slopes(self, output: Array, y: Array) -> Array:
        return output - y


class LogitSlope(CrossEntropy):
    """The derivative for the argument of a softmax, not for its value."""

    def _slopes(self, output: Array, y: Array) -> Array:
        return output - y


class MeanOfEntries(SoftmaxCrossEntropy):
    by_class: ClassVar[bool] = True

    def _count(self, counted: Any, output: Array) -> int:
        return Loss._count(self, counted, output) * output.shape[-1]


class MeanOfRows(SoftmaxCrossEntropy):
    def _count(self, counted: Any, output: Array) -> int:
        return output.shape[-2]


class Unshifted(SoftmaxCrossEntropy):
    """softmax without - y."""

    def _slopes(self, output: Array, y: Array) -> Array:
        return SoftmaxCrossEntropy._slopes(self, output, np.zeros_like(y)) + np.exp(output)


class Base2(SoftmaxCrossEntropy):
    def _terms(self, output: Array, y: Array) -> Array:
        return SoftmaxCrossEntropy._terms(self, output, y) / np.log(2.0).astype(output.dtype)


MEAN, SUM = "mean", "sum"
FAULTS: dict[str, tuple[Loss, Loss, tuple[str, ...]]] = {
    "mean for sum": (SquaredError(), SquaredError("sum"), PARTS),
    "sum for mean": (BinaryCrossEntropy("sum"), BinaryCrossEntropy(), PARTS),
    "all for last": (SoftmaxCrossEntropy(), SoftmaxCrossEntropy(steps="last"), PARTS),
    "padding counted in the mean": (PaddingCounted(), SquaredError(), PARTS),
    "step T-1 as the last": (LastOfAll("sum", "last"), SquaredError("sum", "last"), PARTS),
    "wrong sign": (WrongSign(), SquaredError(), ("cotangent",)),
    "half the square": (HalfSquared(), SquaredError(), PARTS),
    "no 1 - y": (OneSided(), BinaryCrossEntropy(), PARTS),
    "sigmoid's argument": (UnweightedSlope(), BinaryCrossEntropy(), ("cotangent",)),
    "softmax's argument": (LogitSlope(), CrossEntropy(), ("cotangent",)),
    "mean of entries": (MeanOfEntries(), SoftmaxCrossEntropy(), PARTS),
    "mean of rows": (MeanOfRows(), SoftmaxCrossEntropy(), PARTS),
    "without - y": (Unshifted(), SoftmaxCrossEntropy(), ("cotangent",)),
    "bits": (Base2(), SoftmaxCrossEntropy(), ("value",)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_loss_is_seen(fault: str, dtype: str) -> None:
    wrong, right, parts = FAULTS[fault]
    draws = [draw(type(right), seed, dtype) for seed in range(12)]
    for part in parts:
        assert max(apart(wrong, right, part, drawn) for drawn in draws) > 1.0, part


def exact_terms(kind: type[Loss], z: list[flint.arb], y: list[flint.arb]) -> flint.arb:
    """The loss of one step by its definition, in ball arithmetic."""
    if kind is SquaredError:
        terms = [(p - q) ** 2 for p, q in zip(z, y, strict=True)]
    elif kind is BinaryCrossEntropy:
        terms = [-q * p.log() - (1 - q) * (1 - p).log() for p, q in zip(z, y, strict=True)]
    else:
        total = sum((p.exp() for p in z), flint.arb(0))
        logs = [p.log() if kind is CrossEntropy else (p.exp() / total).log() for p in z]
        terms = [-q * p for p, q in zip(logs, y, strict=True)]
    return sum(terms, flint.arb(0))


def exact(loss: Loss, output: Array, target: Array) -> tuple[float, Array]:
    """Sum over steps and rows, and its derivative by a central difference with a step of 2^-80."""
    step, slopes, value = flint.arb(2) ** -80, np.empty(output.shape), flint.arb(0)
    with flint.ctx.workprec(320):
        for t, b in np.ndindex(output.shape[:2]):
            z, y = ([flint.arb(float(v)) for v in side[t, b]] for side in (output, target))
            value += exact_terms(type(loss), z, y)
            for i in range(len(z)):
                ends = [exact_terms(type(loss), [*z[:i], z[i] + s, *z[i + 1 :]], y)
                        for s in (step, -step)]  # fmt: skip
                slopes[t, b, i] = float(((ends[0] - ends[1]) / (2 * step)).mid())
        return float(value.mid()), slopes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", LOSSES)
def test_value_and_cotangent_are_the_definitions(kind: type[Loss], dtype: str) -> None:
    loss = kind("sum")
    for seed in (0, 6, 12):  # neither lengths nor class numbers
        drawn = draw(kind, seed, dtype)
        output, target = drawn.output, drawn.target.astype(dtype)
        for part, truth in zip(PARTS, exact(loss, output, target), strict=True):
            allowed = envelope_of(getattr(loss, part), output, target, dtype=dtype)
            found = getattr(loss, part)(output, target)
            assert np.all(np.abs(found - truth) <= allowed), (seed, part)


def test_targets_between_the_classes_are_the_definition_too() -> None:
    """Soft targets, whose sum need not be 1."""
    rng = np.random.default_rng(3)
    z, y = rng.normal(size=(2, 3, 4)), rng.uniform(size=(2, 3, 4))
    loss = SoftmaxCrossEntropy("sum")
    for part, truth in zip(PARTS, exact(loss, z, y), strict=True):
        allowed = envelope_of(getattr(loss, part), z, y, dtype="float64")
        assert np.all(np.abs(getattr(loss, part)(z, y) - truth) <= allowed)


@pytest.mark.parametrize("kind", LOSSES)
def test_samples_on_a_leading_axis_pass_through(kind: type[Loss]) -> None:
    drawn = [draw(kind, 1, "float64"), draw(kind, 1, "float64")]
    output = np.stack([drawn[0].output, drawn[0].output / 2.0])
    for part in PARTS:
        part_of = partial(getattr(kind(), part), target=drawn[0].target, lengths=drawn[0].lengths)
        together = part_of(output)
        for k in range(2):
            alone = part_of(output[k])
            # the same sums in another order, each to within its own envelope
            assert excess(np.asarray(alone), together[k], part_of, output[k]) <= 1.0


def test_one_output_a_row_counts_whatever_the_rows_length() -> None:
    output, target = np.full((1, 3, 2), 0.5), np.zeros((1, 3, 2))
    for steps in ("all", "last"):
        loss = replace(SquaredError("sum"), steps=steps)
        assert loss.value(output, target, np.array([7, 2, 0])) == 1.5


def test_certain_and_wrong_costs_100_as_in_torch() -> None:
    p, y = np.array([[[0.0, 1.0, 0.0, 1.0]]]), np.array([[[1.0, 0.0, 0.0, 1.0]]])
    loss = BinaryCrossEntropy("sum")
    tensor = torch.tensor(p, requires_grad=True)
    other = F.binary_cross_entropy(tensor, torch.tensor(y), reduction="sum")
    other.backward()
    assert tensor.grad is not None
    assert loss.value(p, y) == other.item() == 200.0
    assert np.array_equal(loss.cotangent(p, y), tensor.grad.numpy())


def test_a_small_probability_of_what_is_not_so_costs_itself() -> None:
    """-log(1 - p) = p + p²/2 + ..., which is p in float64, where 1 - p is 1."""
    p = np.full((1, 1, 1), 2.0**-60)
    assert BinaryCrossEntropy().value(p, np.zeros((1, 1, 1))) == 2.0**-60


def test_a_sigmoid_that_rounds_to_1_has_an_envelope() -> None:
    """Some of its samples are above 1, where the logarithm of 1 - p is NaN."""
    z, y = np.array([[[40.0, -800.0, 0.5]]]), np.array([[[0.0, 0.0, 1.0]]])

    def function(part: str, z: Array) -> Array:
        return getattr(BinaryCrossEntropy("sum"), part)(1.0 / (1.0 + np.exp(-z)), y)

    with np.errstate(over="ignore"):
        for part in PARTS:
            assert np.isfinite(envelope_of(partial(function, part), z, dtype="float64")).all()


def test_a_class_of_probability_0_costs_nothing_or_everything() -> None:
    p = np.array([[[0.0, 1.0]]])
    assert CrossEntropy().value(p, np.array([[1]])) == 0.0
    assert CrossEntropy().value(p, np.array([[0]])) == np.inf
    assert np.array_equal(CrossEntropy().cotangent(p, np.array([[1]])), [[[0.0, -1.0]]])
    assert np.array_equal(CrossEntropy().cotangent(p, np.array([[0]])), [[[-np.inf, 0.0]]])


def test_large_logits_do_not_overflow() -> None:
    z = np.array([[[1e4, 0.0, -1e4]]])
    assert SoftmaxCrossEntropy().value(z, np.array([[2]])) == 2e4
    assert np.array_equal(SoftmaxCrossEntropy().cotangent(z, np.array([[2]])), [[[1.0, 0.0, -1.0]]])


OUTPUT, CLASSES = np.full((3, 2, 4), 0.5), np.zeros((3, 2), int)


@pytest.mark.parametrize(
    ("loss", "arguments", "error", "message"),
    [
        (SquaredError(), (OUTPUT[0], OUTPUT[0]), ValueError,
         r"output has shape \(2, 4\); a loss needs \(T, B, O\): 3 dimensions"),
        (SquaredError(), (OUTPUT, OUTPUT[:2]), ValueError,
         r"target has shape \(2, 2, 4\); it must have that of output, \(3, 2, 4\)"),
        (SquaredError(), (OUTPUT, CLASSES), ValueError, r"target has shape \(3, 2\)"),
        (CrossEntropy(), (OUTPUT, CLASSES.T), ValueError,
         r"target has shape \(2, 3\); it must have .* \(3, 2, 4\), or \(3, 2\) with class numbers"),
        (CrossEntropy(), (OUTPUT, CLASSES * 1.0), TypeError,
         r"class numbers .* must be integers, not float64; one-hot targets have shape \(3, 2, 4\)"),
        (SoftmaxCrossEntropy(), (OUTPUT, CLASSES + 4), ValueError,
         r"class numbers must lie in 0\.\.3, .* target holds 4"),
        (SoftmaxCrossEntropy(), (OUTPUT, CLASSES - 1), ValueError, "target holds -1"),
        (SquaredError(), (OUTPUT, OUTPUT, np.array([1, 2, 3])), ValueError,
         r"lengths has shape \(3,\); it must have one for each of the 2 rows .*: \(2,\)"),
        (SquaredError(), (OUTPUT, OUTPUT, np.array([1.0, 2.0])), TypeError,
         "lengths must be integers, not float64"),
        (SquaredError(), (OUTPUT, OUTPUT, np.array([1, 4])), ValueError,
         r"lengths must lie in 0\.\.T = 0\.\.3, not \[1, 4\]"),
        (SquaredError(), (OUTPUT, OUTPUT, np.array([0, 0])), ValueError,
         'a mean over no steps is undefined: .* reduction="sum"'),
        (BinaryCrossEntropy(), (OUTPUT * 3.0, OUTPUT), ValueError,
         r"probabilities, in \[0, 1\], for BinaryCrossEntropy; it holds 1\.5"),
        (CrossEntropy(), (-OUTPUT, CLASSES), ValueError, r"CrossEntropy; it holds -0\.5"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    loss: Loss, arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    for part in PARTS:
        with pytest.raises(error, match=message):
            getattr(loss, part)(*arguments)


def test_a_sum_over_nothing_is_0() -> None:
    loss, none = SquaredError("sum"), np.array([0, 0])
    assert loss.value(OUTPUT, OUTPUT + 1.0, none) == 0.0
    assert not loss.cotangent(OUTPUT, OUTPUT + 1.0, none).any()


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="reduction must be 'mean' or 'sum', not 'none'"):
        SquaredError("none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps must be 'all' or 'last', not 'first'"):
        SquaredError(steps="first")  # type: ignore[arg-type]
