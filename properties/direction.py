"""Two directions: one network that reads forward, another that reads in reverse, side by side."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Gradients
from rnncheck.properties.outcome import Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees
from rnncheck.properties.routes.parts import Results, TwoDirections, TwoParts, reversed_steps
from rnncheck.properties.trial import Trial
from rnncheck.spec import RNNSpec


@check(
    "two directions",
    "every or the final state put out",
    share="some",
    stays="it holds the reverse direction, readout and all, to the forward one of the same network",
)
def swapped_directions_give_swapped_results(trial: Trial) -> Outcome:
    """f(σ case) = σ f(case), where σ swaps the two directions and reverses the valid steps.

    σ swaps the parameters and h0 of the two directions and the two halves that the next layer or
    the readout reads, and reverses x and dropout's multipliers. Then the results swap likewise:
    `output`, `h_n` and every gradient. σ only moves numbers, and the same sums are taken in
    another order: two envelopes. (The last step alone is the first of σ's, so it is left out.)
    """
    found = swapped_results(trial.case, trial.on(swapped(trial.case)).arrays)
    return agrees(trial, found, has_order(trial.case))


@check(
    "two directions",
    "no readout",
    share="some",
    stays="it tells which of two directions is wrong",
)
def two_directions_are_two_networks(trial: Trial) -> Outcome:
    """f_bi(x) = [f_→(x), flip f_←(flip x)], where flip reverses the valid steps of each row.

    The top layer as two networks of one direction, on what the layers below it put out; and
    dL/dz = d_→ + flip d_←, which goes on to those. Each part does what the whole does at that
    place, so that together they are a right way to compute it: two envelopes.
    """
    both = partial(TwoDirections, trial)
    top = trial.case.spec.num_layers - 1
    results: Results = TwoParts(trial, top, both) if top else both(trial.case)
    found = {name: a for name, a in results.forward._asdict().items() if a is not None}
    if trial.subject.capabilities.gradients:
        found |= results.gradients
    return agrees(trial, found, has_order(trial.case))


def has_order(case: Case) -> bool:
    """Whether some row has more than one step, so that it matters which comes first."""
    return bool((case.valid_steps() > 1).any())


def swapped(case: Case) -> Case:
    """σ of a case: the other direction's part for each direction, and time the other way round."""
    masks, lengths = case.dropout_masks, case.valid_steps()
    return case.replace(
        parameters=_swapped_parameters(case.spec, case.parameters),
        x=reversed_steps(case.x, lengths),
        h0=_swapped_states(case.h0),
        d_output=_swapped_output(case, case.d_output),
        d_h_n=_swapped_states(case.d_h_n),
        dropout_masks=None if masks is None else reversed_steps(_swapped_halves(masks), lengths),
    )


def swapped_results(case: Case, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """σ of `output`, `h_n` and the gradients, as far as they are given."""
    found: dict[str, Array] = dict(_swapped_parameters(case.spec, arrays))
    found |= {name: _swapped_states(arrays[name]) for name in ("h_n", "h0") if name in arrays}
    if "x" in arrays:
        found["x"] = reversed_steps(arrays["x"], case.valid_steps())
    return found | {"output": _swapped_output(case, arrays["output"])}


def _swapped_parameters(spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
    """The parameters, or their gradients, of the other direction; columns that read both swap too."""
    found: Gradients = {}
    for name in spec.parameter_shapes():
        partner = name
        if name not in ("weight_ho", "bias_o"):
            ended = name.endswith("_reverse")
            partner = name.removesuffix("_reverse") if ended else f"{name}_reverse"
        if partner in arrays:
            reads_both = name == "weight_ho" or (
                name.startswith("weight_ih_") and "_l0" not in name
            )
            found[name] = _swapped_halves(arrays[partner]) if reads_both else arrays[partner]
    return found


def _swapped_states(states: Array) -> Array:
    """(L·2, B, H): the two directions of each layer swapped."""
    order = np.arange(len(states)).reshape(-1, 2)[:, ::-1].ravel()
    swapped_states: Array = states[order]
    return swapped_states


def _swapped_output(case: Case, output: Array) -> Array:
    """Time reversed, unless it is the final state that is put out; the halves swapped, unless read out."""
    if case.spec.outputs == "all":
        output = reversed_steps(output, case.valid_steps())
    return output if case.spec.output_size else _swapped_halves(output)


def _swapped_halves(values: Array) -> Array:
    """The two halves of the last axis swapped."""
    return np.concatenate(np.split(values, 2, axis=-1)[::-1], axis=-1)
