"""Layers in a row are one network, of which the truth is known, on every implementation.

`RNN`, `RNN`, `Linear` in a row compute what a network of two layers with a readout does: ball
arithmetic gives its output and every gradient, the envelope how near a right model must come.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from training.judging import Judged, drawn, judged, same_bits

from rnncheck.case import Array
from rnncheck.spec import RNNSpec
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.sequential import Sequential

IMPLEMENTATIONS = ("scalar", "manual", "autodiff", "torch")
T, B = 4, 3


@dataclass(frozen=True)
class Same:
    """Layers, the network that they amount to, and where its parameters stand in them."""

    layers: tuple[Any, ...]
    spec: RNNSpec
    names: dict[str, str]
    T: int = T
    lengths: tuple[int, ...] | None = None
    fixed: tuple[str, ...] = ()
    """Parameters of the network that are 0, as the layers have none for them."""


def named(spec: RNNSpec, *places: tuple[str, str]) -> dict[str, str]:
    """Each parameter's name in a model: those of layer l of the network are `places[l]`'s l0."""
    names = {}
    for name in spec.parameter_shapes():
        for layer, (place, kind) in enumerate(places):
            if kind == "linear":
                own = {"weight_ho": "weight", "bias_o": "bias"}.get(name)
            elif kind == "readout":
                own = name if name in ("weight_ho", "bias_o") else None
            else:
                own = name.replace(f"_l{layer}", "_l0") if f"_l{layer}" in name else None
            if own:
                names[f"{place}.{own}"] = name
    return names


def two(psi: Any, **options: Any) -> RNNSpec:
    return RNNSpec(2, 3, 2, output_size=5, readout=psi, **options)


def in_a_row(psi: Any, lengths: tuple[int, ...] | None, **options: Any) -> Same:
    """RNN, RNN, Linear for two layers and a readout; `outputs` is the second RNN's affair."""
    outputs = options.pop("outputs", "all")
    spec = two(psi, outputs=outputs, **options)
    layers = (RNN(3, **options), RNN(3, outputs=outputs, **options), Linear(5, psi))
    return Same(layers, spec, named(spec, ("0", ""), ("1", ""), ("2", "linear")), T, lengths)


def alone(lengths: tuple[int, ...] | None = None, **options: Any) -> Same:
    """One RNN layer, with everything that a spec says."""
    spec = RNNSpec(2, 3, **options)
    return Same(
        (RNN(3, **options),), spec, {f"0.{n}": n for n in spec.parameter_shapes()}, T, lengths
    )


def with_readout(**options: Any) -> Same:
    """An RNN layer without a readout, and a Linear in its place."""
    spec = RNNSpec(2, 3, output_size=5, **options)
    return Same((RNN(3, **options), Linear(5)), spec, named(spec, ("0", ""), ("1", "linear")))


def one_bias(**options: Any) -> Same:
    spec = RNNSpec(2, 3, **options)
    gone = tuple(n for n in spec.parameter_shapes() if n.startswith("bias_hh"))
    names = {f"0.{n}": n for n in spec.parameter_shapes() if n not in gone}
    return Same((RNN(3, biases=1, **options),), spec, names, fixed=gone)


def iterated() -> Same:
    """From a zero state, always: the network that generates with W_hh = 0."""
    spec = RNNSpec(2, 3, nonlinearity="sigmoid", output_size=2, generated=4)
    layers = (Iterated([RNN(3, nonlinearity="sigmoid"), Linear(2)], 5),)
    names = named(spec, ("0.0", ""), ("0.1", "linear"))
    del names["0.0.weight_hh_l0"]
    return Same(layers, spec, names, T=1, fixed=("weight_hh_l0",))


