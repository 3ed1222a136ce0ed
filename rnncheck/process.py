"""A file's implementations in a process of their own: one that hangs or dies costs only itself."""

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnncheck.case import Case
from rnncheck.events import CheckEnded, Event, Finished, Found, Running, Started
from rnncheck.frames import Loaded, Trouble, Turn, Unit, read_frame, write_frame
from rnncheck.keeper import Keeper, clear
from rnncheck.properties.registry import all_checks
from rnncheck.report import CheckReport, Finding, Report, Status
from rnncheck.results import UsageError
from rnncheck.settings import Settings


class HarnessError(Exception):
    """rnncheck itself failed in the child process; the text is its traceback."""


def run_in_process(target: str, settings: Settings) -> Iterator[Event]:
    """The events of every implementation in a file, checked in a child process.

    If a call of the subject takes longer than `settings.timeout`, or the child ends before its
    report, the check that was running fails on the case that was running, the report says so, and
    another child goes on with the file's next implementation.
    Raises UsageError if the file cannot be used, HarnessError if rnncheck itself failed.
    """
    past = _Past(_from_anywhere(settings, target))
    while past.count is None or past.done < past.count:
        done = past.done
        unit = Unit(target, past.settings, skip=done)
        child = subprocess.Popen(
            [sys.executable, "-m", "rnncheck.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            assert child.stdin is not None
            with suppress(BrokenPipeError):
                write_frame(child.stdin, unit)
                child.stdin.close()
            death = yield from _listen(child, past)
        finally:
            child.kill()
            child.wait()
        if past.started is not None:
            yield from past.obituary(death)
        elif past.done == done:
            raise UsageError(f"{target}: importing the file {death}")


def _from_anywhere(settings: Settings, target: str) -> Settings:
    """The settings with absolute paths: the file may change the folder when it is imported."""
    database, replay = settings.database, settings.replay
    if isinstance(database, str) and database.startswith("directory:"):
        database = f"directory:{Path(database.removeprefix('directory:')).absolute()}"
    return replace(
        settings, folder=settings.folder.absolute(), database=database, target=target,
        replay=replay and replay.absolute(),
    )  # fmt: skip


def _listen(child: "subprocess.Popen[bytes]", past: "_Past") -> Generator[Event, None, str]:
    """The child's events to its end, and how it came to that."""
    frames: queue.Queue[object] = queue.Queue()
    threading.Thread(target=_pump, args=(child, frames), daemon=True).start()
    limit = min(threading.TIMEOUT_MAX, past.settings.timeout)
    hung = f"did not come back within {limit:g} s"
    subjects_turn = False
    while True:
        try:
            frame = frames.get(timeout=limit if subjects_turn else None)
        except queue.Empty:
            return hung if child.poll() is None else _how_it_ended(child.wait())
        match frame:
            case None:
                with suppress(subprocess.TimeoutExpired):
                    return _how_it_ended(child.wait(limit))
                return hung
            case Trouble("usage", text):
                raise UsageError(text)
            case Trouble("harness", text):
                raise HarnessError(text)
            case Trouble(_, text):
                return text
            case Loaded(count):
                past.count = count
            case Turn():
                subjects_turn = frame.subject
            case _:
                assert isinstance(frame, Event)
                past.add(frame)
                yield frame


def _pump(child: "subprocess.Popen[bytes]", frames: "queue.Queue[object]") -> None:
    assert child.stdout is not None
    with child.stdout as stream, suppress(Exception):  # its end, or what a subject wrote into it
        while True:
            frames.put(read_frame(stream))
    frames.put(None)


def _how_it_ended(code: int) -> str:
    if code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"was ended by {names.get(-code, f'signal {-code}')}"
    return f"ended its process with exit code {code}"


@dataclass
class _Past:
    """What has been heard: of the file, and of the implementation that is running."""

    settings: Settings
    count: int | None = None
    done: int = 0
    started: Started | None = None
    running: Running | None = None
    ended: dict[str, CheckReport] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        match event:
            case Started():
                self.started, self.running, self.ended = event, None, {}
            case Running():
                self.running = event
            case CheckEnded():
                self.ended[event.report.check] = event.report
            case Finished():
                self.started, self.done = None, self.done + 1

    def obituary(self, death: str) -> Iterator[Event]:
        """The events that the child did not live to send."""
        assert self.started is not None
        families = {check.id: check.family for check in all_checks()}
        reports = []
        for check in self.started.checks:
            report = self.ended.get(check)
            if report is None and self.running is not None and check == self.running.check:
                finding = self._finding(death, self.started, self.running)
                yield Found(finding)
                report = CheckReport(
                    check, families[check], Status.FAILED, cases=1, finding=finding
                )
            if report is None:
                before = "ended before" if self.running else death
                note = f"not finished: the process {before}"
                report = CheckReport(check, families[check], Status.VACUOUS, note=note)
            if check not in self.ended:
                yield CheckEnded(report)
            reports.append(report)
        name, settings = self.started.implementation, self.settings
        finished = Finished(Report(name, tuple(reports), settings.seed, settings.profile.name))
        self.add(finished)
        yield finished

    def _finding(self, death: str, started: Started, running: Running) -> Finding:
        case = Case.load(running.case_file)
        folder, target = running.case_file.parent, self.settings.target
        keeper = Keeper(folder, started.implementation, target)
        kept = keeper.keep(running.check, case)
        clear(running.case_file)
        return Finding(running.check, f"the network {death} on this case", case, case_file=kept)
