"""The envelope of a step: its own values are those of every implementation, each within one allowance."""

from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementations.references import reference
from rnncheck.oracles.envelope import envelope
from rnncheck.oracles.noise import Noise
from rnncheck.oracles.sampled import SampledNetwork
from rnncheck.training import chain
from rnncheck.training.clipping import ClipNorm, ClipValue
from rnncheck.training.envelope import StepEnvelope, step_envelope
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.lockstep import arrays_of
from rnncheck.training.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from rnncheck.training.optimizers import SGD, Adam, RMSProp
from rnncheck.training.sequential import Sequential
from rnncheck.training.step import Batch, Rule

T, B, I, O = 4, 3, 2, 3  # noqa: E741 - as everywhere
LENGTHS = np.array([4, 2, 3])

STACKED = (RNN(5), RNN(4, biases=1), Linear(O, "sigmoid"))
MODELS = {
    "stacked": (STACKED, SquaredError(), True),
    "stacked, binary": (STACKED, BinaryCrossEntropy(), True),
    "truncated, softmax": (
        (RNN(4, nonlinearity="sigmoid", bias=False, output_size=O, readout="softmax",
             readout_bias=False, truncation=1),), CrossEntropy(reduction="sum"), True,
    ),
    "both directions": (
        (RNN(3, num_layers=2, bidirectional=True, outputs="final"), Linear(4, "relu"), Linear(O)),
        SoftmaxCrossEntropy(), True,
    ),
    "the last step": (
        (RNN(4, nonlinearity="relu", outputs="last"), Linear(O, "softmax")), CrossEntropy(), True,
    ),
    "generated": ((RNN(3, output_size=I, generated=2),), SquaredError(), False),
    "iterated": ((Iterated((RNN(3, outputs="last"), Linear(I, "tanh")), 4),), SquaredError(), False),
    "read at its last step only": ((RNN(3), Linear(O)), SquaredError(steps="last"), True),
}  # fmt: skip

RULES = {
    "adam": {"optimizer": Adam(0.01)},
    "rmsprop, norm clipped, decay": {
        "optimizer": RMSProp(0.01, momentum=0.9, centered=True, weight_decay=0.1),
        "clip": ClipNorm(0.01),
    },
    "sgd with momentum, values clipped": {
        "optimizer": SGD(0.1, momentum=0.9), "clip": ClipValue(1e-3), "lr": 0.05,
    },
}  # fmt: skip


def made(layers, loss, padded: bool, dtype: str = "float64") -> tuple[Sequential, Batch]:
    rng = np.random.default_rng(0)
    model = Sequential(layers, I, dtype=dtype, rng=rng)
    lengths = LENGTHS if padded else None
    x = rng.normal(size=(T if padded else 1, B, I)).astype(dtype)
    shape = model.predict(x, lengths).shape
    y = rng.random(shape)
    if loss.by_class:
        y = np.eye(O)[rng.integers(0, O, shape[:2])]
    return model, Batch(x, y, lengths, model.output_lengths(lengths))


def taken(model: Sequential, batch: Batch, rule: Rule, implementation: str, before=None):
    """The step after `before` (None: the first), by an implementation, and its envelope."""
    parameters = before.parameters if before else model.parameters
    states = before.states if before else {}
    arguments = (parameters, chain.trainable(model.links), batch, rule, states)
    step = model.on(implementation).backend.train_step(*arguments)
    return step, step_envelope(model.links, *arguments)


def excess(step, found: StepEnvelope) -> dict[str, float]:
    """By array, the largest distance from the step's own value, in allowances."""
    arrays = arrays_of(step)
    assert arrays.keys() == found.values.keys()
    assert all(np.shape(arrays[name]) == value.shape for name, value in found.values.items())
    return {
        name: float(np.max(np.abs(arrays[name] - value) / found.allowed[name], initial=0.0))
        for name, value in found.values.items()
    }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", RULES.values(), ids=RULES)
@pytest.mark.parametrize(("layers", "loss", "padded"), MODELS.values(), ids=MODELS)
def test_every_implementation_is_within_one_allowance(
    layers, loss, padded: bool, options, dtype: str
) -> None:
    model, batch = made(layers, loss, padded, dtype)
    rule = Rule(loss, **options)
    first = None
    for implementation in ("manual", "autodiff"):
        step, found = taken(model, batch, rule, implementation, first)
        assert not found.chaotic
        assert not found.overflowed
        assert max(excess(step, found).values()) <= 1.0
        first = step
    # It says something of all that is not 0.
    for name, value in found.values.items():
        assert value.size == 0 or not value.any() or (found.allowed[name] < np.abs(value)).any()


@pytest.mark.parametrize(("layers", "loss", "padded"), MODELS.values(), ids=MODELS)
def test_torch_is_within_one_allowance(layers, loss, padded: bool) -> None:
    pytest.importorskip("torch")
    model, batch = made(layers, loss, padded)
    step, found = taken(model, batch, Rule(loss, Adam(0.01)), "torch")
    assert max(excess(step, found).values()) <= 1.0


def test_parameters_that_are_not_trained_stay_to_the_bit() -> None:
    layers = (replace(STACKED[0], trainable=False), *STACKED[1:])
    model, batch = made(layers, SquaredError(), True)
    _, found = taken(model, batch, Rule(SquaredError(), SGD(0.1)), "manual")
    for name, array in model.parameters.items():
        moved = not np.array_equal(found.values[f"updated {name}"], array)
        assert moved != name.startswith("0.")


def test_the_cases_are_the_layers_alone() -> None:
    """Each with the x and the cotangent that reach it: their gradients are those of the step."""
    model, batch = made(STACKED, SquaredError(), True)
    _, found = taken(model, batch, Rule(SquaredError(), SGD(0.1)), "manual")
    assert list(found.cases) == ["0", "1"]
    for place, case in found.cases.items():
        gradients = reference("manual").gradients(case)
        for name, array in gradients.items():
            if f"{place}.{name}" in model.parameters:
                key = f"gradient of {place}.{name}"
                # x and cotangent are the step's own, rounded to the dtype: within its allowance.
                assert (np.abs(array - found.values[key]) <= found.allowed[key]).all()


def test_a_wider_sample_of_what_comes_in_widens_what_goes_out() -> None:
    """`SampledNetwork` with the case's own x and cotangent as samples, and with samples that differ."""
    model, batch = made((RNN(4),), SquaredError(), True)
    _, found = taken(model, batch, Rule(SquaredError(), SGD(0.1)), "manual")
    case = found.cases["0"]
    noise = Noise(np.dtype("float64"))

    def run(x, d_output):
        network = SampledNetwork(case, noise, x=x)
        output, _ = network.forward()
        return {"output": output, **network.backward(d_output)}

    plain = run(None, None)
    same = run(
        np.repeat(case.x[None], noise.samples, 0), np.repeat(case.d_output[None], noise.samples, 0)
    )
    assert all(np.array_equal(plain[name], same[name]) for name in plain)
    shifts = 1e-6 * np.arange(noise.samples)[:, None, None, None]
    wide = run(case.x + shifts * case.x, case.d_output + shifts * case.d_output)
    allowed = envelope(case)
    for name in ("output", "weight_ih_l0", "weight_hh_l0", "x"):
        spread = wide[name].max(axis=0) - wide[name].min(axis=0)
        assert spread.max() > 1e3 * allowed[name].allowed.max()