SOME = (4, 2, 3)
MODELS = {
    "three layers": in_a_row("identity", None),
    "three layers, lengths": in_a_row("softmax", SOME),
    "three layers, an empty row": in_a_row("sigmoid", (4, 0, 3)),
    "many to one": in_a_row("softmax", SOME, outputs="last"),
    "many to one, relu": in_a_row("identity", None, outputs="last", nonlinearity="relu"),
    "both ways": in_a_row("sigmoid", SOME, outputs="final", bidirectional=True),
    "both ways, last": in_a_row("identity", None, outputs="last", bidirectional=True),
    "no biases": in_a_row("identity", SOME, bias=False),
    "sigmoid": in_a_row("identity", SOME, nonlinearity="sigmoid", bidirectional=True),
    "readout": alone(output_size=5, readout="softmax", lengths=SOME),
    "layers": alone(num_layers=3, nonlinearity="relu"),
    "final": alone(outputs="final", bidirectional=True, output_size=4, lengths=SOME),
    "truncated": with_readout(truncation=1),
    "truncated, identity": alone(
        truncation=2, nonlinearity="identity", output_size=2, readout="sigmoid", lengths=SOME
    ),
    "truncated, final": alone(truncation=1, outputs="final", output_size=2, lengths=(4, 1, 3)),
    "truncated, last": alone(truncation=1, outputs="last", lengths=(4, 1, 3)),
    "generated": alone(generated=3, output_size=2),
    "generated, both layers": alone(
        generated=3, num_layers=2, output_size=2, nonlinearity="identity", readout_bias=False
    ),
    "one bias": one_bias(num_layers=2, bidirectional=True),
    "iterated": iterated(),
}  # fmt: skip


@cache
def right(key: str, dtype: str = "float64") -> Judged:
    same = MODELS[key]
    shapes = same.spec.parameter_shapes()
    zeros = {name: np.zeros(shapes[name]) for name in same.fixed}
    lengths = None if same.lengths is None else list(same.lengths)
    return judged(drawn(same.spec, same.T, B, seed=5, lengths=lengths, dtype=dtype, **zeros))


def model_of(key: str, implementation: str, dtype: str = "float64") -> Sequential:
    same, case = MODELS[key], right(key, dtype).case
    model = Sequential(same.layers, 2, implementation=implementation, dtype=dtype, rng=0)
    others = {name: np.ones_like(array) for name, array in model.parameters.items()}
    model.load_state_dict(others | {own: case.parameters[n] for own, n in same.names.items()})
    return model


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("key", MODELS)
def test_layers_in_a_row_are_one_network(key, implementation):
    same, truth = MODELS[key], right(key)
    model = model_of(key, implementation)
    assert truth.accepts("output", model(truth.case.x, same.lengths))
    found = model.backward(truth.case.d_output)
    assert list(found) == [*model.parameters, "x"]
    assert truth.accepts("x", found.pop("x"))
    for own, name in same.names.items():
        assert truth.accepts(name, found[own]), own
    for own in set(found) - set(same.names):
        assert not found[own].any(), f"{own} has no part in it"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("key", ["three layers, lengths", "both ways", "generated"])
def test_float32_is_computed_in_float32(key, implementation):
    same, truth = MODELS[key], right(key, "float32")
    model = model_of(key, implementation, "float32")
    assert truth.accepts("output", model(truth.case.x, same.lengths))
    found = model.backward(truth.case.d_output)
    assert all(truth.accepts(name, found[own]) for own, name in {**same.names, "x": "x"}.items())


def dyadic(model: Sequential, steps: int) -> tuple[Array, Array]:
    """Halves up to 1 for the parameters, x and the cotangent: multiples of 2⁻¹¹ below 2²⁰, so exact.

    What is added up anywhere is a product of at most 9 parameters (three layers over three steps, or
    three times two layers and one more), an x and a cotangent, each a half: a multiple of 2⁻¹¹. None
    is above 1, and there are fewer than 3·3·(3·3)⁵ of them in a sum. So 31 bits hold every sum.
    """
    rng = np.random.default_rng(4)
    model.load_state_dict(
        {n: rng.integers(-2, 3, a.shape) / 2 for n, a in model.parameters.items()}
    )
    x = rng.integers(-2, 3, (steps, B, model.input_size)) / 2
    return x, rng.integers(-2, 3, model(x).shape) / 2


