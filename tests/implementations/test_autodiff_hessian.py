"""`hessian_vector`: closed forms, the symmetry of the Hessian, and what it refuses.

Central differences of the first gradient stand in test_autodiff_gradients, for every kind of spec.
"""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import hessian_vector
from rnncheck.spec import RNNSpec

Array = npt.NDArray[np.floating]

EPS = float(np.finfo(np.float64).eps)
SPECS = [
    RNNSpec(2, 3),
    RNNSpec(2, 2, 2, bidirectional=True, output_size=3, readout="softmax", dropout=0.5),
    RNNSpec(2, 2, 2, "sigmoid", output_size=2, readout="sigmoid", outputs="last"),
    RNNSpec(2, 2, 1, "identity", bidirectional=True, output_size=2, outputs="final"),
    RNNSpec(2, 3, 2, output_size=2, readout="softmax", dropout=0.5, generated=2),
]


class Case:
    """Random arrays for a spec, T = 3 and B = 2, and the Hessian times any vectors."""

    def __init__(self, spec: RNNSpec, dtype: type = np.float64) -> None:
        self.spec, self.rng, self.dtype = spec, np.random.default_rng(0), dtype
        shapes = spec.array_shapes(3, 2)
        self.leaf_shapes = spec.parameter_shapes() | {n: shapes[n] for n in ("x", "h0")}
        self.arrays: dict[str, Array] = {
            name: (0.5 * self.rng.standard_normal(shape)).astype(dtype)
            for name, shape in (self.leaf_shapes | shapes).items()
        }
        self.arrays["dropout_masks"] = 2 * (self.arrays["dropout_masks"] > 0).astype(dtype)

    def direction(self) -> dict[str, Array]:
        """A random vector for every leaf."""
        shapes = self.leaf_shapes.items()
        return {n: self.rng.standard_normal(s).astype(self.dtype) for n, s in shapes}

    def product(self, vectors: dict[str, Array]) -> dict[str, Array]:
        """∇²f v."""
        a = self.arrays
        return hessian_vector(
            self.spec, a, a["x"], a["h0"], a["d_output"], a["d_h_n"], vectors,
            dropout_masks=a["dropout_masks"],
        )  # fmt: skip


def inner(a: dict[str, Array], b: dict[str, Array]) -> float:
    """Σ over all leaves of sum(a * b)."""
    return float(sum(np.sum(a[name] * b[name]) for name in a))


def test_two_scalar_linear_steps() -> None:
    """f = h_2 = w² h0 + w u x_0 + u x_1, and its Hessian by (u, w, x_0, x_1, h0), a column each.

    All numbers are small integers or halves: exact.
    """
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False)
    u, w, x_0, x_1, h0 = 3.0, 0.5, 7.0, 11.0, 5.0
    p = {"weight_ih_l0": np.full((1, 1), u), "weight_hh_l0": np.full((1, 1), w)}
    x, start = np.array([x_0, x_1]).reshape(2, 1, 1), np.full((1, 1, 1), h0)
    hessian = np.array(
        [
            [0.0, x_0, w, 1.0, 0.0],
            [x_0, 2 * h0, u, 0.0, 2 * w],
            [w, u, 0.0, 0.0, 0.0],
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 2 * w, 0.0, 0.0, 0.0],
        ]
    )
    for v, column in zip(np.eye(5), hessian.T, strict=True):
        vectors = {
            "weight_ih_l0": v[:1].reshape(1, 1),
            "weight_hh_l0": v[1:2].reshape(1, 1),
            "x": v[2:4].reshape(2, 1, 1),
            "h0": v[4:].reshape(1, 1, 1),
        }
        got = hessian_vector(spec, p, x, start, np.zeros((2, 1, 1)), np.ones((1, 1, 1)), vectors)
        assert list(got) == list(vectors)
        np.testing.assert_array_equal(np.concatenate([g.ravel() for g in got.values()]), column)


def test_one_step_of_tanh() -> None:
    """f = g tanh a: ∇f = g (1 - y²) ∇a. As b is no factor in ∇a, ∂/∂b of it is -2 y (1 - y²) g ∇a.

    y is off by a few roundings, and fewer than 10 products of numbers below 4 follow: less than
    1000 roundings of 1.
    """
    spec = RNNSpec(1, 1)
    p = {"weight_ih_l0": 0.5, "weight_hh_l0": -0.75, "bias_ih_l0": 0.25, "bias_hh_l0": 0.125}
    x, h0, g, v = 2.0, 3.0, 1.5, -2.0
    y = np.tanh(p["weight_ih_l0"] * x + p["weight_hh_l0"] * h0 + 0.375)
    second = -2 * y * (1 - y * y) * g * v
    by = {"weight_ih_l0": x, "weight_hh_l0": h0, "bias_ih_l0": 1.0, "bias_hh_l0": 1.0}
    by |= {"x": p["weight_ih_l0"], "h0": p["weight_hh_l0"]}
    arrays = {n: np.full(s, p[n]) for n, s in spec.parameter_shapes().items()}
    cube = np.ones((1, 1, 1))
    got = hessian_vector(
        spec, arrays, x * cube, h0 * cube, g * cube, 0 * cube, {"bias_ih_l0": np.array([v])}
    )
    assert list(got) == list(by)
    for name, slope in by.items():
        np.testing.assert_allclose(
            got[name], np.full_like(got[name], second * slope), rtol=0, atol=1e3 * EPS
        )


