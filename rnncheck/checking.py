"""`check` and `assert_correct`: an object in, a report out, all in this process."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from hypothesis.database import ExampleDatabase

from rnncheck.diagnosis import explained
from rnncheck.engine import Run
from rnncheck.events import Event, Finished
from rnncheck.implementation import Implementation
from rnncheck.loading import as_implementation
from rnncheck.pool import Pools
from rnncheck.replaying import replay_events
from rnncheck.report import Report
from rnncheck.settings import Settings
from rnncheck.settings import profile as profile_named


def run_events(
    subject: Implementation, settings: Settings, pools: Pools | None = None
) -> Iterator[Event]:
    """The events for one implementation, findings diagnosed: of a pool, or of one kept case."""
    if settings.replay is not None:
        return replay_events(subject, settings.replay, settings)
    return Run(subject, settings, pools, explained).events()


def check(
    implementation: object,
    *,
    profile: str = "standard",
    seed: int = 0,
    checks: tuple[str, ...] = (),
    database: str | ExampleDatabase | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Report:
    """Run every check (or those named) on an implementation and report.

    implementation: what `rnncheck.wrap` returns, `torch.nn.RNN`, any `Implementation`, the name of
    a built-in one, or `FILE.py:OBJECT` (loaded here; the command line gives it its own process).
    profile: quick, standard or thorough. seed: of the pool of cases; the same seed gives the
    same report. checks: run these only. on_event: called with every event as it happens.

    Raises UsageError, ValueError or KeyError for an argument that names nothing. What the
    implementation does wrong is never raised: it is in the report.
    """
    if not isinstance(seed, int):
        raise TypeError(f"seed must be an int, not {seed!r}")
    if isinstance(checks, str):
        raise TypeError(f"checks must be a tuple of names, not the string {checks!r}")
    settings = Settings(profile_named(profile), seed, tuple(checks), database=database)
    if isinstance(implementation, str):
        settings = replace(settings, target=implementation)
    for event in run_events(as_implementation(implementation), settings):
        if on_event:
            on_event(event)
        if isinstance(event, Finished):
            return event.report
    raise AssertionError("the engine ended without a report")


def assert_correct(implementation: object, *, profile: str = "standard", seed: int = 0) -> None:
    """Raise AssertionError with the report's text unless the report passes; for use in any tests."""
    from rnncheck.reporting.text import report_text

    report = check(implementation, profile=profile, seed=seed)
    if not report.passed:
        raise AssertionError("\n" + report_text(report))