@pytest.mark.parametrize(
    ("layers", "steps"),
    [
        ([Linear(3), RNN(3, nonlinearity="relu"), Linear(2, "relu")], 3),
        (
            [
                RNN(3, nonlinearity="identity", outputs="last", biases=1),
                Linear(3, "relu"),
                Linear(2),
            ],
            3,
        ),
        ([RNN(2, nonlinearity="relu", bidirectional=True, truncation=None), Linear(2)], 3),
        ([RNN(2, nonlinearity="identity", truncation=1), Linear(2)], 3),
        ([Iterated([RNN(2, nonlinearity="relu"), Linear(2)], 3), Linear(1)], 1),
    ],
    ids=["linear first", "many to one", "both ways", "truncated", "iterated"],
)
def test_without_rounding_all_implementations_agree_bit_for_bit(layers, steps):
    one = Sequential(layers, 2, rng=0)
    x, d = dyadic(one, steps)
    output, found = one(x), one.backward(d)
    assert output.any()
    assert all(found[name].any() for name in found if name != "0.0.weight_hh_l0")  # from h = 0 only
    for implementation in IMPLEMENTATIONS:
        other = one.on(implementation)
        assert (other(x) == output).all(), implementation
        assert same_bits(other.backward(d), found), implementation


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("first", [RNN(3), Linear(2)], ids=["rnn", "linear"])
def test_what_lies_in_the_padding_changes_nothing(first, implementation):
    layers = [first, RNN(2, bidirectional=True), Linear(3, "softmax")]
    model = Sequential(layers, 2, implementation=implementation, rng=1)
    rng = np.random.default_rng(1)
    x, d = rng.normal(size=(T, B, 2)), rng.normal(size=(T, B, 3))
    padding = np.arange(T)[:, None] >= np.array(SOME)
    results = []
    for filling in (0.0, np.nan):
        x[padding], d[padding] = filling, filling
        output = model(x, SOME)
        assert not output[padding].any()
        results.append({"output": output, **model.backward(d)})
    assert not results[0]["x"][padding].any()
    assert same_bits(*results)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_linear_layer_after_the_last_step_sees_that_one_alone(implementation):
    """Many to one is the last step of many to many, if nothing else is asked of it."""
    layers = [RNN(3), Linear(2, "tanh")]
    every = Sequential(layers, 2, implementation=implementation, rng=1)
    last = Sequential([RNN(3, outputs="last"), layers[1]], 2, implementation=implementation, rng=1)
    x = np.random.default_rng(3).integers(-4, 5, (T, B, 2)) / 4
    assert last(x).shape == (1, B, 2)
    # The same three products and sums for each row, in however many rows: BLAS may order them
    # otherwise for another number of rows, so that two sums of 4 terms may differ by 2·4u·Σ|terms|,
    # Σ|terms| <= 4 (weights within 1/√3, states within 1); tanh, a contraction, may add 4 ulp on each side.
    u = np.finfo(float).eps / 2
    assert np.abs(last(x) - every(x)[-1:]).max() <= (2 * 4 * 4 + 2 * 8) * u


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_after_the_last_step_there_are_no_lengths_any_more(implementation):
    """What follows it runs on one step of every row, that of a row without steps, 0, too."""
    layers = [RNN(3, outputs="last"), RNN(3), Linear(2)]
    whole = Sequential(layers, 2, implementation=implementation, rng=1)
    first, rest = (
        Sequential(part, size, implementation=implementation, rng=1)
        for part, size in ((layers[:1], 2), (layers[1:], 3))
    )
    own = {n: a for n, a in whole.parameters.items() if n.startswith("0.")}
    first.load_state_dict(own)
    others = {n: a for n, a in whole.parameters.items() if n not in own}
    rest.load_state_dict({f"{int(n[0]) - 1}{n[1:]}": a for n, a in others.items()})
    x, lengths = np.random.default_rng(3).normal(size=(T, B, 2)), [3, 0, 2]
    output = whole(x, lengths)
    assert (output == rest(first(x, lengths))).all()
    assert output[0, 1].all()
    d = np.ones(output.shape)
    found, after = whole.backward(d), rest.backward(d)
    assert all((found[f"{int(n[0]) + 1}{n[1:]}"] == after[n]).all() for n in after if n != "x")
    assert (found["x"] == first.backward(after["x"])["x"]).all()


def test_names_and_shapes_are_those_of_a_torch_sequential():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.RNN(2, 3, 2, bidirectional=True),
        torch.nn.Linear(6, 4),
        torch.nn.Linear(4, 1, False),
    )
    ours = Sequential([RNN(3, 2, bidirectional=True), Linear(4), Linear(1, bias=False)], 2)
    expected = {name: tuple(p.shape) for name, p in theirs.state_dict().items()}
    assert {name: a.shape for name, a in ours.parameters.items()} == expected
    assert list(ours.parameters) == list(expected)


def test_parameters_are_drawn_as_torch_draws_them():
    """U(-1/√n, 1/√n), n the units of a recurrent layer or the features of a linear one.

    Of N such numbers the largest is below (1-e) of the bound with a probability of (1-e)^N: with
    e = 0.02 and N = 1000 that is 2e-9.
    """
    model = Sequential([RNN(25), Linear(1000)], 40, rng=0)
    for name, bound in (("0.weight_ih_l0", 0.2), ("1.weight", 0.2), ("1.bias", 0.2)):
        largest = np.abs(model.parameters[name]).max()
        assert 0.98 * bound < largest <= bound, name


