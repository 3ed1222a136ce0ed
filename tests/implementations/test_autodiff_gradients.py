"""The network's first and second derivatives against central differences, for many specs."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import (
    Tensor,
    backward,
    forward,
    gradients,
    hessian_vector,
    network,
)
from rnncheck.spec import RNNSpec

Array = npt.NDArray[np.floating]
Lengths = npt.NDArray[np.integer]

T, B = 4, 3
EPS = float(np.finfo(np.float64).eps)
LENGTHS = np.array([4, 0, 2])
SPECS = [
    RNNSpec(2, 3, 1, "tanh"),
    RNNSpec(2, 3, 1, "relu", bias=False),
    RNNSpec(2, 3, 1, "sigmoid"),
    RNNSpec(2, 3, 1, "identity"),
    RNNSpec(2, 2, 2, "tanh", bidirectional=True, output_size=3, readout="softmax"),
    RNNSpec(2, 2, 2, "sigmoid", output_size=2, readout="sigmoid", dropout=0.5),
    RNNSpec(2, 2, 3, "tanh", bidirectional=True, dropout=0.5),
    RNNSpec(2, 2, 3, "relu", output_size=2, readout_bias=False),
    RNNSpec(2, 2, 1, "identity", bidirectional=True, output_size=3, readout="softmax"),
    RNNSpec(0, 2, 1, "tanh", output_size=1, readout="sigmoid"),
    RNNSpec(2, 3, 1, "sigmoid", outputs="last"),
    RNNSpec(2, 2, 2, bidirectional=True, output_size=3, readout="softmax", outputs="last"),
    RNNSpec(2, 4, 1, "relu", bidirectional=True, outputs="final"),
    RNNSpec(2, 2, 2, bidirectional=True, output_size=2, readout="softmax", outputs="final"),
    RNNSpec(3, 3, 1, "tanh", generated=3),
    RNNSpec(2, 3, 2, "sigmoid", output_size=2, readout="softmax", dropout=0.5, generated=2),
    RNNSpec(2, 2, 3, "relu", output_size=2, readout_bias=False, generated=2),
    RNNSpec(2, 2, 1, "identity", bias=False, output_size=2, readout="sigmoid", generated=4),
]
CASES = [(spec, padded) for spec in SPECS for padded in (False, True)[: 1 if spec.generated else 2]]


def draw(spec: RNNSpec, padded: bool) -> tuple[dict[str, Array], dict[str, Array], Lengths | None]:
    """The leaves (parameters, x, h0), the cotangents and masks, and the lengths.

    Weights of order 1/4 make each link a contraction. The padding is full of NaN, and so is the
    cotangent of an output that no step computes.
    """
    rng = np.random.default_rng(7)
    shapes = spec.array_shapes(T, B)
    leaves: dict[str, Array] = {
        n: 0.25 * rng.standard_normal(s) for n, s in spec.parameter_shapes().items()
    }
    leaves |= {n: 0.5 * rng.standard_normal(shapes[n]) for n in ("x", "h0")}
    rest: dict[str, Array] = {
        n: rng.standard_normal(shapes[n]) for n in ("d_output", "d_h_n", "dropout_masks")
    }
    rest["dropout_masks"] = 2.0 * (rest["dropout_masks"] > 0)
    if not padded:
        return leaves, rest, None
    padding = np.arange(T)[:, None] >= LENGTHS
    leaves["x"][padding] = np.nan
    if spec.outputs == "all":
        rest["d_output"][padding] = np.nan
    elif spec.outputs == "last":
        rest["d_output"][:, LENGTHS == 0] = np.nan
    return leaves, rest, LENGTHS


def central_difference(f: Callable[[float], Array], roundings: float) -> tuple[Array, Array]:
    """f'(0) and how far off it may be.

    D(ε) = (f(ε) - f(-ε)) / 2ε = f' + ε² f'''/6 + O(ε⁴), so D(2ε) - D(ε) is three times the error
    ε² f'''/6, and room enough for the terms after it. With f off by `roundings`, D(ε) is off by
    roundings / ε. ε = eps^(1/3) makes the two about equal.
    """
    step = EPS ** (1 / 3)
    near, far = ((f(e) - f(-e)) / (2 * e) for e in (step, 2 * step))
    return near, np.abs(far - near) + roundings / step


def roundings(spec: RNNSpec, terms: float) -> float:
    """The rounding error of a sum of `terms` in absolute value, each made by the network.

    A number goes through (T + G) L links and 1 + G readouts, and is rounded in each once for every
    feature added, and some 8 times in φ and ψ. As links contract, an error does not grow on its
    way.
    """
    features = spec.input_size + 2 * spec.num_directions * spec.hidden_size
    links = (T + spec.generated) * spec.num_layers + 1 + spec.generated
    return EPS * links * (features + 8) * terms


def run(
    spec: RNNSpec, leaves: dict[str, Array], rest: dict[str, Array], lengths: Lengths | None
) -> tuple[Array, Callable[[], dict[str, Array]]]:
    """The terms whose sum is the loss, d_output * output and d_h_n * h_n; and `backward`."""
    x, h0, masks = leaves["x"], leaves["h0"], rest["dropout_masks"]
    output, h_n, tape = forward(spec, leaves, x, h0, lengths, masks)
    terms = np.concatenate([(rest["d_output"] * output).ravel(), (rest["d_h_n"] * h_n).ravel()])
    return np.nan_to_num(terms), lambda: backward(tape, rest["d_output"], rest["d_h_n"])


def directions(leaves: dict[str, Array]) -> dict[str, Array]:
    """A random direction for each leaf."""
    rng = np.random.default_rng(11)
    return {name: np.asarray(rng.standard_normal(a.shape)) for name, a in leaves.items()}


@pytest.mark.parametrize(("spec", "padded"), CASES, ids=str)
def test_the_gradient_is_the_central_difference_of_the_loss(spec: RNNSpec, padded: bool) -> None:
    """For every parameter, x and h0 in turn: <gradient, v> against the loss along a random v."""
    leaves, rest, lengths = draw(spec, padded)
    terms, gradient = run(spec, leaves, rest, lengths)
    got = gradient()
    size = float(np.abs(terms).sum())
    for name, v in directions(leaves).items():

        def loss(e: float, name: str = name, v: Array = v) -> Array:
            moved = leaves | {name: leaves[name] + e * v}
            return np.asarray(run(spec, moved, rest, lengths)[0].sum())

        numeric, tolerance = central_difference(loss, roundings(spec, size))
        slope = np.sum(got[name] * v)
        assert abs(slope - numeric) <= tolerance, name
        assert tolerance < 1e-6 * size, "so wide that it would let anything pass"


@pytest.mark.parametrize(("spec", "padded"), CASES, ids=str)
def test_the_hessian_is_the_central_difference_of_the_gradient(spec: RNNSpec, padded: bool) -> None:
    """∇²f v by differentiating <∇f, v> on its own graph, against ∇f along v.

    ∇f is a sum like f, of fewer than (T + G) L times as many terms per leaf, of about f's size.
    """
    leaves, rest, lengths = draw(spec, padded)
    terms, gradient = run(spec, leaves, rest, lengths)
    v = directions(leaves)
    if padded:
        v["x"][np.isnan(leaves["x"])] = 0.0

    tensors = {name: Tensor(array) for name, array in leaves.items()}
    inputs = list(tensors.values())
    results = network(spec, tensors, tensors["x"], tensors["h0"], lengths, rest["dropout_masks"])
    df = gradients(results, inputs, [rest["d_output"], rest["d_h_n"]], create_graph=True)
    for g, expected in zip(df, gradient().values(), strict=True):
        np.testing.assert_array_equal(g.value, expected)
    slope = sum(((v[n] * g).sum() for n, g in zip(tensors, df, strict=True)), start=Tensor(0.0))
    Hv = gradients([slope], inputs, [np.array(1.0)])
    same = hessian_vector(
        spec, leaves, leaves["x"], leaves["h0"], rest["d_output"], rest["d_h_n"], v, lengths,
        rest["dropout_masks"],
    )  # fmt: skip
    assert list(same) == list(leaves)
    for product, expected in zip(Hv, same.values(), strict=True):
        np.testing.assert_array_equal(product.value, expected)

    def first_along_v(e: float) -> Array:
        moved = {n: array + e * v[n] for n, array in leaves.items()}
        return np.concatenate([g.ravel() for g in run(spec, moved, rest, lengths)[1]().values()])

    size = (T + spec.generated) * spec.num_layers * float(np.abs(terms).sum())
    numeric, tolerance = central_difference(first_along_v, roundings(spec, size))
    products = np.concatenate([product.value.ravel() for product in Hv])
    assert np.all(np.abs(products - numeric) <= tolerance)
    assert np.all(tolerance < 1e-6 * size), "so wide that it would let anything pass"


def test_second_derivatives_of_two_scalar_linear_steps() -> None:
    """h_2 = w² h0 + w u x_0 + u x_1: ∂²/∂w² = 2 h0, ∂²/∂w∂u = x_0, ∂²/∂u² = 0. Exact."""
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False)
    w, u = Tensor([[0.5]]), Tensor([[3.0]])
    x, h0 = Tensor(np.array([7.0, 11.0]).reshape(2, 1, 1)), Tensor(np.full((1, 1, 1), 5.0))
    _, h_n = network(spec, {"weight_ih_l0": u, "weight_hh_l0": w}, x, h0)
    one = np.ones((1, 1, 1))
    dw, du = gradients([h_n], [w, u], [one], create_graph=True)
    assert [dw.value, du.value] == [2 * 0.5 * 5.0 + 3.0 * 7.0, 0.5 * 7.0 + 11.0]
    assert [g.value for g in gradients([dw], [w, u, h0], [np.ones((1, 1))])] == [10.0, 7.0, 1.0]
    assert [g.value for g in gradients([du], [w, u, h0], [np.ones((1, 1))])] == [7.0, 0.0, 0.0]
