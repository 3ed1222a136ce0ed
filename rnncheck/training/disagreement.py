"""The finding of a step on which implementations disagree: who, where, by how much, and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnncheck.case import Case
from rnncheck.implementation import Place
from rnncheck.report import Finding
from rnncheck.training.chain import leaves
from rnncheck.training.comparing import STAGES, Results, Spread, first_cause, layer_of, stage
from rnncheck.training.envelope import StepEnvelope
from rnncheck.training.explaining import explained_alone
from rnncheck.training.keeping import Start, keep
from rnncheck.training.sequential import Sequential

CHECK = "implementations_train_in_lockstep"


@dataclass(frozen=True, eq=False)
class Disputed:
    """A step on which they do not agree. errors: of those that could not take it."""

    where: str
    start: Start
    results: Results
    errors: Mapping[str, Exception]
    envelope: StepEnvelope
    found: Sequence[Spread]


def disagreement(
    models: Mapping[str, Sequential], step: Disputed, name: str, folder: Path
) -> Finding:
    """The finding: its step is kept on disk, and a recurrent layer that is off is looked at alone."""
    model = next(iter(models.values()))
    cause = None if step.errors else first_cause(step.found)
    who = ", ".join(step.errors) if cause is None else _subject(cause)
    case = _case(step.envelope, cause)
    path = keep(model, step.start, step.results, step.envelope, case, who, name, step.where, folder)
    if cause is None:
        said = "; ".join(f"{n} raises {type(e).__name__}: {e}" for n, e in step.errors.items())
        return Finding(CHECK, f"{step.where}: {said}", case, case_file=path)
    message = f"{step.where}: {_numbers(cause)}\n{_reason(model, step, cause)}"
    finding = Finding(
        CHECK, message, case, cause.spread, cause.allowed, Place(cause.array, cause.index),
        wrong={spread.array: spread.ratio for spread in step.found if spread.ratio > 1.0},
        right=_right_before(step.found, cause),
        case_file=path,
    )  # fmt: skip
    is_recurrent = layer_of(cause.array) in map(_place, step.envelope.cases)
    if who not in models or stage(cause.array) not in ("output", "gradient") or not is_recurrent:
        return finding
    return explained_alone(finding, models[who].backend, folder)


def _subject(cause: Spread) -> str:
    return " and ".join(cause.off) if cause.off else "none alone"


def _case(envelope: StepEnvelope, cause: Spread | None) -> Case:
    """The recurrent layer whose array it is; else the one nearest to it, on the way to the loss."""
    places = {_place(place): case for place, case in envelope.cases.items()}
    layer = layer_of(cause.array) if cause else ()
    if layer in places:
        return places[layer]
    below = [place for place in places if not layer or place <= layer]
    return places[max(below or places)]


def _numbers(cause: Spread) -> str:
    """Who is off in what, and what each gives."""
    place = Place(cause.array, cause.index)
    who = _subject(cause)
    verb = "are" if " and " in who else "is"
    if cause.trouble:
        return f"{who} {verb} off in the {cause.array}: it {cause.trouble}"
    assert cause.values is not None
    mine = {n: v for n, v in cause.values.items() if n in cause.off}
    others = {n: v for n, v in cause.values.items() if n not in cause.off}
    given = ", ".join(f"{n} gives {v:.12g}" for n, v in mine.items())
    rest = ", ".join(f"{n} {v:.12g}" for n, v in others.items())
    return (
        f"{who} {verb} off in {_words(place)}: {given}{'; ' if rest else ''}{rest}; "
        f"the step's own value is {cause.expected:.12g}, and two may differ by {cause.allowed:.2g}"
    )


def _words(place: Place) -> str:
    word = stage(place.array)
    return f"the {place}" if word in ("output", "loss", "gradient") else f"{place}"


def _right_before(found: Sequence[Spread], cause: Spread) -> tuple[str, ...]:
    """What was compared up to this stage of the step, and is right."""
    last = STAGES.index(stage(cause.array))
    upto = [spread for spread in found if STAGES.index(stage(spread.array)) <= last]
    return tuple(spread.array for spread in upto if spread.ratio <= 1.0 and spread.telling)


def _reason(model: Sequential, step: Disputed, cause: Spread) -> str:
    """What is right before it, and hence where the mistake is."""
    rule = step.start.rule
    optimizer = type(rule.optimizer).__name__
    match stage(cause.array):
        case "output":
            return "the mistake is in its forward pass: nothing else comes before the output"
        case "loss":
            loss = type(rule.loss).__name__
            return f"its output is right: the mistake is in its loss ({loss})"
        case "gradient":
            place = _layer(model, step.found, cause)
            return f"output and loss are right: the mistake is in its backward pass, {place}"
        case "updated":
            clip = f" or its clipping ({rule.clip})" if rule.clip else ""
            return f"every gradient is right: the mistake is in its optimizer ({optimizer}){clip}"
    return f"the updated parameters are right: the mistake is in what its optimizer ({optimizer}) remembers"


def _layer(model: Sequential, found: Sequence[Spread], cause: Spread) -> str:
    layer = layer_of(cause.array)
    every = list(leaves(model.links))
    index = next((i for i, e in enumerate(every) if _place(e.prefix) == layer), 0)
    words = f"in layer {every[index].prefix} ({type(every[index].layer).__name__})"
    if index < len(every) - 1:
        return f"{words}: the layers after it are right"
    own = [s for s in found if stage(s.array) == "gradient" and layer_of(s.array) == layer]
    if any(spread.ratio <= 1.0 and spread.telling for spread in own):
        return f"{words}: its other gradients are right"
    return f"{words}, or in the derivative of the loss"


def _place(prefix: str) -> tuple[int, ...]:
    return tuple(map(int, prefix.split(".")))
