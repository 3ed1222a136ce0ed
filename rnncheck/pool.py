"""The pools of cases, and the search for the smallest one that fails. Hypothesis does both."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from rnncheck.implementation import Capabilities
from rnncheck.properties.strategies import Draw, Kind, build, draws, for_proof
from rnncheck.properties.trial import PoolCase


@dataclass(frozen=True)
class Source:
    """What a pool is drawn from: the cases of a kind that capabilities allow, a seed, a count."""

    can: Capabilities
    kind: Kind
    seed: int
    count: int

    @property
    def is_empty(self) -> bool:
        """Whether no case of the kind is within the capabilities."""
        return bool(draws(self.can, self.kind).is_empty)

    def draw(self) -> list[Draw]:
        """`count` different draws (fewer if there are no more), always the same ones."""
        drawn: dict[Draw, None] = {}
        self._search((Phase.generate,), drawn.setdefault)
        if self.kind != "proof":
            return list(drawn)
        rows = self.can.batch_size
        return list(dict.fromkeys(for_proof(draw, i, rows) for i, draw in enumerate(drawn)))

    def smallest(self, fails: Callable[[Draw], bool], most: int) -> Draw | None:
        """The smallest draw that fails, beginning with the pool itself.

        fails: asked once for each draw; after `most` questions every new draw counts as passing, so
        that the search ends with the smallest failure known by then. None if none of the pool fails.
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
            self._search((Phase.generate, Phase.shrink), judge)
        except _Failing:
            return failing[-1]
        return None

    def _search(self, phases: tuple[Phase, ...], visit: Callable[[Draw], object]) -> None:
        strategy = draws(self.can, self.kind)
        if strategy.is_empty:
            return

        @seed(self.seed)
        @settings(
            max_examples=self.count,
            phases=phases,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
        )
        @given(strategy)
        def look(draw: Draw) -> None:
            visit(draw)

        look()


class _Failing(Exception):
    """Tells Hypothesis that a draw is one of those to shrink."""


@dataclass
class Pools:
    """Every pool of a session: implementations of the same capabilities share cases and truth."""

    pools: dict[Source, dict[Draw, PoolCase]] = field(default_factory=dict)

    def get(self, source: Source) -> dict[Draw, PoolCase]:
        """The pool of a source, drawn when it is first asked for."""
        if source not in self.pools:
            self.pools[source] = {draw: PoolCase(build(draw)) for draw in source.draw()}
        return self.pools[source]

    def case(self, source: Source, draw: Draw) -> PoolCase:
        """A draw's case: the pool's own, or a new one."""
        return self.get(source).get(draw) or PoolCase(build(draw))
