"""A step of training on disk: all that went into it, and what each implementation made of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.keeper import Keeper
from rnncheck.training.comparing import Results
from rnncheck.training.envelope import StepEnvelope
from rnncheck.training.optimizers import State
from rnncheck.training.sequential import Sequential
from rnncheck.training.step import Batch, Rule

BUILT_IN = ("scalar", "manual", "autodiff", "torch")


@dataclass(frozen=True, eq=False)
class Start:
    """What a step starts from: parameters, batch, rule and optimizer states."""

    parameters: Mapping[str, Array]
    batch: Batch
    rule: Rule
    states: Mapping[str, State]


def keep(
    model: Sequential, start: Start, results: Results, envelope: StepEnvelope, case: Case,
    who: str, name: str, where: str, folder: Path,
) -> Path:  # fmt: skip
    """Write three files, and return the first: the step, the model before it, one layer's case.

    NAME-step.npz: `x`, `target`, `lengths`; `parameters/...` and `states/...` before the step; what each
    made of it as `manual/output`, `manual/gradient of 0.weight_hh_l0`, ...; `expected/...` and
    `allowed/...`, one envelope. NAME-model.npz: for `Sequential.load`. NAME-lockstep.npz: the layer
    alone with what reached it, for `rnncheck replay`, which runs it on the implementation `who`.
    """
    target = who if who in BUILT_IN else ""
    keeper = Keeper(folder, name, target)
    case_file = keeper.keep("lockstep", case)
    arrays: dict[str, Any] = {"x": start.batch.x, "target": start.batch.target}
    if start.batch.lengths is not None:
        arrays["lengths"] = start.batch.lengths
    arrays |= {f"parameters/{n}": a for n, a in start.parameters.items()}
    for parameter, state in start.states.items():
        arrays |= {f"states/{key} of {parameter}": a for key, a in state.items()}
    for who_else, made in {
        **results, "expected": envelope.values, "allowed": envelope.allowed
    }.items():  # fmt: skip
        arrays |= {f"{who_else}/{n}": np.asarray(a) for n, a in made.items()}
    header = {"where": where, "rule": repr(start.rule), "model": repr(model)}
    stem = case_file.name.removesuffix("-lockstep.npz")
    model.save(case_file.with_name(f"{stem}-model.npz"))
    path = case_file.with_name(f"{stem}-step.npz")
    with path.open("wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)
    return path
