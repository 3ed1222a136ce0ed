"""The pool of cases, and the search for the smallest one that fails. Hypothesis does both."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from rnncheck.implementation import Capabilities
from rnncheck.properties.strategies import Draw, draws


def draw_pool(can: Capabilities, start: int, count: int) -> list[Draw]:
    """`count` draws (fewer if there are no more) within the capabilities; the same for one seed."""
    drawn: dict[Draw, None] = {}
    _search(can, start, count, (Phase.generate,), lambda draw: drawn.setdefault(draw))
    return list(drawn)


class _Failing(Exception):
    """Tells Hypothesis that a draw is one of those to shrink."""


def smallest_failing(
    can: Capabilities, start: int, count: int, fails: Callable[[Draw], bool], most: int
) -> Draw | None:
    """The smallest draw that fails, beginning with the pool of the same seed and count.

    fails: asked once for each draw; after `most` questions every new draw counts as passing, so that
    the search ends with the smallest failure known by then. None if none of the pool fails.
    """
    known: dict[Draw, bool] = {}
    failing: list[Draw] = []

    def judge(draw: Draw) -> None:
        if draw not in known:
            known[draw] = len(known) < most and fails(draw)
        if known[draw]:
            failing.append(draw)
            raise _Failing

    try:
        _search(can, start, count, (Phase.generate, Phase.shrink), judge)
    except _Failing:
        return failing[-1]
    return None


def _search(
    can: Capabilities,
    start: int,
    count: int,
    phases: tuple[Phase, ...],
    visit: Callable[[Draw], object],
) -> None:
    @seed(start)
    @settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(draws(can))
    def look(draw: Draw) -> None:
        visit(draw)

    look()
