"""One pool of cases, every check on it, and a stream of events about what happens."""

import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace

from rnncheck.events import Checked, CheckEnded, Event, Finished, Found, Running, Started
from rnncheck.implementation import Implementation, Place, locate
from rnncheck.keeper import Keeper
from rnncheck.pool import Pools, Source
from rnncheck.properties.outcome import NOTHING, NotApplicable, Outcome
from rnncheck.properties.registry import Check, all_checks, named_checks
from rnncheck.properties.strategies import Draw
from rnncheck.properties.trial import Refused, Trial, has_torch
from rnncheck.report import Certificate, CheckReport, Finding, Report, Status
from rnncheck.results import SubjectError
from rnncheck.settings import Settings

Diagnose = Callable[[Finding, list[Trial]], Finding]

FAILING_CASES = 6
"""How many failing cases a diagnosis must explain, if the pool has so many."""


@dataclass(frozen=True)
class Verdict:
    """What one check said of one case: passed, failed, refused, not_applicable or error."""

    word: str
    outcome: Outcome | None = None
    message: str = ""


def judge(check: Check, trial: Trial) -> Verdict:
    """Run one check on one trial; whatever the subject does, there is a verdict."""
    need = check.lacks(trial.case)
    if need:
        return Verdict("not_applicable", message=f"needs {need}")
    missing = trial.subject.capabilities.missing(trial.case)
    if missing:
        return Verdict("not_applicable", message=f"beyond its abilities: {missing}")
    try:
        outcome = check.law(trial)
    except NotApplicable as reason:
        return Verdict("not_applicable", message=str(reason))
    except Refused as refusal:
        return Verdict("refused", message=str(refusal))
    except SubjectError as error:
        return Verdict("failed", message=str(error))
    except Exception:
        return Verdict("error", message=traceback.format_exc())
    return Verdict("failed" if outcome.failed else "passed", outcome)


@dataclass
class Tally:
    """What one check has said so far."""

    check: Check
    words: Counter[str] = field(default_factory=Counter)
    witnesses: int = 0
    worst: float | None = None
    notes: Counter[str] = field(default_factory=Counter)
    certificates: list[Certificate] = field(default_factory=list)
    error: str = ""

    def add(self, verdict: Verdict) -> float | None:
        """Count a verdict; its ratio, if it measured one."""
        self.words[verdict.word] += 1
        note = verdict.message if verdict.word != "failed" else ""
        if verdict.outcome:
            note = verdict.outcome.note
            self.witnesses += verdict.outcome.witness
            if verdict.outcome.certificate:
                self.certificates.append(verdict.outcome.certificate)
        if verdict.word == "error":
            self.error = note
        elif note:
            self.notes[note] += 1
        entry = verdict.outcome.worst if verdict.outcome else None
        if entry is None:
            return None
        self.worst = max(self.worst or 0.0, entry.ratio)
        return entry.ratio

    @property
    def seen(self) -> int:
        """Cases that the check was really run on."""
        return self.words["passed"] + self.words["failed"] + self.words["error"]

    def report(self, finding: Finding | None) -> CheckReport:
        """The end of the check."""
        status = Status.PASSED if self.witnesses else Status.VACUOUS
        if not self.seen and not self.words["refused"]:
            status = Status.NOT_APPLICABLE
        if finding is not None:
            status = Status.FAILED
        if self.words["error"]:
            status = Status.ERROR
        common = self.notes.most_common(1)
        note = self.error or (common[0][0] if common else "")
        return CheckReport(
            self.check.id, self.check.family, status, self.seen, self.witnesses,
            self.words["refused"], self.words["not_applicable"], self.worst,
            note, finding, tuple(self.certificates),
        )  # fmt: skip


