"""The hand-derived gradients against finite differences of the own forward pass.

The loss is sum(d_output * output) + sum(d_h_n * h_n), every term of it rounded.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, forward
from rnncheck.spec import RNNSpec

Array = np.ndarray
T, B = 5, 3
LENGTHS = np.array([5, 0, 3])
STEP = 2.0**-13
GRID = 2.0**-20  # a multiple of it, plus or minus STEP or twice that, is exact in float64


@dataclass
class Problem:
    """A network, everything that the loss depends on, and the cotangents."""

    spec: RNNSpec
    arrays: dict[str, Array]  # the parameters, x and h0
    lengths: Array | None
    masks: Array | None
    d_output: Array
    d_h_n: Array

    def loss(self) -> float:
        """The loss, without the padding of d_output."""
        x, h0 = self.arrays["x"], self.arrays["h0"]
        output, h_n, _ = forward(self.spec, self.arrays, x, h0, self.lengths, self.masks)
        terms = np.where(self.counted(), self.d_output, 0) * output
        return float(terms.sum() + (self.d_h_n * h_n).sum())

    def gradients(self) -> dict[str, Array]:
        """What `backward` says."""
        x, h0 = self.arrays["x"], self.arrays["h0"]
        tape = forward(self.spec, self.arrays, x, h0, self.lengths, self.masks)[2]
        return backward(tape, self.d_output, self.d_h_n)

    def valid(self, steps: int = T) -> Array:
        """(steps, B, 1): t < n_b."""
        n = np.full(B, steps) if self.lengths is None else self.lengths
        return np.arange(steps)[:, None, None] < n[:, None]

    def counted(self) -> Array:
        """(time axis of output, B, 1): whether that output is in the loss."""
        if self.spec.outputs == "all":
            return self.valid(T + self.spec.generated)
        return self.valid()[:1] | (self.spec.outputs == "final")


def problem(spec: RNNSpec, lengths: Array | None, seed: int) -> Problem:
    """Random numbers in [-1, 1] on the grid, NaN in the padding.

    A cell's row [weight_ih weight_hh bias_ih bias_hh] is scaled so that its absolute values sum
    to 1 at most, and so is the readout's: see `rounding`.
    """
    rng = np.random.default_rng(seed)
    shapes = spec.array_shapes(T, B)

    def draw(shape: tuple[int, ...]) -> Array:
        return rng.uniform(-1, 1, size=shape)

    arrays = {name: draw(shape) for name, shape in spec.parameter_shapes().items()}
    cells = [(f"_{spec.suffix(*cell)}",) for cell in spec.cells()]
    for ends in [*cells, ("_ho", "_o")]:
        group = [name for name in arrays if name.endswith(ends)]
        total = sum(np.abs(arrays[name]).reshape(len(arrays[name]), -1).sum(1) for name in group)
        for name in group:
            arrays[name] = (arrays[name].T / total).T
    arrays |= {"x": draw(shapes["x"]), "h0": draw(shapes["h0"])}
    arrays = {name: np.trunc(values / GRID) * GRID for name, values in arrays.items()}
    masks = None
    if spec.dropout:
        kept = rng.random(shapes["dropout_masks"]) >= spec.dropout
        masks = kept / (1 - spec.dropout)
    d_output, d_h_n = draw(shapes["d_output"]), draw(shapes["d_h_n"])
    made = Problem(spec, arrays, lengths, masks, d_output, d_h_n)
    arrays["x"] = np.where(made.valid(), arrays["x"], np.nan)
    made.d_output = np.where(made.counted(), d_output, np.nan)
    return made


def rounding(p: Problem) -> float:
    """An upper bound of the rounding error of p.loss().

    Rows that sum to 1, |φ'| <= 1, |ψ'| <= 1 and |x|, |h0| <= 1 keep every value within
    R = (1-p)^-(L-1)(G+1), the gain of L-1 dropouts, G times fed back through them, and amplify an
    error by R at most. With u = eps/2 the unit roundoff, a step of a cell adds at most F + H + 2
    roundings of its sum and 4 in φ; a readout D·H + 1, and O + 4 in ψ. The path to the output has
    at most T + G steps in each of L layers, and a readout after the given and each generated
    step. The loss adds one for each of its terms. Each rounding is of a number of at most R (of
    Σ|d| R in the loss).
    """
    spec = p.spec
    gain = (1 - spec.dropout) ** ((1 - spec.num_layers) * (1 + spec.generated))
    width = max(spec.layer_input_size(layer) for layer in range(spec.num_layers))
    path = spec.num_layers * (T + spec.generated) * (width + spec.hidden_size + 7)
    readout = spec.num_directions * spec.hidden_size + spec.output_features + 5
    path += (1 + spec.generated) * readout
    weights = float(np.nansum(np.abs(p.d_output)) + np.abs(p.d_h_n).sum())
    terms = p.d_output.size + p.d_h_n.size
    return (path * gain + terms) * gain * weights * np.finfo(float).eps / 2


def check(p: Problem) -> None:
    """Every component of every gradient against central differences D(ε), ε = STEP.

    D(ε) = f' + f'''ε²/6 + O(ε⁴), so that D(2ε) - D(ε) is three times D(ε)'s error; it is allowed
    once, and the factor 3 left to the higher orders. Rounding moves D(ε) by rounding / ε at most
    and D(2ε) by half of that, hence the third of their difference by half of rounding / ε: 1.5 in
    all. The gradient is a sum of products like the loss, its own error another `rounding` or so,
    a 1/ε-th of the other: it is well within the remaining 0.5 of the 2.
    """
    found = p.gradients()
    assert list(found) == [*p.spec.parameter_shapes(), "x", "h0"]
    error = rounding(p)

    def difference(values: Array, at: tuple[int, ...], step: float) -> float:
        middle, losses = values[at], []
        for sign in (1, -1):
            values[at] = middle + sign * step
            losses.append(p.loss())
        values[at] = middle
        return (losses[0] - losses[1]) / (2 * step)

    for name, values in p.arrays.items():
        assert found[name].shape == values.shape
        for at in np.ndindex(values.shape):
            near, far = difference(values, at, STEP), difference(values, at, 2 * STEP)
            tolerance = abs(far - near) + 2 * error / STEP
            # A kink of relu within reach would make `far - near`, and the tolerance, useless.
            assert tolerance < 1e-6, (name, at, "choose another seed")
            assert abs(found[name][at] - near) <= tolerance, (name, at)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "padded"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid", "identity"])
def test_gradients(nonlinearity, num_layers, bidirectional, lengths):
    """Parameters, x and h0, with a dropout mask between the layers, without a readout."""
    dropout = 0.25 if num_layers == 3 else 0.0
    spec = RNNSpec(2, 2, num_layers, nonlinearity, True, bidirectional, dropout=dropout)
    check(problem(spec, lengths, seed=1))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "padded"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "plain"])
@pytest.mark.parametrize("readout", ["identity", "sigmoid", "softmax"])
def test_gradients_with_a_readout(readout, bias, lengths):
    """ψ after two layers and two directions, with all biases or none."""
    spec = RNNSpec(1, 2, 2, "tanh", bias, True, 3, readout, bias, dropout=0.5)
    check(problem(spec, lengths, seed=2))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "padded"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize("output_size", [None, 3])
@pytest.mark.parametrize("outputs", ["last", "final"])
def test_gradients_of_one_output(outputs, output_size, bidirectional, lengths):
    """Many to one; one row has no steps, and its "final" output depends on h0 alone."""
    readout = "softmax" if output_size else "identity"
    spec = RNNSpec(
        2, 2, 2, "tanh", True, bidirectional, output_size, readout, True, 0.25,
        outputs=outputs,
    )  # fmt: skip
    check(problem(spec, lengths, seed=6))


@pytest.mark.parametrize("generated", [1, 3])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid", "identity"])
def test_gradients_through_generated_steps(nonlinearity, num_layers, generated):
    """States fed back as inputs, with a dropout mask between the layers."""
    dropout = 0.125 if num_layers == 3 else 0.0
    spec = RNNSpec(2, 2, num_layers, nonlinearity, dropout=dropout, generated=generated)
    check(problem(spec, None, seed=7))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "plain"])
@pytest.mark.parametrize("readout", ["identity", "sigmoid", "softmax"])
def test_gradients_through_generated_readouts(readout, bias):
    """What is fed back went through ψ."""
    spec = RNNSpec(3, 2, 2, "tanh", bias, False, 3, readout, bias, dropout=0.125, generated=2)
    check(problem(spec, None, seed=8))
