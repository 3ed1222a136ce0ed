"""How fast cases are drawn, against drawing every array by itself; and how many checks a second run."""

import time
from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.tables import median_ratio, table
from rnncheck.case import Array, Case
from rnncheck.engine import judge
from rnncheck.implementation import Capabilities
from rnncheck.implementations.references import reference
from rnncheck.pool import Source
from rnncheck.properties.draw import Draw
from rnncheck.properties.registry import all_checks
from rnncheck.properties.strategies import build, cases, draws
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import Shape

COMMAND = "python -m benchmarks drawing"
REQUIRED = 2.5
PAIRS = 7
CASES = 60


def filled(draw: Draw) -> st.SearchStrategy[Case]:
    """The case of a draw, every array of it drawn by `hypothesis.extra.numpy.arrays` instead."""
    spec, numbers = draw.spec, st.floats(-2.0, 2.0, width=np.dtype(draw.dtype).itemsize * 8)  # type: ignore[arg-type]

    def array(shape: Shape) -> st.SearchStrategy[Array]:
        return arrays(draw.dtype, shape, elements=numbers)

    shapes = spec.array_shapes(draw.T, draw.B)
    lengths = None if draw.lengths is None else np.array(draw.lengths, dtype=np.int64)
    return st.builds(
        Case,
        spec=st.just(spec),
        parameters=st.fixed_dictionaries(
            {name: array(shape) for name, shape in spec.parameter_shapes().items()}
        ),
        **{name: array(shapes[name]) for name in ("x", "h0", "d_output", "d_h_n")},
        lengths=st.just(lengths),
    )


def drawing(strategy: st.SearchStrategy[Case], count: int) -> Callable[[], None]:
    """Draw so many cases, always the same ones."""

    @settings(
        max_examples=count, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet,
    )  # fmt: skip
    @seed(0)
    @given(strategy)
    def draw(case: Case) -> None:
        pass

    return draw


def checks_in_a_second(count: int) -> tuple[int, float]:
    """(checks, checks a second): all of the families, on `manual`, truth and envelope included."""
    subject, ran = reference("manual"), 0
    found = {kind: Source(subject.capabilities, kind, 0, count).draw() for kind in KINDS}
    start = time.perf_counter()
    for kind, drawn in found.items():
        for draw in drawn:
            trial = Trial(subject, PoolCase(build(draw)))
            for check in all_checks():
                if check.kind == kind and not check.needs_second_order:
                    ran += judge(check, trial).word in ("passed", "failed")
    return ran, ran / (time.perf_counter() - start)


KINDS = ("general", "dyadic", "proof")


def run(count: int = CASES) -> str:
    can = Capabilities()
    by_seed, by_array = cases(can), draws(can).flatmap(filled)
    ratio = median_ratio(drawing(by_array, count), drawing(by_seed, count), PAIRS)
    ran, rate = checks_in_a_second(max(count // 3, 1))
    rows = [
        ["every array by `hypothesis.extra.numpy.arrays`", "1"],
        ["a spec, sizes, words and a seed (ours)", f"{ratio:.1f}"],
    ]
    return (
        f"## Drawing cases\n\n`{COMMAND}`; whole cases of the same specs and sizes, {count} a run, "
        f"median of {PAIRS} interleaved pairs. Required: at least {REQUIRED}.\n\n"
        + table(("how a case is drawn", "cases in the same time"), rows)
        + f"\n\nChecks of all families on `manual`, truth and envelope included, {ran} of them in a "
        f"row: {rate:.0f} a second and core.\n"
    )
