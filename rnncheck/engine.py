"""One pool of cases, every check on it, and a stream of events about what happens."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from rnncheck.database import Shelf, open_database
from rnncheck.events import Checked, CheckEnded, Event, Finished, Found, Running, Started
from rnncheck.evidence import Evidence, kept_fresh
from rnncheck.implementation import Implementation
from rnncheck.keeper import Keeper
from rnncheck.pool import Pools, Source
from rnncheck.properties.registry import Check, all_checks, named_checks
from rnncheck.properties.strategies import Draw
from rnncheck.properties.trial import PoolCase, Refused, Trial
from rnncheck.report import CheckReport, Finding, Report
from rnncheck.results import SubjectError
from rnncheck.settings import Settings
from rnncheck.verdicts import Tally, Verdict, beyond, describe, inapplicable, judge

__all__ = ["Run", "describe", "judge"]

Diagnose = Callable[[Evidence], Finding]

FAILING_CASES = 6
"""How many failing cases a diagnosis must explain, if the pool has so many."""

OTHER_CASES = 10
"""How many of the pool's smaller cases it must explain besides, failing or not."""

HUNTED = ("truth",)
"""Families for which a thorough run looks beyond the pool: there an error is worth making larger."""


def _with_an_empty_row(entry: PoolCase) -> PoolCase | None:
    """The case without the steps of its longest row; None if no other row ends before the last step."""
    case = entry.case
    n = case.valid_steps().copy()
    if case.lengths is None or case.B < 2:
        return None
    n[n.argmax()] = 0
    return PoolCase(case.replace(lengths=n)) if ((n > 0) & (n < case.T)).any() else None


def _with_tanh(entry: PoolCase) -> PoolCase | None:
    """The case with tanh in the place of ReLU or the identity; None if it has no second step."""
    spec = entry.case.spec
    if spec.nonlinearity == "tanh" or entry.case.T < 2:
        return None
    return PoolCase(entry.case.replace(spec=replace(spec, nonlinearity="tanh")))


def _with_padding_alone_at_the_end(entry: PoolCase) -> PoolCase | None:
    """The case without its last step, which is padding; None if it has fewer than three, or no lengths."""
    case = entry.case
    if case.lengths is None or case.T < 3:
        return None
    return PoolCase(case.replace(lengths=np.full(case.B, case.T - 1)))


OTHER_KINDS = (_with_an_empty_row, _with_padding_alone_at_the_end, _with_tanh)


