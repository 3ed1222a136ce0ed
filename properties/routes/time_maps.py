"""Cases cut, shifted and permuted in time, and their results put together again."""

from dataclasses import replace

import numpy as np

from rnncheck.case import Array, Case, IntArray
from rnncheck.implementation import Gradients


def cuts(case: Case) -> list[int]:
    """Where to cut T > 1 steps in two: in the middle, or else within the shortest row.

    The second is for those who refuse the rows without steps that the first may leave.
    """
    middle = case.T // 2
    shortest = int(case.valid_steps().min(initial=case.T))
    return [middle, shortest // 2] if 1 < shortest <= middle else [middle]


def until(case: Case, k: int) -> Case:
    """The first k steps, with the cotangents of what is put out there and none of the state."""
    d_output = case.d_output[:k]
    if case.spec.outputs != "all":
        reached = (case.valid_steps() <= k) & (case.spec.outputs == "last")
        d_output = np.where(reached[:, None], case.d_output, np.zeros_like(case.d_output))
    return case.replace(
        spec=replace(case.spec, generated=0),
        x=case.x[:k],
        d_output=d_output,
        d_h_n=np.zeros_like(case.d_h_n),
        lengths=None if case.lengths is None else np.minimum(case.lengths, k),
        dropout_masks=None if case.dropout_masks is None else case.dropout_masks[:, :k],
    )


def from_step(case: Case, k: int, state: Array) -> Case:
    """The steps from k on, beginning with a state."""
    d_output = case.d_output[k:]
    if case.spec.outputs != "all":
        reached = (case.valid_steps() > k) | (case.spec.outputs == "final")
        d_output = np.where(reached[:, None], case.d_output, np.zeros_like(case.d_output))
    return case.replace(
        x=case.x[k:],
        h0=state.astype(case.dtype),
        d_output=d_output,
        lengths=None if case.lengths is None else np.maximum(case.lengths - k, 0),
        dropout_masks=None if case.dropout_masks is None else case.dropout_masks[:, k:],
    )


def joined(case: Case, k: int, first: Array, second: Array) -> Array:
    """The output of the whole, from those of the steps until k and from k on."""
    if case.spec.outputs == "all":
        return np.concatenate([first, second])
    later = (case.valid_steps() > k) | (case.spec.outputs == "final")
    return np.where(later[:, None], second, first)


def joined_gradients(first: Gradients, second: Gradients) -> Gradients:
    """x one after the other, h0 from the first part, parameters added."""
    whole: Gradients = {
        name: first[name] + second[name] for name in first if name not in ("x", "h0")
    }
    whole["h0"] = first["h0"]
    if "x" in first:
        whole["x"] = np.concatenate([first["x"], second["x"]])
    return whole


def truncated(case: Case) -> Case:
    """The case, of T > 1 steps, with a truncation that leaves a step out, and no cotangent but at the end.

    Its own truncation, or T - 2 links back.
    """
    k, d_output = case.spec.truncation, case.d_output.copy()
    if case.spec.outputs == "all":
        d_output[:-1] = 0.0
    if not np.nan_to_num(d_output).any():
        d_output[-1:] = 1.0
    k = case.T - 2 if k is None or k > case.T - 2 else k
    return case.replace(spec=replace(case.spec, truncation=k), d_output=d_output)


def first_steps_of(case: Case) -> list[IntArray]:
    """By direction, which step `(B,)` each row takes first (0 for a row without steps)."""
    last = np.maximum(case.valid_steps() - 1, 0)
    return [np.zeros_like(last), last][: case.spec.num_directions]


def with_state_as_input(case: Case) -> Case:
    """x' = [x, h0] at a direction's first step and [x, 0] elsewhere; W_ih' = [W_ih, W_hh]; h0' = 0.

    For the lowest layer; there are H more features for each direction, whose weights are 0 in
    the other one.
    """
    spec, D, H, rows = case.spec, case.spec.num_directions, case.spec.hidden_size, np.arange(case.B)
    extra = np.zeros((case.T, case.B, D * H), case.dtype)
    parameters, h0 = dict(case.parameters), case.h0.copy()
    for direction, steps in enumerate(first_steps_of(case)):
        part = slice(direction * H, (direction + 1) * H)
        if case.T:
            extra[steps, rows, part] = case.h0[direction]
        suffix = spec.suffix(0, direction)
        weights = np.zeros((H, D * H), case.dtype)
        weights[:, part] = case.parameters[f"weight_hh_{suffix}"]
        own = case.parameters[f"weight_ih_{suffix}"]
        parameters[f"weight_ih_{suffix}"] = np.concatenate([own, weights], axis=1)
        h0[direction] = 0.0
    return case.replace(
        spec=replace(spec, input_size=spec.input_size + D * H),
        parameters=parameters,
        x=np.concatenate([case.x, extra], axis=2),
        h0=h0,
    )


def without_state_as_input(case: Case, own: Gradients, found: Gradients) -> Gradients:
    """The gradients of the case from those of `with_state_as_input`.

    dW_hh = dW_hh' + the new columns of dW_ih'; dh0 = the new features of dx' at the first step. For
    rows without steps h0 is no input of anything: there the case's own gradient is kept.
    """
    spec, inputs, H = case.spec, case.spec.input_size, case.spec.hidden_size
    rows, back = np.arange(case.B), dict(found)
    for direction, steps in enumerate(first_steps_of(case)):
        part, suffix = (
            slice(inputs + direction * H, inputs + (direction + 1) * H),
            spec.suffix(0, direction),
        )
        wide = found[f"weight_ih_{suffix}"]
        back[f"weight_ih_{suffix}"] = wide[:, :inputs]
        back[f"weight_hh_{suffix}"] = found[f"weight_hh_{suffix}"] + wide[:, part]
        if "h0" in own and "x" in found and case.T:
            moved = found["x"][steps, rows, part]
            some = (case.valid_steps() > 0)[:, None]
            back["h0"] = back["h0"].copy()
            back["h0"][direction] = np.where(some, moved, own["h0"][direction])
    if "x" in found:
        back["x"] = found["x"][..., :inputs]
    if not case.T or "x" not in found:
        back.pop("h0", None)
    return back


def without_recurrence(case: Case) -> Case:
    """W_hh = 0 in every cell, and no cotangent of the final state."""
    parameters = {
        n: np.zeros_like(a) if n.startswith("weight_hh") else a for n, a in case.parameters.items()
    }
    return case.replace(parameters=parameters, d_h_n=np.zeros_like(case.d_h_n))


def reordering(case: Case) -> IntArray:
    """`(T, B)`: an order of the steps of each row, drawn at random; padding stays where it is."""
    random, order = np.random.default_rng(case.T), np.arange(case.T)[:, None].repeat(case.B, axis=1)
    for row, steps in enumerate(case.valid_steps()):
        order[:steps, row] = random.permutation(steps)
    return order


def reordered(array: Array, order: IntArray) -> Array:
    """`(T, B, ·)` with the steps of each row in another order."""
    taken: Array = np.take_along_axis(array, order[..., None], axis=0)
    return taken


def in_order(case: Case, order: IntArray) -> Case:
    """The case with its steps in another order."""
    masks = case.dropout_masks
    if masks is not None:
        masks = np.take_along_axis(masks, order[None, :, :, None], axis=1)
    return case.replace(
        x=reordered(case.x, order), d_output=reordered(case.d_output, order), dropout_masks=masks
    )


def at_rest(case: Case) -> Case:
    """h0 = 0, and no biases but the readout's: a state of 0 stays 0 while x is 0."""
    zero = {n: np.zeros_like(a) for n, a in case.parameters.items() if n.startswith("bias_")}
    zero.pop("bias_o", None)
    return case.replace(parameters={**case.parameters, **zero}, h0=np.zeros_like(case.h0))


def delayed(case: Case, steps: int) -> Case:
    """The case with so many steps of x = 0, and no cotangent, before its own.

    A row without steps stays without.
    """
    pad = ((steps, 0), (0, 0), (0, 0))
    lengths, masks = case.lengths, case.dropout_masks
    every = case.spec.outputs == "all"
    return case.replace(
        x=np.pad(case.x, pad),
        d_output=np.pad(case.d_output, pad) if every else case.d_output,
        lengths=None if lengths is None else np.where(lengths > 0, lengths + steps, 0),
        dropout_masks=None if masks is None else np.pad(masks, ((0, 0), *pad)),
    )
