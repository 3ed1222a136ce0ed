"""The quick way against the general one: equal to the last bit, as all numbers are small integers.

What is summed at once is held against the sum of its terms, an operation against those it is made
of, and a network without padding against one that is told so by a mask.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import Tensor, gradient, gradients, sweep
from rnncheck.implementations.autodiff import operations as op
from rnncheck.implementations.autodiff.shares import Part, Product
from rnncheck.spec import Nonlinearity, RNNSpec

networks = import_module("rnncheck.implementations.autodiff.network")  # not the function

Array = npt.NDArray[np.floating]
Operation = Callable[..., Tensor]


def integers(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-3, 4, shape).astype(np.float64)


def first_and_second(operation: Operation, arrays: list[Array]) -> list[Array]:
    """y, the gradient of Σ c y², and its own along itself: all three are sums of products."""
    inputs = [Tensor(array) for array in arrays]
    y = operation(*inputs)
    c = 1.0 + np.arange(y.value.size).reshape(y.shape)
    first = gradient((c * y * y).sum(), inputs, create_graph=True)
    second = gradients(first, inputs, [g.value for g in first])
    return [y.value, *(g.value for g in (*first, *second))]


def assert_same(one: Operation, other: Operation, arrays: list[Array]) -> None:
    pairs = zip(first_and_second(one, arrays), first_and_second(other, arrays), strict=True)
    for found, expected in pairs:
        np.testing.assert_array_equal(found, expected)
        assert expected.any(), "all zero: anything would agree"
        assert np.abs(expected).max() < 2.0**53, "not exact"


@pytest.mark.parametrize("b", [(), (4,), (3, 1), (3, 4)])
def test_affine_is_what_it_is_made_of(b: tuple[int, ...]) -> None:
    """x Wᵀ + b, whatever b broadcasts from."""
    rng = np.random.default_rng(0)
    arrays = [integers(rng, 3, 2), integers(rng, 4, 2), 1.0 + integers(rng, *b)]
    assert_same(op.affine, lambda x, W, b: x @ W.T + b, arrays)
    assert_same(op.affine, lambda x, W: x @ W.T, arrays[:2])


def test_all_steps_at_once_are_each_step_alone() -> None:
    rng = np.random.default_rng(0)
    arrays = [integers(rng, 3, 2, 5), integers(rng, 4, 5), integers(rng, 4)]
    alone: Operation = lambda x, W, b: op.stack([op.affine(x_t, W, b) for x_t in op.unstack(x)])  # noqa: E731
    assert_same(op.affine_steps, alone, arrays)


def test_one_minus_square_is_what_it_is_made_of() -> None:
    assert_same(
        op.one_minus_square, lambda x: 1.0 - x * x, [integers(np.random.default_rng(0), 3, 2)]
    )


def test_parts_and_products_are_summed_at_once_as_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """x[t], its slices, and W at each of three steps, which differ in their number of rows."""
    rng = np.random.default_rng(0)
    arrays = [integers(rng, 4, 2), integers(rng, 2, 2)]
    lengths: list[int] = []

    def operation(x: Tensor, W: Tensor) -> Tensor:
        steps = [x[:1] @ W, x[1:] @ W, op.affine(x[::2], W)]
        return op.concatenate([*steps, op.unstack(x)[2].reshape((1, 2))])

    def one_by_one(shares: list[Part | Product], shape: tuple[int, ...]) -> list[Tensor]:
        lengths.append(len(shares))
        parts = [op.place([share], shape) for share in shares if isinstance(share, Part)]
        return parts + [share.a.T @ share.b for share in shares if isinstance(share, Product)]

    at_once = first_and_second(operation, arrays)
    monkeypatch.setattr(sweep, "summed", one_by_one)
    for found, expected in zip(at_once, first_and_second(operation, arrays), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert expected.any()
    assert max(lengths) >= 3, "nothing was there to be summed"


def test_a_sum_of_outer_products_is_one_product() -> None:
    """y = h_1 W + h_2 W + ...: dW = Σ h_tᵀ g, by hand."""
    rng = np.random.default_rng(0)
    h, g, W = integers(rng, 5, 3, 2), integers(rng, 3, 4), Tensor(integers(rng, 2, 4))
    y = sum((Tensor(h_t) @ W for h_t in h), start=Tensor(np.zeros((3, 4))))
    [dW] = gradient(y, [W], g)
    np.testing.assert_array_equal(dW.value, sum(h_t.T @ g for h_t in h))


def test_each_kind_of_share_is_added_to_the_others() -> None:
    """x used as a whole, by its parts, and as a factor: y = sum(x + x) + sum(x[0]) + sum(a x)."""
    a, x = integers(np.random.default_rng(0), 4, 3), Tensor(np.ones((3, 2)))
    [dx] = gradient((x + x).sum() + x[0].sum() + (Tensor(a) @ x).sum(), [x])
    expected = 2.0 + np.array([[1.0], [0.0], [0.0]]) + a.sum(axis=0)[:, None]
    np.testing.assert_array_equal(dx.value, np.broadcast_to(expected, (3, 2)))


@pytest.mark.parametrize("nonlinearity", get_args(Nonlinearity))
@pytest.mark.parametrize(
    "spec",
    [
        RNNSpec(2, 3, 2, bidirectional=True, output_size=2, readout="softmax", dropout=0.5),
        RNNSpec(2, 3, 1, outputs="last", bidirectional=True),
        RNNSpec(2, 3, 1, outputs="final", truncation=1),
        RNNSpec(2, 3, 1, truncation=2),
    ],
    ids=str,
)
def test_without_padding_a_mask_changes_nothing(
    spec: RNNSpec, nonlinearity: Nonlinearity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row has every step: chosen by a mask that is true, or not chosen, the bits are equal."""
    T, B = 4, 3
    spec = replace(spec, nonlinearity=nonlinearity)
    rng = np.random.default_rng(0)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    arrays: dict[str, Array] = {n: 0.5 * rng.standard_normal(s) for n, s in shapes.items()}

    def found() -> list[Array]:
        leaves = {n: Tensor(arrays[n]) for n in [*spec.parameter_shapes(), "x", "h0"]}
        masks = arrays["dropout_masks"] if spec.dropout else None
        results = networks.network(spec, leaves, leaves["x"], leaves["h0"], np.full(B, T), masks)
        cotangents = [arrays["d_output"], arrays["d_h_n"]]
        got = gradients(results, list(leaves.values()), cotangents)
        return [tensor.value for tensor in (*results, *got)]

    not_chosen = found()
    chosen: list[bool] = []

    def choose(valid: object, a: Tensor, otherwise: Tensor | float) -> Tensor:
        assert valid is None
        chosen.append(True)
        return op.where(np.ones(a.shape, bool), a, otherwise)

    monkeypatch.setattr(networks, "choose", choose)
    for a, b in zip(not_chosen, found(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert chosen
