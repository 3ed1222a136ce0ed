"""A fleet: network k of it is the network that `forward` and `backward` run at k's arrays."""

from dataclasses import replace

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
OTHERS = [
    RNNSpec(2, 3, 2, "relu", bidirectional=True),
    RNNSpec(2, 3, 1, "identity", bidirectional=True, bias=False, outputs="final"),
    RNNSpec(2, 3, 2, "relu", dropout=0.5),
    RNNSpec(2, 3, 1, "relu", truncation=1, output_size=2),
    RNNSpec(2, 3, 1, "identity", truncation=2, output_size=2, readout_bias=False),
    RNNSpec(2, 3, 2, "relu", outputs="last", output_size=2),
    RNNSpec(2, 3, 2, "sigmoid", bidirectional=True, output_size=2, readout="sigmoid"),
    RNNSpec(2, 2, 1, "relu", generated=2),
    RNNSpec(2, 2, 2, "relu", dropout=0.5, generated=2),
    RNNSpec(2, 3, 1, "identity", generated=2, output_size=2),
]
"""Networks that are more than plain layers."""

ALL_SPECS = pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
EACH_SPEC = pytest.mark.parametrize("spec", SPECS + OTHERS, ids=range(len(SPECS + OTHERS)))


def draw(
    spec: RNNSpec, k: int = K, t: int = T, b: int = B, dtype: type = np.float64
) -> dict[str, Array]:
    """Whole numbers, so that for relu and identity sums are exact; halves for the others."""
    rng = np.random.default_rng(5)
    shapes = spec.parameter_shapes() | spec.array_shapes(t, b)
    names = [name for name in shapes if name not in ("output", "h_n", "lengths", "dropout_masks")]
    unit = 1 if spec.nonlinearity in ("relu", "identity") else 0.25
    return {n: (unit * rng.integers(-2, 3, (k, *shapes[n]))).astype(dtype) for n in names}


def shared(spec: RNNSpec, a: dict[str, Array]) -> tuple[Array | None, Array | None]:
    """Lengths, and dropout's multipliers if the spec has dropout: those of all networks."""
    t, b = a["x"].shape[-3:-1]
    lengths = None if spec.generated else np.arange(b) % (t + 1)
    if not spec.dropout:
        return lengths, None
    masks = np.random.default_rng(6).integers(0, 3, spec.array_shapes(t, b)["dropout_masks"])
    return lengths, masks.astype(a["x"].dtype)


def run(
    module, spec: RNNSpec, a: dict[str, Array], *lengths_and_masks: Array | None
) -> dict[str, Array]:
    output, h_n, tape = module.forward(spec, a, a["x"], a["h0"], *lengths_and_masks)
    return {"output": output, "h_n": h_n, **module.backward(tape, a["d_output"], a["d_h_n"])}


class Alone:
    """The network's own two passes."""

    forward, backward = staticmethod(forward), staticmethod(backward)


def assert_each_is_the_network(
    spec: RNNSpec, a: dict[str, Array], found: dict[str, Array], *lengths_and_masks: Array | None
) -> None:
    """Exactly, where sums are exact; else within the rounding of either side.

    With weights of at most 1/2 and three states, or two, an error grows by at most 1.5 in a step of
    tanh, T = 4 times each way: less than 100 times in all (1.5 ** 8 = 26). Sigmoid has a slope of at
    most 1/4: from step to step nothing grows, and from the six states of two directions to the layer
    above 0.75. So it is for each of fewer than 1000 roundings of numbers below 100.
    """
    eps = float(np.finfo(a["x"].dtype).eps)
    allowed = 0.0 if spec.nonlinearity in ("relu", "identity") else 100 * 1000 * 100 * eps
    for k in range(len(a["x"])):
        own = {name: values[k] for name, values in a.items()}
        alone = run(Alone, spec, own, *lengths_and_masks)
        assert list(found) == list(alone)
        for name, values in alone.items():
            assert np.abs(values).max(initial=0) < min(2**53, 1 / eps), "not exact any more"
            assert found[name].dtype == values.dtype
            np.testing.assert_allclose(found[name][k], values, rtol=0, atol=allowed, err_msg=name)


@EACH_SPEC
def test_each_network_is_the_network(spec):
    a = draw(spec)
    assert_each_is_the_network(spec, a, run(fleet, spec, a))


@EACH_SPEC
def test_lengths_and_dropout_are_those_of_all(spec):
    a = draw(spec)
    both = shared(spec, a)
    assert_each_is_the_network(spec, a, run(fleet, spec, a, *both), *both)
    full = (None if spec.generated else np.full(B, T)), both[1]
    assert_each_is_the_network(spec, a, run(fleet, spec, a, *full), *full)


