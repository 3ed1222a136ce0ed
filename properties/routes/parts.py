"""A network in parts, each run on its own: lower and upper layers, the two directions of a layer."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Protocol

import numpy as np

from rnncheck.case import Array, Case, IntArray
from rnncheck.implementation import Forward, Gradients
from rnncheck.properties.outcome import NotApplicable
from rnncheck.properties.trial import Trial
from rnncheck.spec import RNNSpec

KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Results(Protocol):
    """What a network gives on its case: a `Trial`, or one that is put together of several."""

    @property
    def forward(self) -> Forward:
        """Output and final state."""
        ...

    @property
    def gradients(self) -> Gradients:
        """The gradient of every parameter, x and h0, as far as they are given."""
        ...


class TwoParts:
    """f = f_above ∘ f_below: the first `stop` layers, and the others, which read what they put out.

    h_n is the states of both. Backward, the gradient of what the upper part read is
    the cotangent of what the lower one put out: dL/dz, and through dropout m ⊙ dL/dz.
    """

    def __init__(self, trial: Trial, stop: int, above: Callable[[Case], Results]) -> None:
        if trial.envelope.overflowed:
            raise NotApplicable("a state may overflow, and then it cannot be passed on")
        self.trial, self.case, self.stop = trial, trial.case, stop
        self.lower_case = layers(self.case, 0, stop, self.case.x)
        self.lower = trial.on(self.lower_case)
        z = dropped(self.case, stop, self.lower.forward.output)
        self.upper_case = layers(self.case, stop, self.case.spec.num_layers, z)
        self.upper = above(self.upper_case)

    @property
    def forward(self) -> Forward:
        """The output of the upper part, the final states of both."""
        below, above = self.lower.forward.h_n, self.upper.forward.h_n
        given = below is not None and above is not None
        return Forward(self.upper.forward.output, np.concatenate([below, above]) if given else None)

    @property
    def gradients(self) -> Gradients:
        """Back through the upper part, and then through the lower one."""
        above = self.upper.gradients
        if "x" not in above:
            raise NotApplicable("no gradient for x is given")
        d_z = dropped(self.case, self.stop, above["x"])
        below = self.trial.on(self.lower_case.replace(d_output=d_z)).gradients
        found = {name: below[name] for name in below if name == "x"}
        if "h0" in below and "h0" in above:
            found["h0"] = np.concatenate([below["h0"], above["h0"]])
        for part, first, own in (
            (self.lower_case.spec, 0, below), (self.upper_case.spec, self.stop, above),
        ):  # fmt: skip
            names = names_in_part(part, first)
            found |= {names[name]: own[name] for name in own if name in names}
        return found


class TwoDirections:
    """[f_→(x), flip f_←(flip x)] for a case of one layer without a readout: two networks.

    Backward, both directions read x: dL/dx = d_→ + flip d_←.
    """

    def __init__(self, trial: Trial, case: Case) -> None:
        self.case = case
        self.runs = [trial.on(direction_alone(case, d)) for d in (0, 1)]

    @cached_property
    def forward(self) -> Forward:
        """The steps of both directions in the order of time, and the final states of both."""
        both = [run.forward for run in self.runs]
        steps = [in_order(self.case, d, one.output) for d, one in enumerate(both)]
        finals = [one.h_n for one in both if one.h_n is not None]
        if len(finals) == 2:
            h_n = np.concatenate(finals)
            return Forward(put_out(self.case, np.concatenate(steps, axis=-1), h_n), h_n)
        if self.case.spec.outputs == "final":
            raise NotApplicable("forward gives no h_n")
        return Forward(put_out(self.case, np.concatenate(steps, axis=-1), self.case.h0), None)

    @cached_property
    def gradients(self) -> Gradients:
        """Those of the two networks, by the names of the one."""
        found: Gradients = {}
        both = [run.gradients for run in self.runs]
        for ending, own in zip(("", "_reverse"), both, strict=True):
            found |= {name + ending: own[name] for name in own if name not in ("x", "h0")}
        if all("x" in own for own in both):
            with np.errstate(invalid="ignore"):  # inf - inf, of a wrong network
                found["x"] = both[0]["x"] + in_order(self.case, 1, both[1]["x"])
        if all("h0" in own for own in both):
            found["h0"] = np.concatenate([own["h0"] for own in both])
        return found


def layers(case: Case, first: int, stop: int, x: Array) -> Case:
    """Layers first, ..., stop - 1 alone, which read x; the readout goes with the last layer.

    If that is not among them, every step is put out, and has the cotangent 0.
    """
    D = case.spec.num_directions
    spec = replace(case.spec, num_layers=stop - first, input_size=x.shape[-1])
    d_output, masks = case.d_output, case.dropout_masks
    if stop < case.spec.num_layers:
        spec = replace(spec, output_size=None, readout="identity", readout_bias=True, outputs="all")
        d_output = np.zeros((*x.shape[:2], D * spec.hidden_size), case.dtype)
    if masks is not None:
        masks = masks[first : stop - 1] if spec.num_layers > 1 else None
    names = names_in_part(spec, first)
    return case.replace(
        spec=spec,
        parameters={own: case.parameters[name] for own, name in names.items()},
        x=x,
        h0=case.h0[first * D : stop * D],
        d_output=d_output,
        d_h_n=case.d_h_n[first * D : stop * D],
        dropout_masks=masks,
    )


def names_in_part(part: RNNSpec, first: int) -> dict[str, str]:
    """For each parameter of a part that begins with layer `first`: its name in the whole network."""
    names = {own: own for own in part.parameter_shapes()}
    for layer, direction in part.cells():
        suffix, whole = part.suffix(layer, direction), part.suffix(first + layer, direction)
        for kind in KINDS:
            if f"{kind}_{suffix}" in names:
                names[f"{kind}_{suffix}"] = f"{kind}_{whole}"
    return names


def direction_alone(case: Case, direction: int) -> Case:
    """One direction of a case of one layer, its steps given in the order in which it takes them."""
    spec, suffix = case.spec, case.spec.suffix(0, direction)
    part = RNNSpec(
        spec.input_size, spec.hidden_size, nonlinearity=spec.nonlinearity, bias=spec.bias
    )
    d_states, d_finals = reaching(case)
    own = np.split(d_states, 2, axis=-1)[direction]
    kinds = KINDS if spec.bias else KINDS[:2]
    return case.replace(
        spec=part,
        parameters={f"{kind}_l0": case.parameters[f"{kind}_{suffix}"] for kind in kinds},
        x=in_order(case, direction, case.x),
        h0=case.h0[[direction]],
        d_output=in_order(case, direction, own),
        d_h_n=d_finals[[direction]],
    )


def in_order(case: Case, direction: int, steps: Array) -> Array:
    """From time's order to the one in which the direction takes the steps, or back."""
    return reversed_steps(steps, case.valid_steps()) if direction else steps


