"""The hand-derived gradients against finite differences, and truncation against windows.

The loss is sum(d_output * output) + sum(d_h_n * h_n), every term of it rounded.
"""

from dataclasses import dataclass, replace

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
        terms = np.where(self.valid(), self.d_output, 0) * output
        return float(terms.sum() + (self.d_h_n * h_n).sum())

    def gradients(self) -> dict[str, Array]:
        """What `backward` says."""
        x, h0 = self.arrays["x"], self.arrays["h0"]
        tape = forward(self.spec, self.arrays, x, h0, self.lengths, self.masks)[2]
        return backward(tape, self.d_output, self.d_h_n)

    def valid(self) -> Array:
        """(T, B, 1): t < n_b."""
        n = np.full(B, T) if self.lengths is None else self.lengths
        return np.arange(T)[:, None, None] < n[:, None]


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
    made.d_output = np.where(made.valid(), d_output, np.nan)
    return made


def rounding(p: Problem) -> float:
    """An upper bound of the rounding error of p.loss().

    Rows that sum to 1, |φ'| <= 1 and |x|, |h0| <= 1 keep every value within G = (1-p)^-(L-1), the
    gain of L-1 dropouts, and amplify an error by G at most. With u = eps/2 the unit roundoff, a
    step of a cell adds at most F + H + 2 roundings of its sum and 4 in φ; the path to the output
    has T steps in each of L layers, and a readout: D·H + 1, and O + 4 in ψ. The loss adds one
    for each of its terms. Each rounding is of a number of at most G (of Σ|d| G in the loss).
    """
    spec = p.spec
    gain = (1 - spec.dropout) ** (1 - spec.num_layers)
    width = max(spec.layer_input_size(layer) for layer in range(spec.num_layers))
    path = spec.num_layers * T * (width + spec.hidden_size + 7)
    readout = spec.num_directions * spec.hidden_size + spec.output_features + 5
    weights = float(np.nansum(np.abs(p.d_output)) + np.abs(p.d_h_n).sum())
    terms = p.d_output.size + p.d_h_n.size
    return (path * gain + readout + terms) * gain * weights * np.finfo(float).eps / 2


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


def windowed_gradients(p: Problem, k: int) -> dict[str, Array]:
    """Truncated BPTT from its meaning: the output of step t sees the window t-k..t only.

    Each window is a network of its own, fully back-propagated, that starts from the state before
    it as from a constant; only the window that reaches step 0 sees h0.
    """
    full = replace(p.spec, truncation=None, output_size=None)
    x, h0 = p.arrays["x"], p.arrays["h0"]
    states = forward(full, p.arrays, x, h0, p.lengths)[0]
    total = {name: np.zeros_like(values) for name, values in p.arrays.items()}
    n = np.full(B, T) if p.lengths is None else p.lengths
    for b in range(B):
        if n[b] == 0:
            total["h0"][:, b] = p.d_h_n[:, b]
        for t in range(n[b]):
            first = max(0, t - k)
            window = np.s_[first : t + 1, b : b + 1]
            before = states[None, first - 1, b : b + 1] if first else h0[:, b : b + 1]
            tape = forward(replace(p.spec, truncation=None), p.arrays, x[window], before)[2]
            d_output = np.zeros_like(p.d_output[window])
            d_output[-1] = p.d_output[t, b]
            d_h_n = p.d_h_n[:, b : b + 1] * (t == n[b] - 1)
            part = backward(tape, d_output, d_h_n)
            for name in p.spec.parameter_shapes():
                total[name] += part[name]
            total["x"][window] += part["x"]
            if first == 0:
                total["h0"][:, b : b + 1] += part["h0"]
    return total


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "padded"])
@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
@pytest.mark.parametrize("output_size", [None, 2])
@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 100])
def test_truncation_is_a_sum_over_windows(k, output_size, nonlinearity, lengths):
    """Small whole numbers, so that either order of summing is exact and `==` is meant."""
    spec = RNNSpec(2, 3, 1, nonlinearity, True, output_size=output_size, truncation=k)
    p = problem(spec, lengths, seed=3)
    rng = np.random.default_rng(4)
    for name, values in p.arrays.items():
        # More often positive than not: a relu that is off would cut the links by itself.
        p.arrays[name] = np.where(np.isnan(values), 0, rng.integers(-1, 4, size=values.shape))
    p.d_output = rng.integers(-2, 3, size=p.d_output.shape).astype(float)
    p.d_h_n = rng.integers(-2, 3, size=p.d_h_n.shape).astype(float)
    expected = windowed_gradients(p, k)
    p.arrays["x"] = np.where(p.valid(), p.arrays["x"], np.nan)
    found = p.gradients()
    for name in expected:
        assert (found[name] == expected[name]).all(), name

    untruncated = replace(p, spec=replace(spec, truncation=None)).gradients()
    same = all((found[name] == untruncated[name]).all() for name in found)
    assert same == (k >= T - 1), "a shorter truncation changes the gradient of these numbers"


@pytest.mark.parametrize("k", [T - 1, T, 10**9])
def test_truncation_that_drops_nothing_is_none(k):
    """The same bits, by the same equation, whatever the rounding."""
    p = problem(RNNSpec(2, 3, output_size=2), LENGTHS, seed=5)
    found = replace(p, spec=replace(p.spec, truncation=k)).gradients()
    for name, values in p.gradients().items():
        assert found[name].tobytes() == values.tobytes(), name
