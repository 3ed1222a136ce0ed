"""The pools of cases, and the search for the smallest one that fails. Hypothesis does both."""

import math
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, Verbosity, event, given, seed, settings, target
from hypothesis.database import ExampleDatabase

from rnncheck.implementation import Capabilities
from rnncheck.properties.strategies import LONG, Draw, Kind, build, draws, for_proof
from rnncheck.properties.trial import PoolCase
from rnncheck.spec import RNNSpec

AGAIN = 10
"""Examples that Hypothesis may draw for each one wanted: most are small changes of one before."""

BEGINNING = 50
"""Examples with which Hypothesis may begin that are small on purpose: of these, one in SMALL is taken."""

SMALL = 5

SPARE = 2
"""Draws more than are needed for every one of the first, to choose from."""

EVEN = 120
"""Draws of a pool that are chosen so that nothing is missing."""

MOST_LAYERS = 3
"""Layers of most networks; one that has more and drops out must be there."""

STRONG = ("saturating", "huge", "chaotic", "lively")
"""Regimes in which what a readout is applied to may be large."""

FARTHEST = 64.0
"""Binary orders of magnitude beyond which an error is not told from a larger one, nor a smaller."""


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
        return self.drawn()[0]

    def drawn(self) -> tuple[list[Draw], list[Draw]]:
        """The draws of the pool, and those that were left over.

        Of those that Hypothesis makes from one by small changes, the first is taken (no two have the
        same spec and T), and few of the small ones with which it begins, as long as there are enough
        others. They are shared out of more than are needed: by chance alone, a small pool may have
        hardly any tanh.
        """
        beginning, seen = min(BEGINNING, AGAIN * self.count // 10), 0
        wanted = self.count + SPARE * min(self.count, EVEN)
        drawn: dict[tuple[RNNSpec, int], Draw] = {}
        alike: dict[Draw, None] = {}

        def take(draw: Draw) -> None:
            nonlocal seen
            seen += 1
            if (seen <= beginning and seen % SMALL) or drawn.setdefault(
                (draw.spec, draw.T), draw
            ) != draw:
                alike.setdefault(draw)
            if len(drawn) >= wanted:
                raise _Found

        self._search([Phase.generate], take)
        taken = shared_out(list(drawn.values()), self.count)
        taken = list(dict.fromkeys([*taken, *alike]))[: self.count]
        if self.kind != "proof":
            return taken, [draw for draw in drawn.values() if draw not in set(taken)]
        rows = self.can.batch_size
        return list(dict.fromkeys(for_proof(draw, i, rows) for i, draw in enumerate(taken))), []

    def smallest(
        self,
        fails: Callable[[Draw], bool],
        most: int,
        known_before: ExampleDatabase | None = None,
        ratio: Callable[[Draw], float | None] | None = None,
        pool: Container[Draw] | None = None,
    ) -> Draw | None:
        """The smallest draw that fails, beginning with what failed before and with the pool itself.

        fails: asked once for each draw; after `most` questions every new draw counts as passing, so
        that the search ends with the smallest failure known by then. known_before: failures of
        earlier runs; gets this one too. ratio: of a draw that was asked about, its error over what
        is allowed: the search goes on, beyond the pool, where that is large. pool: of what is drawn
        before something fails, only these are asked about. None if nothing fails.
        """
        phases = [Phase.reuse, Phase.generate, Phase.shrink, *([Phase.target] if ratio else [])]
        return self._failing(phases, fails, most, known_before, ratio, pool)

    def remembered(
        self, fails: Callable[[Draw], bool], most: int, known_before: ExampleDatabase
    ) -> Draw | None:
        """The smallest of the earlier failures that still fails; those that do not are forgotten."""
        return self._failing([Phase.reuse], fails, most, known_before)

    def _failing(
        self,
        phases: list[Phase],
        fails: Callable[[Draw], bool],
        most: int,
        known_before: ExampleDatabase | None,
        ratio: Callable[[Draw], float | None] | None = None,
        pool: Container[Draw] | None = None,
    ) -> Draw | None:
        known: dict[Draw, bool] = {}
        failing: list[Draw] = []

        def judge(draw: Draw) -> None:
            if pool is not None and not failing and draw not in pool:
                return
            if draw not in known:
                known[draw] = len(known) < most and fails(draw)
            if known[draw]:
                failing.append(draw)
                raise _Found
            aim(ratio(draw) if ratio else None)

        return failing[-1] if self._search(phases, judge, known_before) else None

    def _search(
        self,
        phases: list[Phase],
        visit: Callable[[Draw], object],
        database: ExampleDatabase | None = None,
    ) -> bool:
        """Show draws to `visit`, always the same ones; whether it raised _Found."""
        strategy = draws(self.can, self.kind)
        if strategy.is_empty:
            return False

        @settings(
            max_examples=AGAIN * (self.count + SPARE * min(self.count, EVEN)),
            phases=phases,
            database=database,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
        )
        @seed(self.seed)  # below the settings: it takes their database away
        @given(strategy)
        def look(draw: Draw) -> None:
            event(f"regime {draw.regime}")
            visit(draw)

        try:
            look()
        except _Found:
            return True
        except SkipTest:  # nothing to show: what the database holds is no draw
            return False
        return False


def shared_out(draws: list[Draw], count: int) -> list[Draw]:
    """So many of the draws that the nonlinearities are even, and that what is rare is there.

    The next one taken is of the nonlinearity that has the fewest so far; of these, one with a feature that
    was not seen yet, then of the rarest regime, then the first that was drawn. (To have all features
    evenly would fill a pool with empty cases.) Beyond EVEN draws chance has shown everything.
    """
    waiting: dict[str, list[Draw]] = {}
    for draw in draws:
        waiting.setdefault(draw.spec.nonlinearity, []).append(draw)
    seen: Counter[object] = Counter()
    taken: list[Draw] = []
    while waiting and len(taken) < count:
        kind = min(waiting, key=lambda name: seen[name])
        own = waiting[kind]
        rarest = own[0]
        if len(taken) < EVEN:
            rarest = min(
                own, key=lambda d: (all(seen[f] for f in _features(d)), seen[kind, d.regime])
            )
        own.remove(rarest)
        waiting = {name: left for name, left in waiting.items() if left}
        seen.update([kind, (kind, rarest.regime), *_features(rarest)])
        taken.append(rarest)
    return taken


def _features(draw: Draw) -> tuple[object, ...]:
    """What must not be missing from a pool: options, and those pairs of them that have their own code."""
    spec = draw.spec
    deep = spec.num_layers > 1
    features = (
        (spec.outputs, draw.lengths is not None, spec.bidirectional),
        (spec.readout, spec.output_size is not None, draw.regime in STRONG),
        (min(spec.generated, 2), draw.dropout),
        (draw.T == 0, draw.B == 0, LONG[0] <= draw.T),
        (spec.truncation is not None, spec.nonlinearity),
        (deep, spec.bidirectional, draw.lengths is not None),
        (deep, draw.dropout, draw.dtype),
        (spec.num_layers > MOST_LAYERS, draw.dropout),
    )
    return tuple(enumerate(features))  # numbered, for (True, False) of one is not that of another


def aim(ratio: float | None) -> None:
    """Tell Hypothesis how near a draw has come to failing."""
    if ratio and not math.isnan(ratio):
        target(max(-FARTHEST, min(math.log2(ratio), FARTHEST)) if ratio < math.inf else FARTHEST)


class _Found(Exception):
    """Tells Hypothesis that a draw is one of those to shrink, or that there are enough."""


@dataclass
class Pools:
    """Every pool of a session: implementations of the same capabilities share cases and truth.

    pools: by source, the cases. spares: those that were drawn with them and left over. keeps: see
    `PoolCase`.
    """

    pools: dict[Source, dict[Draw, PoolCase]] = field(default_factory=dict)
    spares: dict[Source, dict[Draw, PoolCase | None]] = field(default_factory=dict)
    keeps: bool = False

    def get(self, source: Source) -> dict[Draw, PoolCase]:
        """The pool of a source, drawn when it is first asked for."""
        if source not in self.pools:
            taken, left = source.drawn()
            self.pools[source] = {draw: PoolCase(build(draw), self.keeps) for draw in taken}
            self.spares[source] = dict.fromkeys(left)
        return self.pools[source]

    def spare(self, source: Source) -> Iterator[tuple[Draw, PoolCase]]:
        """What the pool of a source left over, each built when it is asked for."""
        self.get(source)
        for draw in self.spares[source]:
            yield draw, self.case(source, draw)

    def case(self, source: Source, draw: Draw) -> PoolCase:
        """A draw's case: the pool's own, one of the spare ones, or a new one."""
        known = self.get(source).get(draw) or self.spares[source].get(draw)
        if known is None:
            known = PoolCase(build(draw), self.keeps)
            if draw in self.spares[source]:
                self.spares[source][draw] = known
        return known