def reversed_steps(steps: Array, lengths: IntArray) -> Array:
    """(..., T, B, F): the valid steps of each row in reverse, its padding where it is; an involution."""
    t = np.arange(steps.shape[-3])[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)[..., None]
    return np.take_along_axis(steps, np.broadcast_to(source, steps.shape), axis=-3)


def dropped(case: Case, layer: int, steps: Array) -> Array:
    """m ⊙ steps for what a layer reads, or m ⊙ its gradient; what stands in the padding becomes 0."""
    valid = np.arange(case.T)[:, None] < case.valid_steps()
    masks = 1.0 if case.dropout_masks is None else case.dropout_masks[layer - 1]
    with np.errstate(over="ignore", invalid="ignore"):  # 0 · inf, of a wrong network
        return np.where(valid[..., None], masks * steps, 0.0).astype(case.dtype)


def put_out(case: Case, steps: Array, finals: Array) -> Array:
    """`output` without a readout: of the top layer's steps (T, B, D·H) and its h_n (D, B, H)."""
    if case.spec.outputs == "all":
        return steps
    if case.spec.outputs == "final":
        return np.concatenate(list(finals), axis=-1)[None]
    with_zeros = np.concatenate([steps, np.zeros((1, *steps.shape[1:]), steps.dtype)])
    last: Array = with_zeros[case.valid_steps() - 1, np.arange(case.B)][None]
    return last


def reaching(case: Case) -> tuple[Array, Array]:
    """The cotangents of the top layer's steps and of its h_n: `put_out`, transposed."""
    D = case.spec.num_directions
    d_output = np.where(case.output_padding()[..., None], 0.0, case.d_output).astype(case.dtype)
    if case.spec.outputs == "all":
        return d_output, case.d_h_n[-D:]
    steps = np.zeros((case.T, *d_output.shape[1:]), case.dtype)
    if case.spec.outputs == "final":
        return steps, case.d_h_n[-D:] + np.stack(np.split(d_output[0], D, axis=-1))
    at_last = np.arange(case.T)[:, None] == case.valid_steps() - 1
    return np.where(at_last[..., None], d_output, steps), case.d_h_n[-D:]
