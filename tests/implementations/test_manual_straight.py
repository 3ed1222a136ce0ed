"""The straight way: the same network as the general one; blocks of steps; certified too."""

from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, forward, memory, network, small, straight
from rnncheck.spec import RNNSpec

Array = np.ndarray
T, B = 7, 3
NONLINEARITIES = ["tanh", "relu", "sigmoid", "identity"]
ROWS = pytest.mark.parametrize("b", [1, 3])
"""One row goes through `small`, three go through `large`."""
LINEAR = pytest.mark.parametrize(
    "spec",
    [
        RNNSpec(2, 3, layers, nonlinearity, bias)
        for layers in (1, 3)
        for nonlinearity in ("relu", "identity")
        for bias in (True, False)
    ]
    + [
        RNNSpec(2, 3, 2, "relu", output_size=2, outputs="all"),
        RNNSpec(2, 3, 2, "relu", output_size=2, readout_bias=False, outputs="last"),
        RNNSpec(2, 3, 2, "identity", outputs="final"),
        RNNSpec(3, 3, 2, "relu", generated=2),
        RNNSpec(2, 3, 1, "relu", truncation=T - 1),
    ],
    ids=str,
)


def draw(spec: RNNSpec, t: int = T, b: int = B, whole: bool = False) -> dict[str, Array]:
    """Parameters and arrays; whole: numbers of which all sums and products here are exact."""
    rng = np.random.default_rng(3)
    shapes = spec.parameter_shapes() | spec.array_shapes(t, b)
    names = [name for name in shapes if name not in ("output", "h_n", "lengths", "dropout_masks")]
    if whole:
        return {name: rng.integers(-2, 3, shapes[name]).astype(float) for name in names}
    return {name: rng.uniform(-1, 1, shapes[name]) for name in names}


def results(spec: RNNSpec, a: dict[str, Array], masks: Array | None = None) -> dict[str, Array]:
    """output, h_n and the gradients by name."""
    output, h_n, tape = forward(spec, a, a["x"], a["h0"], None, masks)
    return {"output": output, "h_n": h_n, **backward(tape, a["d_output"], a["d_h_n"])}


@pytest.fixture
def generally(monkeypatch: pytest.MonkeyPatch):
    """`results` by the general way."""

    def run(spec: RNNSpec, a: dict[str, Array], masks: Array | None = None) -> dict[str, Array]:
        with monkeypatch.context() as patch:
            patch.setattr(straight, "applies", lambda *_: False)
            return results(spec, a, masks)

    return run


@ROWS
@LINEAR
def test_both_ways_give_the_same_numbers_where_nothing_is_rounded(spec, b, generally):
    a = draw(spec, b=b, whole=True)
    expected, found = generally(spec, a), results(spec, a)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert np.abs(values).max() < 2**53, "not exact any more"
        np.testing.assert_array_equal(found[name], values, name)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("layers", [1, 2])
@ROWS
def test_both_ways_differ_by_rounding_only(b, layers, nonlinearity, generally):
    """Weights whose rows sum to at most 1 in size, so that no step makes an error larger.

    A state has at most 2·(I + H + 6) roundings a step of either way, each of a number of at most 4
    (a sum of 1 for each of W z, W h and the biases); so do the T steps and layers of the way back,
    and a gradient of T·B terms rounds that often more. Cotangents are at most 1, sums of T·B·H.
    """
    spec = RNNSpec(2, 3, layers, nonlinearity)
    a = draw(spec, b=b)
    for name, shape in spec.parameter_shapes().items():
        a[name] /= shape[-1]
    steps = 2 * layers * T * 2 * (2 + 3 + 6) + T * B
    allowed = steps * 4 * T * B * 3 * np.finfo(float).eps
    assert allowed < 1e-10
    expected = generally(spec, a)
    for name, values in results(spec, a).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=allowed, err_msg=name)


@pytest.mark.parametrize("size", [1, 200, 10**9])
@LINEAR
def test_the_size_of_a_block_does_not_matter(spec, size, monkeypatch):
    """One step a block, two or three, all: of T = 7, so that the last block is a shorter one."""
    a = draw(spec, whole=True)
    expected = results(spec, a)
    monkeypatch.setattr(memory, "BLOCK_BYTES", size)
    for name, values in results(spec, a).items():
        np.testing.assert_array_equal(values, expected[name], name)


@pytest.mark.parametrize("b", [3, memory.KERNEL_ROWS])
@LINEAR
def test_the_order_of_a_weight_in_memory_does_not_matter(spec, b, monkeypatch):
    """Large weights stand column by column, and with three rows are the left side of a product."""
    a = draw(spec, b=b, whole=True)
    expected = results(spec, a)
    monkeypatch.setattr(memory, "SMALL_BYTES", 0)
    for name, values in results(spec, a).items():
        np.testing.assert_array_equal(values, expected[name], name)


@pytest.mark.parametrize(
    ("B", "H", "dtype", "column_by_column", "left"),
    [
        (3, 90, float, False, False), (3, 91, float, True, True), (8, 91, float, True, False),
        (3, 200, np.float32, False, False),
    ],
)  # fmt: skip
def test_which_order_a_weight_has(B, H, dtype, column_by_column, left):
    """64 kB are 90.5² numbers of float64."""
    right = memory.right_side(H, H, np.dtype(dtype))
    assert right.flags.c_contiguous is not column_by_column
    products = memory.StepProducts(np.ones((2, B, H), dtype), right)
    assert (products.out is not products.value) is left


