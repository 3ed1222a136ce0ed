"""The references as implementations: nothing of the contract is beyond any of them."""

from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementation import Capabilities
from rnncheck.implementations.references import NAMES, reference
from rnncheck.pool import Source
from rnncheck.properties.strategies import build


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_missing(name: str) -> None:
    can = reference(name).capabilities
    abilities = replace(can, second_order=False, fleet=False, keeps_dtype=False, validates=())
    assert abilities == Capabilities()


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_case_runs_and_has_its_shapes(name: str) -> None:
    subject = reference(name)
    seen = set()
    for draw in Source(Capabilities(), "general", 5, 200).draw():
        case = build(draw)
        if case.T > 20:
            continue
        spec = case.spec
        seen |= {spec.nonlinearity, spec.outputs, case.dtype.name, spec.num_layers}
        seen |= {f"generated {spec.generated > 0}", f"lengths {case.lengths is not None}"}
        seen |= {f"truncated {spec.truncation is not None}", f"D={spec.num_directions}"}
        shapes = spec.array_shapes(case.T, case.B) | spec.parameter_shapes()
        output, h_n = subject.forward(case.copy())
        results = {"output": output, "h_n": h_n, **subject.gradients(case.copy())}
        for array, value in results.items():
            expected = case.x.shape if array == "x" else shapes[array]
            assert value is not None
            assert value.shape == expected
            assert value.dtype == case.dtype
            assert np.isfinite(value).all(), f"{array} of {case.sizes()}"
    assert seen >= {"tanh", "relu", "sigmoid", "identity", "all", "last", "final", 1, 2, 3}
    assert seen >= {"float32", "float64", "D=1", "D=2", "generated True", "lengths True"}
