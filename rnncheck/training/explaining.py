"""What is wrong with a recurrent layer that is off in training: the layer alone, put to the checks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from rnncheck.case import Case
from rnncheck.diagnosis import explained
from rnncheck.engine import Run
from rnncheck.events import Found
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.report import Finding
from rnncheck.settings import Settings, profile
from rnncheck.training.backends.layerwise import Layerwise

CHECKS = ("forward_matches_truth", "gradient_matches_truth")


class LayerAlone:
    """The recurrent layer of a backend as an `Implementation`."""

    def __init__(self, backend: Layerwise) -> None:
        self.backend, self.name = backend, backend.name
        self.capabilities = Capabilities(dropout=False, keeps_dtype=True)

    def forward(self, case: Case) -> Forward:
        """Output and final state."""
        output, h_n, _ = self._run(case)
        return Forward(output, h_n)

    def gradients(self, case: Case) -> Gradients:
        """The gradient for every parameter, x and h0."""
        return self.backend.rnn_back(self._run(case)[2], case.d_output, case.d_h_n)

    def _run(self, case: Case) -> tuple[Any, Any, Any]:
        own = {name: array.copy() for name, array in case.parameters.items()}
        return self.backend.run_rnn(case.spec, own, case.x, case.h0, case.lengths)


def explained_alone(finding: Finding, backend: object, folder: Path) -> Finding:
    """The finding with the diagnosis of the layer alone, if it is wrong alone too."""
    if not isinstance(backend, Layerwise):
        return finding
    settings = Settings(profile("quick"), checks=CHECKS, folder=folder)
    for event in Run(LayerAlone(backend), settings, None, explained).events():
        if isinstance(event, Found) and event.finding.diagnosis:
            told = event.finding
            return replace(
                finding, diagnosis=told.diagnosis, faults=told.faults, where=told.where,
                nature=told.nature,
            )  # fmt: skip
    return finding