def test_one_generator_gives_one_model_on_every_implementation():
    made = [Sequential([RNN(3), Linear(2)], 2, implementation=i, rng=7) for i in IMPLEMENTATIONS]
    assert all(same_bits(made[0].parameters, other.parameters) for other in made)
    assert not same_bits(made[0].parameters, Sequential(made[0].layers, 2, rng=8).parameters)


def test_a_model_on_another_implementation_has_parameters_of_its_own():
    one = Sequential([RNN(3), Linear(2)], 2, rng=7)
    kept = one.state_dict()
    other = one.on("autodiff")
    assert same_bits(other.parameters, kept)
    for array in other.parameters.values():
        array[...] = 0.0
    assert same_bits(one.parameters, kept)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_call_changes_nothing_and_may_be_repeated(implementation):
    model = Sequential([RNN(3), Linear(2, "softmax")], 2, implementation=implementation, rng=7)
    x = np.random.default_rng(0).normal(size=(T, B, 2))
    kept = {"x": x.copy(), **model.state_dict()}
    output = model(x)
    first = model.backward(np.ones_like(output))
    output[...] = np.nan
    model.predict(2 * x)
    assert same_bits(model.backward(np.ones_like(output)), first)
    assert same_bits({"x": x, **model.parameters}, kept)
    assert (model(x) == model.predict(x)).all()


# Outputs fed back.


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("key", ["generated", "generated, both layers", "iterated"])
def test_generate_is_what_a_generating_network_gives(key, implementation):
    """However many steps the layer itself would generate."""
    truth, model = right(key), model_of(key, implementation)
    steps = truth.case.spec.generated
    assert truth.accepts("output", model.generate(truth.case.x, steps))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_generate_carries_every_layers_state_on(implementation):
    """RNN and Linear in a row against the network with a readout, which generates by itself."""
    truth = right("generated")
    model = Sequential([RNN(3), Linear(2)], 2, implementation=implementation)
    names = named(truth.case.spec, ("0", ""), ("1", "linear"))
    model.load_state_dict({own: truth.case.parameters[name] for own, name in names.items()})
    assert truth.accepts("output", model.generate(truth.case.x, 3))
    assert truth.case.spec.generated == 3


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_generate_slides_a_window_where_one_output_is_read(implementation):
    layers = [RNN(3), RNN(3, outputs="last"), Linear(2)]
    model = Sequential(layers, 2, implementation=implementation, rng=3)
    x = np.random.default_rng(0).normal(size=(T, B, 2))
    made = model.generate(x, 6)
    assert made.shape == (7, B, 2)
    seen = np.concatenate([x, made])
    for step in range(7):
        assert (made[step] == model.predict(seen[step : step + T])[0]).all()


def test_generating_any_number_of_steps_is_the_beginning_of_generating_more():
    model = Sequential([RNN(3), Linear(2)], 2, rng=3)
    x = np.random.default_rng(0).normal(size=(T, B, 2))
    many = model.generate(x, 500)
    assert many.shape == (T + 500, B, 2)
    assert (model.generate(x, 20) == many[: T + 20]).all()
    assert (model.generate(x, 0) == model(x)).all()


# What is wrong, in words.


