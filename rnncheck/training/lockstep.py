"""Several implementations of one model train in step: each step from the same parameters and batch.

What comes of a step - output, loss, every gradient, updated parameters and optimizer states - must
be the same on all of them, within two envelopes: each may stray from the truth by one
(`training.envelope`). The first step in which they differ ends the training, and is a finding.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnncheck.case import Array
from rnncheck.report import Finding
from rnncheck.settings import Settings
from rnncheck.training import chain
from rnncheck.training.comparing import Spread, silenced, spreads
from rnncheck.training.disagreement import Disputed, disagreement
from rnncheck.training.envelope import StepEnvelope, step_arrays, step_envelope
from rnncheck.training.fitting import Batches, Plan
from rnncheck.training.keeping import Start
from rnncheck.training.layers import RNN
from rnncheck.training.optimizers import State
from rnncheck.training.sequential import Sequential
from rnncheck.training.step import Batch, Rule, Step
from rnncheck.training.tasks.task import Examples


class Where(NamedTuple):
    """A step's place in the training, counted from 0."""

    step: int
    epoch: int
    batch: int

    def __str__(self) -> str:
        return f"step {self.step + 1} (epoch {self.epoch + 1}, batch {self.batch + 1})"


@dataclass(frozen=True)
class Agreed:
    """A step on which all implementations agree.

    loss: of the batch. worst: the largest difference met, as a fraction of two envelopes.
    compared: how many arrays. silent: those of which nothing could be said, the envelope being as
    large as they are; all of them where the step is chaotic or overflows, which `why` then says.
    """

    where: Where
    loss: float
    worst: float
    compared: int
    silent: tuple[str, ...]
    why: str = ""


def lockstep(
    models: Sequence[Sequential],
    examples: Examples,
    plan: Plan,
    rng: np.random.Generator | int | None = None,
    *,
    name: str = "model",
    folder: Path | None = None,
) -> Iterator[Agreed | Finding]:
    """Train the models as `fit` would, a step at a time; stop at the first that they disagree on.

    models: one model on two or more implementations (`model.on("torch")`); all start from the
    parameters of the first, and go on from what it makes of each step. plan, rng: as of `fit`. name:
    what files are named after; folder: where the step that fails is kept (`.rnncheck`) before it
    is yielded. The models hold the parameters after the last step that all agreed on.

    Raises ValueError for fewer than two models, other layers, or no recurrent layer; what all of
    the implementations raise alike is raised too.
    """
    _require_alike(models)
    folder = folder or Settings().folder
    named = dict(zip(_names(models), models, strict=True))
    batches = Batches(len(examples), plan, rng)
    first, states, number = models[0], dict[str, State](), 0
    for epoch in range(plan.epochs):
        for index, rows in enumerate(batches):
            part = examples.rows(rows)
            x, lengths = part.x.astype(first.dtype), part.lengths
            batch = Batch(x, part.y, lengths, first.output_lengths(lengths))
            rule = Rule(plan.loss, plan.optimizer, plan.rate(epoch), plan.clip)
            start = Start(first.parameters, batch, rule, states)
            where = Where(number, epoch, index)
            steps, errors = _take(named, start)
            envelope = _envelope(first, start)
            results = {who: arrays_of(step) for who, step in steps.items()}
            found = spreads(results, envelope)
            if errors or any(spread.ratio > 1.0 for spread in found):
                disputed = Disputed(str(where), start, results, errors, envelope, found)
                yield disagreement(named, disputed, name, folder)
                return
            after = next(iter(steps.values()))
            states, number = after.states, number + 1
            for model in models:
                model.parameters = after.parameters
            yield _agreed(where, after.loss, found, envelope)


def arrays_of(step: Step) -> dict[str, Array]:
    """Every array that comes of a step, by the names of the envelope."""
    return step_arrays(
        np.asarray(step.loss), step.output, step.gradients, step.parameters, step.states
    )


def _take(
    models: Mapping[str, Sequential], start: Start
) -> tuple[dict[str, Step], dict[str, Exception]]:
    """The step on each implementation, and what those raised that could not take it."""
    steps: dict[str, Step] = {}
    errors: dict[str, Exception] = {}
    for who, model in models.items():
        try:
            with np.errstate(all="ignore"):  # what overflows is told by the envelope
                steps[who] = _step(model, start)
        except Exception as error:  # an implementation may raise anything
            errors[who] = error
    if errors and not steps:
        raise next(iter(errors.values()))
    return steps, errors


def _step(model: Sequential, start: Start) -> Step:
    """From copies: what an implementation does to its arguments must not reach the others."""
    parameters = {name: array.copy() for name, array in start.parameters.items()}
    states = {n: {k: a.copy() for k, a in state.items()} for n, state in start.states.items()}
    batch = Batch(
        start.batch.x.copy(), start.batch.target.copy(), start.batch.lengths,
        start.batch.output_lengths,
    )  # fmt: skip
    trained = chain.trainable(model.links)
    return model.backend.train_step(parameters, trained, batch, start.rule, states)


def _envelope(model: Sequential, start: Start) -> StepEnvelope:
    trained = chain.trainable(model.links)
    return step_envelope(
        model.links, start.parameters, trained, start.batch, start.rule, start.states
    )


def _agreed(where: Where, loss: float, found: list[Spread], envelope: StepEnvelope) -> Agreed:
    silent = tuple(spread.array for spread in found if not spread.telling)
    worst = max((spread.ratio for spread in found if spread.telling), default=0.0)
    return Agreed(where, loss, worst, len(found), silent, silenced(envelope))


def _names(models: Sequence[Sequential]) -> list[str]:
    """What each is called: its backend's name, numbered where there are several of it."""
    names: list[str] = []
    for model in models:
        name = model.backend.name
        names.append(name if name not in names else f"{name} {len(names) + 1}")
    return names


def _require_alike(models: Sequence[Sequential]) -> None:
    if len(models) < 2:
        raise ValueError(f"lockstep needs two models or more, not {len(models)}")
    first = models[0]
    if not _recurrent(first.links):
        raise ValueError("lockstep needs a model with a recurrent layer: RNN")
    for model in models[1:]:
        if (model.layers, model.input_size, model.dtype) != (
            first.layers, first.input_size, first.dtype,
        ):  # fmt: skip
            raise ValueError(
                f"lockstep needs one model on several implementations; {model!r} is not {first!r}"
            )


def _recurrent(links: tuple[chain.Link, ...]) -> bool:
    return any(isinstance(link.layer, RNN) for link in chain.leaves(links))
