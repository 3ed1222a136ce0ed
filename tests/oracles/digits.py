"""Two ways to the same exact gradients: do they agree to 40 digits?"""

from flint import arb

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball
from rnncheck.oracles.truth import exact_balls

BITS = 320


def gradients(case: Case) -> dict[str, list[Ball]]:
    """Back-propagation, at the precision that is set."""
    arrays, kinks = exact_balls(case)
    assert kinks.found == []
    return {name: arrays[name] for name in (*case.spec.parameter_shapes(), "x", "h0")}


def assert_agree(found: dict[str, list[Ball]], expected: dict[str, list[Ball]]) -> None:
    """40 digits of every entry; where one is exactly 0, 40 digits behind the point of the other."""
    assert list(found) == list(expected)
    with balls.precision(BITS):
        for name, entries in found.items():
            assert len(entries) == len(expected[name]), name
            for a, b in zip(entries, expected[name], strict=True):
                scale = 1 if a == 0 and b.contains(0) else abs(b)
                assert abs(a - b) <= arb("1e-40") * scale, (name, a, b)