@pytest.mark.parametrize("bias", [True, False])
def test_one_row_of_few_weights_goes_through_small_layers(bias):
    def kinds(features: int, hidden: int, b: int) -> set[str]:
        x = np.zeros((T, b, features))
        tape = straight.Tape(RNNSpec(features, hidden, 2, bias=bias), x)
        return {type(layer).__name__ for layer in tape.layers}

    assert kinds(2, 3, 1) == kinds(45, 45, 1) == kinds(0, 3, 1) == {"SmallLayer"}
    assert (
        kinds(2, 3, 0) == kinds(2, 3, 2) == kinds(46, 46, 1) == kinds(10**4, 3, 1) == {"LargeLayer"}
    )
    assert 45 * (45 + 1 + 45) <= small.MOST_WEIGHTS < 46 * (46 + 1 + 46)


@ROWS
def test_a_network_of_no_features(b, generally):
    spec = RNNSpec(0, 3, 2, "relu")
    a = draw(spec, b=b, whole=True)
    expected = generally(spec, a)
    for name, values in results(spec, a).items():
        np.testing.assert_array_equal(values, expected[name], name)


def test_blocks_are_all_steps_once():
    for steps, width in ((0, 1), (1, 1), (7, 10_000), (9, 30_000), (5, 200_000), (3, 0)):
        h = np.empty((steps, 1, width))
        parts = list(memory.blocks(h))
        assert [t for part in parts for t in range(part.start, part.stop)] == list(range(steps))
        assert all(h[part].nbytes <= memory.BLOCK_BYTES or len(h[part]) == 1 for part in parts)


@pytest.mark.parametrize(
    ("change", "way"),
    [
        ({}, True), ({"num_layers": 3}, True), ({"bias": False}, True), ({"dropout": 0.5}, True),
        ({"output_size": 2}, True), ({"outputs": "last"}, True), ({"outputs": "final"}, True),
        ({"truncation": T - 1}, True), ({"truncation": T - 2}, False),
        ({"bidirectional": True}, False),
    ],
)  # fmt: skip
def test_which_networks_go_the_straight_way(change, way):
    spec = replace(RNNSpec(2, 3), **change)
    assert straight.applies(spec, T, None, None) is way


def test_full_lengths_go_it_and_others_do_not():
    spec = RNNSpec(2, 3)
    assert straight.applies(spec, T, np.full(B, T, np.uint8), None)
    assert straight.applies(spec, T, np.zeros(0, int), None)
    assert not straight.applies(spec, T, np.array([T, T - 1]), None)


def test_dropout_goes_the_general_way_where_there_is_any():
    masks = np.ones((0, T, B, 3))
    assert straight.applies(RNNSpec(2, 3, dropout=0.5), T, None, masks)
    assert not straight.applies(RNNSpec(2, 3, 2, dropout=0.5), T, None, np.ones((1, T, B, 3)))
    assert isinstance(
        network.forward(RNNSpec(2, 3), draw(RNNSpec(2, 3)), *inputs())[2], straight.Tape
    )


def inputs() -> tuple[Array, Array]:
    a = draw(RNNSpec(2, 3))
    return a["x"], a["h0"]


@ROWS
def test_a_relu_that_is_off_stops_what_has_overflowed(b):
    """0 · inf would be NaN: the gradient of a unit that is off is 0, whatever reaches it."""
    spec = RNNSpec(1, 1, nonlinearity="relu", bias=False)
    a = draw(spec, 1, b, whole=True) | {
        "weight_ih_l0": np.array([[-1.0]]),
        "h0": np.zeros((1, b, 1)),
    }
    a |= {"x": np.ones((1, b, 1)), "d_output": np.full((1, b, 1), np.inf)}
    found = results(spec, a)
    assert (found["x"] == 0).all()
    assert (found["weight_ih_l0"] == 0).all()


@ROWS
def test_later_calls_overwrite_nothing(b):
    spec = RNNSpec(2, 3, 2)
    a = draw(spec, b=b)
    output, h_n, tape = forward(spec, a, a["x"], a["h0"])
    first = {"output": output, "h_n": h_n, **backward(tape, a["d_output"], a["d_h_n"])}
    kept = {name: values.copy() for name, values in first.items()}
    results(spec, {name: -2 * values for name, values in a.items()})
    backward(tape, -3 * a["d_output"], a["d_h_n"])
    for name, values in kept.items():
        assert first[name].tobytes() == values.tobytes(), name
        assert first[name].flags.writeable
        assert first[name].flags.owndata, "a view of something that is larger"


@ROWS
@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_the_straight_way_is_certified(nonlinearity, b):
    """Its own code on numbers of a prime field: exactly the derivative, exactly the network."""
    pytest.importorskip("flint")
    from oracles.drawing import draw as draw_case

    from rnncheck.implementations.references import reference
    from rnncheck.oracles.proof import prove

    case = draw_case(RNNSpec(2, 3, 2, nonlinearity), 5, b)
    assert straight.applies(case.spec, case.T, case.lengths, case.dropout_masks)
    proof = prove(reference("manual"), case)
    assert proof.gradient is not None
    assert proof.forward is not None
