"""The scalar network that goes on with its own outputs: `generated` steps, one to many."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from rnncheck.implementations.scalar import Tape, backward, forward
from rnncheck.implementations.scalar.nested import elements, full
from rnncheck.spec import RNNSpec

T, G, B = 2, 3, 2
Array = Any
"""Nested lists of numbers."""

NETWORKS = [
    RNNSpec(2, 2, generated=G),
    RNNSpec(2, 2, num_layers=3, generated=G),
    RNNSpec(2, 2, output_size=2, readout="softmax", generated=G),
    RNNSpec(1, 2, num_layers=2, output_size=1, readout="sigmoid", generated=G),
]


def uniform(rng: random.Random) -> float:
    """A number in ±1."""
    return rng.uniform(-1, 1)


def random_arrays(
    spec: RNNSpec, draw: Callable[[random.Random], float] = uniform
) -> dict[str, Array]:
    """Every array of a case, by name, of numbers drawn so; the masks are 0 or 2."""
    rng = random.Random(0)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    arrays: dict[str, Array] = {
        name: full(shape, lambda: draw(rng)) for name, shape in shapes.items()
    }
    masks = full(shapes["dropout_masks"], lambda: rng.choice([0.0, 2.0]))
    return arrays | {"dropout_masks": masks}


def scalar_network(w: float, u: float, v: float) -> tuple[RNNSpec, dict[str, Array]]:
    """`h_t = w x_t + u h_{t-1}`, `y_t = v h_t`, to which generated steps are to be added."""
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, output_size=1, readout_bias=False)
    return spec, {"weight_ih_l0": [[w]], "weight_hh_l0": [[u]], "weight_ho": [[v]]}


def test_a_scalar_network_multiplies_by_one_factor_at_each_generated_step() -> None:
    # h_0 = w x + u h0, then x_t = v h_{t-1}: h_t = (w v + u) h_{t-1}. With r = w v + u,
    # h_G = r^G h_0, and its derivatives are G r^{G-1} h_0 times those of r, and r^G times h_0's.
    w, u, v, x, h0, steps = 2.0, 0.5, 0.25, 3.0, 4.0, 5
    spec, parameters = scalar_network(w, u, v)
    spec = replace(spec, generated=steps)
    r, first = w * v + u, w * x + u * h0
    output, h_n, tape = forward(spec, parameters, [[[x]]], [[[h0]]])
    assert (r, first) == (1.0, 8.0)
    assert output == [[[v * first]]] * (steps + 1)
    assert h_n == [[[first]]]
    slope = steps * first
    assert backward(tape, [[[0.0]]] * (steps + 1), [[[1.0]]]) == {
        "weight_ih_l0": [[slope * v + x]],
        "weight_hh_l0": [[slope + h0]],
        "weight_ho": [[slope * w]],
        "x": [[[w]]],
        "h0": [[[u]]],
    }


def test_powers_without_a_readout() -> None:
    # h_t = (w + u)^t h_0 with w + u = 3/2
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, generated=6)
    parameters: dict[str, Array] = {"weight_ih_l0": [[0.5]], "weight_hh_l0": [[1.0]]}
    output, h_n, tape = forward(spec, parameters, [[[2.0]]], [[[0.0]]])
    assert output == [[[1.5**t]] for t in range(7)]
    assert h_n == [[[1.5**6]]]
    found = backward(tape, [[[0.0]]] * 6 + [[[1.0]]], [[[0.0]]])
    assert found["x"] == [[[0.5 * 1.5**6]]]
    assert found["h0"] == [[[1.5**6]]]
    assert found["weight_hh_l0"] == [[6 * 1.5**5]]  # the state before h_0 is 0


def test_the_state_is_carried_on() -> None:
    # a network that puts out 0 whatever its state: it halves from step to step all the same
    spec, parameters = scalar_network(1.0, 0.5, 0.0)
    output, h_n, _ = forward(replace(spec, generated=3), parameters, [[[8.0]]], [[[0.0]]])
    assert output == [[[0.0]]] * 4
    assert h_n == [[[1.0]]]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("spec", NETWORKS)
def test_teacher_forcing_gives_the_same_outputs(spec: RNNSpec, masked: bool) -> None:
    arrays = random_arrays(spec)
    output, h_n, _, forced = run_both(spec, arrays, masked)
    assert forced == (output, h_n)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "spec",
    [
        RNNSpec(2, 2, nonlinearity="identity", generated=G),
        RNNSpec(2, 2, 3, "relu", generated=G),
        RNNSpec(1, 3, 2, "identity", output_size=1, generated=G),
    ],
)
def test_teacher_forcing_gives_the_same_gradients(spec: RNNSpec, masked: bool) -> None:
    """The backward pass of teacher forcing, once the copies of the outputs are joined again.

    What the loss takes from `x_t` it takes from `output_{t-1}`: `d'_{t-1} = d_{t-1} + dx_t`. As
    dx_t comes from the steps t and later alone, each sweep from d' makes one more of them final,
    and G sweeps all. All numbers are integers, and small enough that nothing rounds.
    """
    arrays = random_arrays(spec, lambda rng: float(rng.choice([-1, 1, 2])))
    _, _, tapes, _ = run_both(spec, arrays, masked)
    d_output, d_h_n = arrays["d_output"], arrays["d_h_n"]
    gradient: Array = backward(tapes[1], d_output, d_h_n)
    for _ in range(G):
        d = [list(d_t) for d_t in d_output]
        for t, b in product(range(T, T + G), range(B)):
            d[t - 1][b] = [
                d_i + dx_i for d_i, dx_i in zip(d[t - 1][b], gradient["x"][t][b], strict=True)
            ]
        gradient = backward(tapes[1], d, d_h_n)
    found = backward(tapes[0], d_output, d_h_n)
    assert any(elements(gradient["x"][T:]))
    assert max(abs(number) for number in elements(list(found.values()))) < 2**53
    assert found == gradient | {"x": gradient["x"][:T]}


def run_both(
    spec: RNNSpec, arrays: dict[str, Array], masked: bool
) -> tuple[Array, Array, tuple[Tape, Tape], tuple[Array, Array]]:
    """Output and h_n; two tapes, the other with the outputs given as x; its output and h_n."""
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    x, h0 = arrays["x"], arrays["h0"]
    masks = arrays["dropout_masks"] if masked else None
    output, h_n, tape = forward(spec, parameters, x, h0, None, masks)
    x = x + output[T - 1 : -1]
    *forced, forced_tape = forward(replace(spec, generated=0), parameters, x, h0, None, masks)
    return output, h_n, (tape, forced_tape), (forced[0], forced[1])


def test_each_row_generates_on_its_own() -> None:
    spec = NETWORKS[2]
    arrays = random_arrays(spec)
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    output, h_n, _ = forward(spec, parameters, arrays["x"], arrays["h0"])
    for b in range(B):
        x, h0 = ([[step[b]] for step in arrays[name]] for name in ("x", "h0"))
        alone, state, _ = forward(spec, parameters, x, h0, [T])
        assert alone == [[step[b]] for step in output]
        assert state == [[step[b]] for step in h_n]


def test_a_batch_of_no_rows() -> None:
    spec, parameters = scalar_network(1.0, 1.0, 1.0)
    output, h_n, tape = forward(replace(spec, generated=2), parameters, [[]], [[]])
    assert (output, h_n) == ([[]] * 3, [[]])
    found = backward(tape, [[]] * 3, [[]])
    assert found["weight_ho"] == [[0.0]]
    assert found["x"] == [[]]


@pytest.mark.parametrize(
    ("x", "lengths", "message"),
    [
        ([], None, "x has no steps; generated steps need at least one"),
        ([[[1.0]]] * 2, [1], r"lengths\[0\] is 1; before generated steps it must be 2"),
    ],
)
def test_there_must_be_a_step_to_follow(x: Array, lengths: list[int] | None, message: str) -> None:
    spec, parameters = scalar_network(1.0, 1.0, 1.0)
    forward(spec, parameters, x, [[[0.0]]], lengths)
    with pytest.raises(ValueError, match=message):
        forward(replace(spec, generated=1), parameters, x, [[[0.0]]], lengths)


def test_cotangents_and_masks_have_all_the_steps() -> None:
    spec = NETWORKS[1]
    arrays = random_arrays(spec)
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    x, h0, masks = arrays["x"], arrays["h0"], arrays["dropout_masks"]
    tape = forward(spec, parameters, x, h0, None, masks)[2]
    with pytest.raises(ValueError, match=r"d_output has shape \(2, 2, 2\); .* \(5, 2, 2\)"):
        backward(tape, arrays["d_output"][:T], arrays["d_h_n"])
    with pytest.raises(ValueError, match=r"dropout_masks has shape \(2, 2, 2, 2\); .* \(2, 5, 2,"):
        forward(spec, parameters, x, h0, None, [mask[:T] for mask in masks])


def test_five_thousand_generated_steps() -> None:
    # as in the first test, with r = 1: nothing fades, h_G = h_0
    steps = 5000
    spec, parameters = scalar_network(0.5, 0.5, 1.0)
    output, _, tape = forward(replace(spec, generated=steps), parameters, [[[2.0]]], [[[0.0]]])
    assert output == [[[1.0]]] * (steps + 1)
    found = backward(tape, [[[0.0]]] * (steps + 1), [[[1.0]]])
    assert found["weight_hh_l0"] == [[float(steps)]]
    assert found["x"] == [[[0.5]]]
