"""A fleet: network k of it is the network that `forward` and `backward` run at k's arrays."""

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, fleet, forward
from rnncheck.spec import RNNSpec

Array = np.ndarray
K, T, B = 5, 4, 3
SPECS = [
    RNNSpec(2, 3),
    RNNSpec(2, 3, 1, "identity", bias=False),
    RNNSpec(2, 3, 3, "relu"),
    RNNSpec(3, 1, 2, "sigmoid"),
]
ALL_SPECS = pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))


def draw(
    spec: RNNSpec, k: int = K, t: int = T, b: int = B, dtype: type = np.float64
) -> dict[str, Array]:
    """Whole numbers, so that for relu and identity sums are exact; halves for the others."""
    rng = np.random.default_rng(5)
    shapes = spec.parameter_shapes() | spec.array_shapes(t, b)
    names = [name for name in shapes if name not in ("output", "h_n", "lengths", "dropout_masks")]
    unit = 1 if spec.nonlinearity in ("relu", "identity") else 0.25
    return {n: (unit * rng.integers(-2, 3, (k, *shapes[n]))).astype(dtype) for n in names}


def run(module, spec: RNNSpec, a: dict[str, Array]) -> dict[str, Array]:
    output, h_n, tape = module.forward(spec, a, a["x"], a["h0"])
    return {"output": output, "h_n": h_n, **module.backward(tape, a["d_output"], a["d_h_n"])}


class Alone:
    """The network's own two passes."""

    forward, backward = staticmethod(forward), staticmethod(backward)


def assert_each_is_the_network(spec: RNNSpec, a: dict[str, Array], found: dict[str, Array]) -> None:
    """Exactly, where sums are exact; else within the rounding of either side.

    With weights of at most 1/2 and three states, or two, an error grows by at most 1.5·0.25 in a step
    of a sigmoid (slope at most 1/4) and 1.5 in one of tanh, T = 4 times each way: less than 100 times
    in all (1.5 ** 8 = 26), for each of fewer than 1000 roundings of numbers below 100.
    """
    eps = float(np.finfo(a["x"].dtype).eps)
    allowed = 0.0 if spec.nonlinearity in ("relu", "identity") else 100 * 1000 * 100 * eps
    for k in range(len(a["x"])):
        alone = run(Alone, spec, {name: values[k] for name, values in a.items()})
        assert list(found) == list(alone)
        for name, values in alone.items():
            assert np.abs(values).max(initial=0) < min(2**53, 1 / eps), "not exact any more"
            assert found[name].dtype == values.dtype
            np.testing.assert_allclose(found[name][k], values, rtol=0, atol=allowed, err_msg=name)


@ALL_SPECS
def test_each_network_is_the_network(spec):
    a = draw(spec)
    assert_each_is_the_network(spec, a, run(fleet, spec, a))


@pytest.mark.parametrize("size", [1, 2000, 10**9])
@ALL_SPECS
def test_the_size_of_a_part_does_not_matter(spec, size, monkeypatch):
    """One network at a time, some with a rest, all."""
    monkeypatch.setattr(fleet, "BLOCK_BYTES", size)
    a = draw(spec)
    parts = list(fleet._parts(spec, a["x"]))
    assert [k for part in parts for k in range(part.start, part.stop)] == list(range(K))
    assert_each_is_the_network(spec, a, run(fleet, spec, a))


@ALL_SPECS
def test_float32_stays_float32(spec):
    a = draw(spec, dtype=np.float32)
    if spec.nonlinearity in ("relu", "identity"):
        assert_each_is_the_network(spec, a, run(fleet, spec, a))
    assert {values.dtype for values in run(fleet, spec, a).values()} == {np.dtype(np.float32)}


@ALL_SPECS
@pytest.mark.parametrize(("k", "t", "b"), [(0, 2, 2), (2, 0, 2), (2, 2, 0)])
def test_empty_sizes(spec, k, t, b):
    a = draw(spec, k, t, b)
    found = run(fleet, spec, a)
    shapes = spec.array_shapes(t, b)
    assert found["output"].shape == (k, *shapes["output"])
    assert_each_is_the_network(spec, a, found)


@ALL_SPECS
def test_nothing_is_shared_or_kept(spec):
    a = draw(spec)
    before = {name: values.copy() for name, values in a.items()}
    expected = run(fleet, spec, a)
    output, h_n, tape = fleet.forward(spec, a, a["x"], a["h0"])
    first = fleet.backward(tape, a["d_output"], a["d_h_n"])
    assert all((a[name] == before[name]).all() for name in a), "an input was written into"
    everything = [output, h_n, *first.values(), *a.values()]
    for i, one in enumerate(everything):
        assert not any(np.shares_memory(one, other) for other in everything[:i])
    for values in everything:
        values[...] = np.nan
    second = fleet.backward(tape, before["d_output"], before["d_h_n"])
    for name, values in second.items():
        assert values.tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: a[::-1].copy()[::-1]])
@ALL_SPECS
def test_the_layout_of_the_inputs_does_not_matter(spec, layout):
    a = draw(spec)
    expected = run(fleet, spec, a)
    for name, values in run(fleet, spec, {n: layout(v) for n, v in a.items()}).items():
        assert values.tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("x", (4, 3, 2), "x has shape (4, 3, 2); it must have 4 axes: network, time, batch, input"),
        ("x", (5, 4, 3, 1), "x has shape (5, 4, 3, 1); it must have shape (5, 4, 3, 2)"),
        ("h0", (4, 1, 3, 3), "h0 has shape (4, 1, 3, 3); it must have shape (5, 1, 3, 3)"),
        ("weight_hh_l0", (3, 3), "weight_hh_l0 has shape (3, 3); it must have shape (5, 3, 3)"),
        ("bias_hh_l0", (1, 3), "bias_hh_l0 has shape (1, 3); it must have shape (5, 3)"),
        (
            "d_output",
            (5, 4, 3, 2),
            "d_output has shape (5, 4, 3, 2); it must have shape (5, 4, 3, 3)",
        ),
        ("d_h_n", (1, 3, 3), "d_h_n has shape (1, 3, 3); it must have shape (5, 1, 3, 3)"),
    ],
)
def test_another_shape_is_refused(name, shape, message):
    a = draw(SPECS[0]) | {name: np.zeros(shape)}
    with pytest.raises(ValueError, match="it must have") as error:
        run(fleet, SPECS[0], a)
    assert str(error.value).startswith(message)


def test_what_has_no_fleet():
    spec = RNNSpec(2, 3, bidirectional=True)
    a = draw(spec)
    with pytest.raises(ValueError, match="plain networks only; this spec has bidirectional=True"):
        fleet.forward(spec, a, a["x"], a["h0"])