@pytest.mark.parametrize("size", [1, 2000, 10**9])
@ALL_SPECS
def test_the_size_of_a_part_does_not_matter(spec, size, monkeypatch):
    """One network at a time, some with a rest, all."""
    monkeypatch.setattr(fleet, "BLOCK_BYTES", size)
    a = draw(spec)
    parts = list(fleet._parts(spec, a["x"]))
    assert [k for part in parts for k in range(part.start, part.stop)] == list(range(K))
    assert_each_is_the_network(spec, a, run(fleet, spec, a))


@EACH_SPEC
def test_float32_stays_float32(spec):
    a = draw(spec, dtype=np.float32)
    if spec.nonlinearity in ("relu", "identity"):
        assert_each_is_the_network(spec, a, run(fleet, spec, a))
    assert {values.dtype for values in run(fleet, spec, a).values()} == {np.dtype(np.float32)}


EMPTY = [
    (spec, *sizes)
    for spec in SPECS + OTHERS
    for sizes in ((0, 2, 2), (2, 0, 2), (2, 2, 0))
    if not (spec.generated and sizes[1] == 0)  # there is nothing to go on from
]


@pytest.mark.parametrize(("spec", "k", "t", "b"), EMPTY)
def test_empty_sizes(spec, k, t, b):
    a = draw(spec, k, t, b)
    found = run(fleet, spec, a)
    shapes = spec.array_shapes(t, b)
    assert found["output"].shape == (k, *shapes["output"])
    assert_each_is_the_network(spec, a, found)


@EACH_SPEC
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
@EACH_SPEC
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
@pytest.mark.parametrize("spec", [SPECS[0], RNNSpec(2, 3, truncation=1)])
def test_another_shape_is_refused(spec, name, shape, message):
    a = draw(spec) | {name: np.zeros(shape)}
    with pytest.raises(ValueError, match="it must have") as error:
        run(fleet, spec, a)
    assert str(error.value).startswith(message)


def both_passes(
    spec: RNNSpec, a: dict[str, Array], used: fleet.Tape | None
) -> tuple[dict[str, Array], fleet.Tape]:
    output, h_n, tape = fleet.forward(spec, a, a["x"], a["h0"], used=used)
    found = fleet.backward(tape, a["d_output"], a["d_h_n"])
    return {"output": output, "h_n": h_n, **found}, tape


@EACH_SPEC
def test_it_may_work_in_the_arrays_of_an_earlier_call(spec):
    """Call after call the numbers of a new tape, and what earlier ones returned stays."""
    if spec.dropout:
        spec = replace(spec, dropout=0.0)
    first, later = draw(spec), {name: 2 * values for name, values in draw(spec).items()}
    expected = [run(fleet, spec, a) for a in (first, later, first)]
    tape, found = None, []
    for a in (first, later, first):
        one, tape = both_passes(spec, a, tape)
        found.append(one)
    for one, other in zip(found, expected, strict=True):
        assert list(one) == list(other)
        for name, values in one.items():
            assert values.tobytes() == other[name].tobytes(), name


@ALL_SPECS
def test_the_arrays_are_in_fact_those(spec, monkeypatch):
    monkeypatch.setattr(fleet, "BLOCK_BYTES", 2000)
    a = draw(spec)
    _, tape = both_passes(spec, a, None)
    assert len(tape.kept) > 1, "parts"
    states = [layer.states for _, layers in tape.kept for layer in layers]
    _, again = both_passes(spec, a, tape)
    found = [layer.states for _, layers in again.kept for layer in layers]
    assert all(one is other for one, other in zip(found, states, strict=True))


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        (SPECS[0], {"k": K - 1}), (SPECS[0], {"t": T + 1}), (SPECS[0], {"b": B - 1}),
        (SPECS[0], {"dtype": np.float32}), (RNNSpec(2, 4), {}), (RNNSpec(2, 3, bias=False), {}),
        (RNNSpec(2, 3, 2), {}), (OTHERS[3], {}),
    ],
)  # fmt: skip
def test_a_tape_of_another_fleet_is_left_alone(spec, sizes):
    a, other = draw(SPECS[0]), draw(spec, **sizes)
    expected, _ = both_passes(SPECS[0], a, None)
    _, tape = both_passes(spec, other, None)
    found, new = both_passes(SPECS[0], a, tape)
    assert new is not tape
    for name, values in found.items():
        assert values.dtype == expected[name].dtype
        assert values.tobytes() == expected[name].tobytes(), name