class Run:
    """One implementation through every check. Iterate over `events()`."""

    def __init__(
        self, subject: Implementation, settings: Settings, pools: Pools | None = None,
        diagnose: Diagnose | None = None,
    ) -> None:  # fmt: skip
        self.subject, self.settings, self.diagnose = subject, settings, diagnose
        self.can = subject.capabilities
        self.pools = pools or Pools()
        self.keeper = Keeper(settings.folder, subject.name)
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
        reason = ""
        if check.needs_gradients and not self.can.gradients:
            reason = "no backward pass"
        elif check.needs_second_order and not self.can.second_order:
            reason = "no second derivatives"
        elif check.needs_torch and not has_torch():
            reason = "torch is not installed (pip install 'rnncheck[torch]')"
        elif self._source(check).is_empty:
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
        """Every case of the pool, until one fails; then the smallest that does."""
        tally, source = self.tallies[check.id], self._source(check)
        for draw, entry in self.pools.get(source).items():
            if check.share != "all" and self._enough(tally):
                tally.add(Verdict("not_applicable"))
                continue
            yield Running(check.id, check.family, self.keeper.running(entry.case))
            verdict = judge(check, self._trial(source, draw))
            yield Checked(check.id, verdict.word, tally.add(verdict))
            if verdict.word == "failed":
                self.failed[check.id] = draw
                self.keeper.keep(check.id, entry.case)
                return (yield from self._finding(check))
        return None

    def _enough(self, tally: Tally) -> bool:
        """Whether a check has had its share: so many witnesses, or four times as many cases."""
        profile = self.settings.profile
        share = profile.some_cases if tally.check.share == "some" else profile.few_cases
        return tally.witnesses >= share or tally.seen >= 4 * share

    def _finding(self, check: Check) -> Generator[Event, None, Finding]:
        """Shrink, keep the case, and only then speak."""
        verdicts: dict[Draw, Verdict] = {}
        source = self._source(check)

        def fails(draw: Draw) -> bool:
            entry = self.pools.case(source, draw)
            self.keeper.running(entry.case)
            verdicts[draw] = judge(check, Trial(self.subject, entry))
            return verdicts[draw].word == "failed"

        profile = self.settings.profile
        yield Running(check.id, check.family, self.keeper.running_file)
        few = check.share == "few"
        most = profile.cases + (profile.few_cases if few else profile.shrink_cases)
        found = source.smallest(fails, most)
        draw = found or self.failed[check.id]
        entry = self.pools.case(source, draw)
        trial = Trial(self.subject, entry)
        verdict = verdicts.get(draw) or judge(check, trial)
        finding = describe(check, trial, verdict)
        finding = replace(finding, case_file=self.keeper.keep(check.id, entry.case))
        if self.diagnose:
            trials = [trial, *self._failing(check)]
            finding = self.diagnose(finding, trials)
        yield Found(finding)
        return finding

    def _failing(self, check: Check) -> Iterator[Trial]:
        """Cases of the pool on which the check fails: a few, or the one that is known if each takes long."""
        source, left = self._source(check), FAILING_CASES
        draws = [self.failed[check.id]] if check.share == "few" else list(self.pools.get(source))
        for draw in draws:
            trial = self._trial(source, draw)
            self.keeper.running(trial.case)
            if judge(check, trial).word == "failed":
                yield trial
                left -= 1
            if not left:
                return


def describe(check: Check, trial: Trial, verdict: Verdict) -> Finding:
    """A failing verdict as a finding, in the subject's own names."""
    if verdict.outcome is None or verdict.outcome.worst is None:
        return Finding(check.id, verdict.message, trial.case)
    entries = verdict.outcome.by_array()
    worst = entries[0]
    own = (*trial.case.spec.parameter_shapes(), "x", "h0", "output", "h_n")
    known = worst.array in own
    place = Place(worst.array, worst.index)
    if known:
        place = locate(trial.subject, worst.array, worst.index)
    names = {
        e.array: locate(trial.subject, e.array, ()).array if e.array in own else e.array
        for e in entries
    }
    gradient = known and worst.array not in ("output", "h_n")
    value, expected = f"{worst.value:.9g}", f"{worst.expected:.9g}"
    if value == expected:
        value, expected = repr(worst.value), repr(worst.expected)
    exactly = " exactly" if worst.allowed <= NOTHING else f" ± {worst.allowed:.2g}"
    message = f"{'the gradient for ' if gradient else ''}{place} is {value}; it must be {expected}{exactly}"
    return Finding(
        check=check.id,
        message=message,
        case=trial.case,
        measured=worst.measured,
        allowed=worst.allowed,
        place=place,
        wrong={names[e.array]: e.ratio for e in entries if e.ratio > 1.0},
        right=tuple(sorted(names[e.array] for e in entries if e.ratio <= 1.0)),
    )