def test_generated_scalar_linear_step() -> None:
    """h_1 = w h_0 + u h_0 with h_0 = u x + w s: f = (u + w)(u x + w s).

    ∂²f/∂u² = 2x, ∂²f/∂u∂w = x + s, ∂²f/∂w² = 2s. Without the feedback ∂²f/∂u² would be 0.
    """
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, generated=1)
    cube, x, s, u, w = np.ones((1, 1, 1)), 3.0, 5.0, 0.5, 2.0
    p = {"weight_ih_l0": np.full((1, 1), u), "weight_hh_l0": np.full((1, 1), w)}
    zero = np.zeros((2, 1, 1))
    by_u, by_w = (
        hessian_vector(spec, p, x * cube, s * cube, zero, cube, {name: np.ones((1, 1))})
        for name in p
    )
    assert [float(g.item()) for g in by_u.values()] == [2 * x, x + s, 2 * u + w, w]
    assert [float(g.item()) for g in by_w.values()] == [x + s, 2 * s, u, u + 2 * w]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_hessian_is_symmetric_and_linear(spec: RNNSpec) -> None:
    """<a, ∇²f b> = <b, ∇²f a>, ∇²f 2a = 2 ∇²f a to the bit, and ∇²f (a + b) = ∇²f a + ∇²f b.

    At most 5 steps of 2 layers are run, swept, and swept again, with the first sweep, in reverse:
    4 x 10 links and readouts, in each fewer than 25 roundings of numbers below 20. So an element
    of ∇²f v is off by 20 000 roundings of 1 at most.
    """
    case = Case(spec)
    a, b = case.direction(), case.direction()
    by_a, by_b = case.product(a), case.product(b)
    by_sum = case.product({name: a[name] + b[name] for name in a})
    atol = 2e4 * EPS
    size = sum(float(np.abs(array).sum()) for array in (*a.values(), *b.values()))
    assert abs(inner(b, by_a) - inner(a, by_b)) <= atol * size
    assert abs(inner(b, by_a)) > 1e6 * atol * size, "so small that anything would pass"
    for name, array in case.product({name: 2.0 * array for name, array in a.items()}).items():
        np.testing.assert_array_equal(array, 2.0 * by_a[name])
        np.testing.assert_allclose(by_sum[name], by_a[name] + by_b[name], rtol=0, atol=atol)
        assert np.abs(by_sum[name]).max() < 20.0


def test_a_block_left_out_is_zero() -> None:
    """Any order of the names, and any subset; no vector at all gives zeros."""
    case = Case(SPECS[0])
    v = case.direction()
    zeros = {name: np.zeros_like(array) for name, array in v.items()}
    some = {name: v[name] for name in ("x", "weight_hh_l0")}
    expected = case.product(zeros | some)
    for name, array in case.product(some).items():
        # A sum with fewer terms that are 0 may be added up in another order: below 100 of them.
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=1e3 * EPS)
    for name, array in case.product({}).items():
        np.testing.assert_array_equal(array, zeros[name])


def test_float32_stays_and_no_memory_is_shared() -> None:
    """The results are the caller's own; the arguments are left as they were."""
    case = Case(SPECS[1], np.float32)
    v = case.direction()
    before = {name: array.copy() for name, array in (case.arrays | v).items()}
    got = case.product(v)
    assert {array.dtype for array in got.values()} == {np.dtype(np.float32)}
    given = [*case.arrays.values(), *v.values()]
    for a, b in itertools.combinations([*got.values(), *given], 2):
        assert not np.shares_memory(a, b)
    for name, array in (case.arrays | v).items():
        np.testing.assert_array_equal(array, before[name])


def test_padding_may_hold_anything_also_in_the_vectors() -> None:
    """NaN in x, d_output and v for x: the same bits as 0 there, and ∇²f v is 0 there."""
    spec = RNNSpec(2, 2, 2, bidirectional=True, output_size=2, readout="softmax")
    case, lengths = Case(spec), np.array([0, 2])
    a, v = case.arrays, case.direction()
    padding = np.arange(3)[:, None] >= lengths
    found: list[dict[str, Array]] = []
    for value in (0.0, np.nan):
        a["x"][padding] = a["d_output"][padding] = v["x"][padding] = value
        found.append(
            hessian_vector(case.spec, a, a["x"], a["h0"], a["d_output"], a["d_h_n"], v, lengths)
        )
        assert not found[-1]["x"][padding].any()
    for name, array in found[0].items():
        np.testing.assert_array_equal(found[1][name], array)
        assert array[~padding].any() if name == "x" else array.any()


def test_refusals() -> None:
    """Each names what was wrong: a name, a shape, a gradient that is none."""
    case = Case(SPECS[0])
    with pytest.raises(KeyError, match="weight_xy"):
        case.product({"weight_xy": np.ones((3, 3))})
    with pytest.raises(ValueError, match="cotangent"):
        case.product({"weight_hh_l0": np.ones((1, 1))})
    with pytest.raises(ValueError, match="truncated"):
        Case(RNNSpec(2, 3, truncation=1)).product({})
