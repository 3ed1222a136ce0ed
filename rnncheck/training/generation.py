"""Outputs fed back as inputs, any number of times."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from rnncheck.case import Array
from rnncheck.training.backends import Backend
from rnncheck.training.chain import Link, output_steps
from rnncheck.training.layers import RNN, Iterated, Layer


def single_steps(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The same layers, with the same parameters, of which none feeds anything back by itself."""
    return tuple(_single(layer) for layer in layers)


def _single(layer: Layer) -> Layer:
    match layer:
        case RNN():
            return dataclasses.replace(layer, generated=0)
        case Iterated():
            return Iterated(single_steps(layer.layers), 1)
    return layer


def generate(
    backend: Backend, links: tuple[Link, ...], parameters: Mapping[str, Array], x: Array, steps: int
) -> Array:
    """See `Sequential.generate`. The links are those of `single_steps`, which the backend runs."""
    _require_feedback(links, x, steps)
    output_steps(links, len(x), None)
    if any(each.reads_one for each in links):
        return _windows(backend, parameters, x, steps)
    run = backend.forward(parameters, x)
    outputs = [run.output]
    for _ in range(steps):
        run = backend.forward(parameters, outputs[-1][-1:], None, run.states)
        outputs.append(run.output)
    return np.concatenate(outputs)


def _windows(backend: Backend, parameters: Mapping[str, Array], x: Array, steps: int) -> Array:
    """Each output from the T steps before it alone."""
    outputs = [backend.forward(parameters, x).output]
    for _ in range(steps):
        x = np.concatenate([x[1:], outputs[-1]])
        outputs.append(backend.forward(parameters, x).output)
    return np.concatenate(outputs)


def _require_feedback(links: tuple[Link, ...], x: Array, steps: int) -> None:
    if not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be a number of steps, at least 0, not {steps!r}")
    if len(x) == 0:
        raise ValueError("generate needs at least one step of x to go on from; x has none")
    made, read = links[-1].out_features, links[0].in_features
    if made != read:
        raise ValueError(
            f"generate feeds the output ({made} features) back as x ({read}); the two sizes must be equal"
        )
    both_ways = any(isinstance(each.layer, RNN) and each.layer.bidirectional for each in links)
    if both_ways and not any(each.reads_one for each in links):
        raise ValueError(
            "generate needs one direction: going in reverse, a step's output needs the steps after it"
        )