def small(**options: Any) -> Sequential:
    return Sequential([RNN(3), Linear(2)], 2, rng=0, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sequential([], 2), "layers is empty; it must hold at least one layer"),
        (
            lambda: Sequential([RNN(3), "Linear"], 2),
            r"layers\[1\] must be an RNN, Linear or Iterated",
        ),
        (lambda: Sequential([RNN(3)], 0), "input_size must be at least 1, not 0"),
        (lambda: small(implementation="numpy"), "implementation must be one of scalar, manual,"),
        (lambda: small(dtype="float16"), "dtype must be float64 or float32, not float16"),
        (lambda: RNN(0), "hidden_size must be at least 1, not 0"),
        (lambda: RNN(3, biases=3), "biases must be 1 or 2, not 3"),
        (lambda: RNN(3, generated=2, outputs="last"), "generated steps need one direction"),
        (lambda: Linear(0), "out_features must be at least 1, not 0"),
        (
            lambda: Linear(2, "elu"),
            "activation must be one of identity, tanh, relu, sigmoid, softmax",
        ),
        (lambda: Linear(2, bias=1), "bias must be True or False, not 1"),
        (lambda: Iterated([Linear(2)], 0), "times must be at least 1, not 0"),
        (lambda: Iterated([], 2), "layers is empty"),
        (
            lambda: Sequential([Linear(4), Iterated([Linear(3)], 2)], 2),
            r"layer 1, which reads 4 features: Iterated feeds the output of its layers \(3 features\) back",
        ),
        (
            lambda: Sequential([Linear(4), RNN(3, generated=2)], 2),
            r"layer 1, which reads 4 features: generated steps feed the output \(3 features\) back",
        ),
    ],
)
def test_a_model_that_cannot_be(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


X = np.zeros((T, B, 2))


@pytest.mark.parametrize(
    ("layers", "call", "message"),
    [
        (None, lambda m: m(X[0]), r"x has shape \(3, 2\); it must have 3 axes: time, batch, input"),
        (None, lambda m: m(X[..., :1]), r"x has shape \(4, 3, 1\); it must have shape \(4, 3, 2\)"),
        (None, lambda m: m(X.astype("float32")), "x is float32; this network computes in float64"),
        (None, lambda m: m(X, [1, 2]), r"lengths has shape \(2,\); it must have shape \(3,\)"),
        (None, lambda m: m(X, [1, 2, 5]), r"lengths must lie in 0..T = 0..4"),
        (None, lambda m: m.backward(X), "backward needs a forward pass first"),
        (None, lambda m: (m(X), m.backward(X[:1])), r"d_output has shape \(1, 3, 2\); it must have"),
        (None, lambda m: m.generate(X, -1), "steps must be a number of steps, at least 0, not -1"),
        (None, lambda m: m.generate(X[:0], 1), "generate needs at least one step of x"),
        ([Linear(1)], lambda m: m.generate(X, 1), r"feeds the output \(1 features\) back as x \(2\)"),
        ([RNN(1, bidirectional=True)], lambda m: m.generate(X, 1), "generate needs one direction"),
        ([RNN(2, generated=1)], lambda m: m(X, [4, 4, 4]), "layer 0 generates steps: it needs"),
        ([RNN(2, generated=1)], lambda m: m(X[:0]), "layer 0 generates steps: it needs at least one"),
        ([Iterated([RNN(2)], 2)], lambda m: m(X), r"layer 0 feeds .* time axis 1 \(not 4\)"),
        ([Iterated([RNN(2)], 2)], lambda m: m(X[:1], [1, 1, 1]), "layer 0 feeds .* and no lengths"),
        (None, lambda m: m.load_state_dict({}), "state_dict lacks 0.weight_ih_l0, .*; it must hold"),
        (
            None,
            lambda m: m.load_state_dict(m.state_dict() | {"2.weight": X}),
            "state_dict has the unknown 2.weight; it must hold 0.weight_ih_l0, ",
        ),
        (
            None,
            lambda m: m.load_state_dict(m.state_dict() | {"1.bias": np.zeros(3)}),
            r"1.bias has shape \(3,\); it must have shape \(2,\)",
        ),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be(layers, call, message):
    model = small() if layers is None else Sequential(layers, 2, rng=0)
    with pytest.raises((ValueError, TypeError, RuntimeError), match=message):
        call(model)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(0, B), (T, 0), (0, 0)])
def test_nothing_goes_through_as_nothing(shape, implementation):
    """No steps or no rows: empty outputs, and gradients of 0; "final" reads a zero state."""
    layers = [RNN(3, bidirectional=True), RNN(3, outputs="final"), Linear(2, "softmax")]
    model = Sequential(layers, 2, implementation=implementation, rng=0)
    output = model(np.zeros((*shape, 2)))
    assert output.shape == (1, shape[1], 2)
    found = model.backward(np.zeros(output.shape))
    assert found["x"].shape == (*shape, 2)
    assert not any(gradient.any() for gradient in found.values())


def test_torch_is_left_as_it_was():
    """Neither its generator nor its default dtype is touched by making or running a model."""
    torch = pytest.importorskip("torch")
    before = torch.random.get_rng_state()
    model = small(implementation="torch")
    model(X)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_default_dtype() == torch.float32


def test_a_model_in_numpy_needs_numpy():
    code = (
        "from rnncheck.training.sequential import Sequential\n"
        "from rnncheck.training.layers import RNN, Linear\n"
        "import sys, numpy\n"
        "model = Sequential([RNN(2), Linear(1)], 1, rng=0)\n"
        "model.backward(model(numpy.ones((1, 1, 1))))\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"torch", "flint", "hypothesis", "matplotlib", "safetensors", "rich"}


def test_a_model_says_what_it_is():
    assert re.match(r"Sequential\(\[RNN\(hidden_size=3, .*Linear\(out_features=2, ", repr(small()))
