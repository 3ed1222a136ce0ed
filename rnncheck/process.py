"""A file's implementations in a process of their own: one that hangs or dies costs only itself."""

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from rnncheck.case import Case
from rnncheck.events import CheckEnded, Event, Finished, Found, Running, Started
from rnncheck.frames import Trouble, Unit, read_frame, write_frame
from rnncheck.properties.registry import all_checks
from rnncheck.report import CheckReport, Finding, Report, Status
from rnncheck.results import UsageError
from rnncheck.settings import Settings


class HarnessError(Exception):
    """rnncheck itself failed in the child process; the text is its traceback."""


def run_in_process(target: str, settings: Settings) -> Iterator[Event]:
    """The events of every implementation in a file, checked in a child process.

    If the child stays silent longer than `settings.timeout`, or ends before its report, the check
    that was running fails on the case that was running, and the report says so.
    Raises UsageError if the file cannot be used, HarnessError if rnncheck itself failed.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "rnncheck.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdin is not None
        write_frame(child.stdin, Unit(target, settings))
        child.stdin.close()
        yield from _listen(child, target, settings)
    finally:
        child.kill()
        child.wait()


def _listen(child: "subprocess.Popen[bytes]", target: str, settings: Settings) -> Iterator[Event]:
    frames: queue.Queue[object] = queue.Queue()
    threading.Thread(target=_pump, args=(child, frames), daemon=True).start()
    past = _Past(settings)
    while True:
        try:
            frame = frames.get(timeout=settings.timeout)
        except queue.Empty:
            death = f"did not come back within {settings.timeout:g} s"
            break
        if frame is None:
            death = _how_it_ended(child.wait())
            break
        if isinstance(frame, Trouble):
            raise UsageError(frame.text) if frame.kind == "usage" else HarnessError(frame.text)
        assert isinstance(frame, Event)
        past.add(frame)
        yield frame
    if past.started is None and not past.finished:
        raise UsageError(f"{target}: importing the file {death}")
    if past.started is not None:
        yield from past.obituary(death)


def _pump(child: "subprocess.Popen[bytes]", frames: "queue.Queue[object]") -> None:
    assert child.stdout is not None
    try:
        while True:
            frames.put(read_frame(child.stdout))
    except (EOFError, OSError):
        frames.put(None)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended its process with exit code {code}"


@dataclass
class _Past:
    """What has been heard of the implementation that is running."""

    settings: Settings
    started: Started | None = None
    finished: bool = False
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
                self.started, self.finished = None, True

    def obituary(self, death: str) -> Iterator[Event]:
        """The events that the child did not live to send."""
        assert self.started is not None
        families = {check.id: check.family for check in all_checks()}
        reports = []
        for check in self.started.checks:
            report = self.ended.get(check)
            if report is None and self.running is not None and check == self.running.check:
                finding = self._finding(death, self.running)
                yield Found(finding)
                report = CheckReport(
                    check, families[check], Status.FAILED, cases=1, finding=finding
                )
            if report is None:
                note = "not finished: the process ended before"
                report = CheckReport(check, families[check], Status.VACUOUS, note=note)
            if check not in self.ended:
                yield CheckEnded(report)
            reports.append(report)
        name, settings = self.started.implementation, self.settings
        yield Finished(Report(name, tuple(reports), settings.seed, settings.profile.name))

    def _finding(self, death: str, running: Running) -> Finding:
        case = Case.load(running.case_file)
        kept = running.case_file.with_name(running.case_file.name.replace("running-", "died-"))
        running.case_file.replace(kept)
        return Finding(running.check, f"the network {death} on this case", case, case_file=kept)