class Run:
    """One implementation through every check. Iterate over `events()`."""

    def __init__(
        self, subject: Implementation, settings: Settings, pools: Pools | None = None,
        diagnose: Diagnose | None = None,
    ) -> None:  # fmt: skip
        self.subject, self.settings, self.diagnose = subject, settings, diagnose
        self.can, self.fresh = subject.capabilities, kept_fresh(subject)
        self.pools = pools or Pools()
        self.keeper = Keeper(settings.folder, subject.name, settings.target)
        self.database = open_database(settings.database, settings.folder)
        chosen = named_checks(list(settings.checks)) if settings.checks else all_checks()
        self.tallies = {check.id: Tally(check) for check in chosen}
        self.failed: dict[str, Draw] = {}
        self.trials: dict[tuple[Source, Draw], Trial] = {}

    def events(self) -> Iterator[Event]:
        """Run everything, saying so as it goes; the last event holds the report."""
        applicable = [t.check for t in self.tallies.values() if self._applies(t)]
        steps = sum(self._source(check).count for check in applicable)
        yield Started(self.subject.name, tuple(self.tallies), steps)
        yield from self._find_abilities(applicable)
        reports: dict[str, CheckReport] = {}
        for tally in sorted(self.tallies.values(), key=lambda t: t.check.share == "few"):
            finding = None
            if tally.check in applicable:
                finding = yield from self._run(tally.check)
            reports[tally.check.id] = tally.report(finding)
            yield CheckEnded(reports[tally.check.id])
        self.keeper.done()
        settings = self.settings
        yield Finished(
            Report(
                self.subject.name,
                tuple(reports[name] for name in self.tallies),
                settings.seed,
                settings.profile.name,
            )
        )

    def _applies(self, tally: Tally) -> bool:
        check = tally.check
        profile, reason = self.settings.profile, beyond(check, self.can)
        if check.needs_torch and not profile.torch:
            reason = f"the {profile.name} profile leaves torch out"
        if not reason and self._source(check).is_empty:
            reason = "needs ReLU or identity" if check.kind == "dyadic" else "no case it can run"
        if reason:
            tally.add(Verdict("not_applicable", message=reason))
        return not reason

    def _find_abilities(self, checks: Iterable[Check]) -> Iterator[Event]:
        """Whether forward gives h_n is known once it has run: if not, no cotangent asks for it."""
        first = next((check for check in checks if check.kind == "general"), None)
        if first is None:
            return
        pool = self.pools.get(self._source(first)).values()
        entry = next((e for e in pool if not e.case.is_degenerate), None)
        if entry is None:
            return
        yield Running(first.id, first.family, self.keeper.running(entry.case))
        try:
            silent = Trial(self.subject, entry).forward.h_n is None
        except (SubjectError, Refused):
            return
        if silent:
            self.can = replace(self.can, final_state=False)

    def _source(self, check: Check) -> Source:
        profile = self.settings.profile
        counts = {"dyadic": max(profile.cases // 4, 1), "proof": profile.proof_cases}
        count = counts.get(check.kind, profile.cases)
        return Source(self.can, check.kind, self.settings.seed, count)

    def _trial(self, source: Source, draw: Draw) -> Trial:
        """The subject on a case of the pool: it runs once, however many checks look at the result."""
        if (source, draw) not in self.trials:
            self.trials[source, draw] = Trial(self.subject, self.pools.case(source, draw))
        return self.trials[source, draw]

    def _run(self, check: Check) -> Generator[Event, None, Finding | None]:
        """What failed before, then every case of the pool, until one fails; then the smallest that does."""
        if any(True for _ in self._shelf(check).fetch()):
            finding = yield from self._earlier(check)
            if finding is not None:
                return finding
        tally, source = self.tallies[check.id], self._source(check)
        for draw, entry in self._cases(tally, source):
            if check.share != "all" and self._enough(tally):
                tally.add(Verdict("not_applicable"))
                continue
            trial = self._trial(source, draw)
            if not inapplicable(check, trial):
                yield Running(check.id, check.family, self.keeper.running(entry.case))
            verdict = judge(check, trial)
            yield Checked(check.id, verdict.word, tally.add(verdict))
            if verdict.word == "failed":
                self.failed[check.id] = draw
                self.keeper.keep(check.id, entry.case)
                return (yield from self._smallest(check))
        if self.settings.profile.hunted_cases and check.family in HUNTED:
            return (yield from self._hunted(check))
        return None

    def _cases(self, tally: Tally, source: Source) -> Iterator[tuple[Draw, PoolCase]]:
        """Those of the pool; after them those that it left over, as long as a check has no witness."""
        yield from self.pools.get(source).items()
        for draw, entry in self.pools.spare(source):
            if tally.witnesses:
                return
            yield draw, entry

    def _shelf(self, check: Check) -> Shelf:
        """Where this check's failures are kept from one run to the next."""
        return Shelf(self.database, self.subject.name, check.id)

    def _enough(self, tally: Tally) -> bool:
        """Whether a check has had its share: so many witnesses, or four times as many cases."""
        profile = self.settings.profile
        share = profile.some_cases if tally.check.share == "some" else profile.few_cases
        return tally.witnesses >= share or tally.seen >= 4 * share

    def _asked(self, check: Check, verdicts: dict[Draw, Verdict]) -> Callable[[Draw], bool]:
        """Whether a draw fails the check; every verdict is written down."""
        source = self._source(check)

        def fails(draw: Draw) -> bool:
            entry = self.pools.case(source, draw)
            self.keeper.searching(entry.case)
            verdicts[draw] = judge(check, Trial(self.subject, entry))
            return verdicts[draw].word == "failed"

        return fails

    def _most(self, check: Check) -> int:
        """How many cases a search may ask about: as many as the pool has, and some to shrink."""
        profile = self.settings.profile
        return profile.cases + (profile.few_cases if check.share == "few" else profile.shrink_cases)

    def _earlier(self, check: Check) -> Generator[Event, None, Finding | None]:
        """The finding, if something that failed in an earlier run fails still."""
        verdicts: dict[Draw, Verdict] = {}
        yield Running(check.id, check.family, self.keeper.search_file)
        fails, most = self._asked(check, verdicts), self._most(check)
        draw = self._source(check).remembered(fails, most, self._shelf(check))
        if draw is None:
            return None
        self.failed[check.id] = draw
        yield Checked(check.id, "failed", self.tallies[check.id].add(verdicts[draw]))
        return (yield from self._smallest(check, "failed before"))

    def _smallest(self, check: Check, note: str = "") -> Generator[Event, None, Finding]:
        """Shrink; the case that was found first if there is no smaller one."""
        verdicts: dict[Draw, Verdict] = {}
        yield Running(check.id, check.family, self.keeper.search_file)
        fails, most = self._asked(check, verdicts), self._most(check)
        source, known = self._source(check), set[Draw]()
        if check.kind != "proof" and not note:
            known = {self.failed[check.id]}
            if check.share != "few":  # else each takes long, and most were not run
                known |= self.pools.get(source).keys()
        found = source.smallest(fails, most, self._shelf(check), pool=known or None)
        draw = found or self.failed[check.id]
        return (yield from self._finding(check, draw, verdicts.get(draw), note))

    def _hunted(self, check: Check) -> Generator[Event, None, Finding | None]:
        """Beyond the pool: cases like those with the largest errors, and larger ones from there."""
        source, tally, verdicts = self._source(check), self.tallies[check.id], dict[Draw, Verdict]()
        pool, more = self.pools.get(source), self.settings.profile.hunted_cases
        asked = self._asked(check, verdicts)

        def fails(draw: Draw) -> bool:
            if draw in pool:
                verdicts[draw] = judge(check, self._trial(source, draw))
                return False
            beyond = len(verdicts.keys() - pool.keys())
            known = check.id in self.failed
            if beyond >= more and not known:
                return False
            failed = asked(draw)
            if not known:
                tally.add(verdicts[draw])
            if failed:
                self.failed.setdefault(check.id, draw)
            return failed

        def ratio(draw: Draw) -> float | None:
            outcome = verdicts[draw].outcome if draw in verdicts else None
            return outcome.worst.ratio if outcome and outcome.worst else None

        yield Running(check.id, check.family, self.keeper.search_file)
        most = self._most(check) + more
        found = source.smallest(fails, most, self._shelf(check), ratio)
        return (yield from self._finding(check, found, verdicts[found])) if found else None

    def _finding(
        self, check: Check, draw: Draw, verdict: Verdict | None, note: str = ""
    ) -> Generator[Event, None, Finding]:
        """Keep the case, explain it, and only then speak."""
        entry = self.pools.case(self._source(check), draw)
        if note:
            entry = PoolCase(entry.case.replace(origin=f"{entry.case.origin}, {note}"))
        trial = Trial(self.subject, entry)
        finding = describe(check, trial, verdict or judge(check, trial))
        finding = replace(finding, case_file=self.keeper.keep(check.id, entry.case))
        if self.diagnose:
            trials = [trial, *self._failing(check)]
            others = self._others(check)
            finding = self.diagnose(Evidence(finding, check, trials, others, self.fresh))
        yield Found(finding)
        return finding

    def _others(self, check: Check) -> list[PoolCase]:
        """Smaller cases of the pool, with something in them; and the smallest of every kind of network.

        Two mistakes may do the same in all small cases, if none of these happens to have a readout. A few
        more have what a whole pool may lack.
        """
        pool = [e for e in self.pools.get(self._source(check)).values() if not e.case.is_degenerate]
        pool.sort(key=lambda e: e.case.x.size * e.case.spec.num_states)
        kinds: dict[object, PoolCase] = {}
        for entry in pool:
            spec = entry.case.spec
            for kind in enumerate((
                spec.nonlinearity, (spec.output_size is not None, spec.readout), spec.outputs,
                spec.generated > 0, spec.truncation is not None, spec.bidirectional,
                spec.num_layers > 1, entry.case.lengths is not None,
            )):  # fmt: skip
                kinds.setdefault(kind, entry)
        chosen = {id(entry): entry for entry in (*pool[:OTHER_CASES], *kinds.values())}
        made = (islice(filter(None, map(make, pool)), 1) for make in OTHER_KINDS)
        return [*chosen.values(), *chain.from_iterable(made)]

    def _failing(self, check: Check) -> Iterator[Trial]:
        """Cases of the pool on which the check fails: a few, or the one that is known if each takes long."""
        source, left = self._source(check), FAILING_CASES
        draws = [self.failed[check.id]] if check.share == "few" else list(self.pools.get(source))
        for draw in draws:
            trial = self._trial(source, draw)
            self.keeper.searching(trial.case)
            if judge(check, trial).word == "failed":
                yield trial
                left -= 1
            if not left:
                return
