"""The child process: `python -m rnncheck.worker` reads a unit of work and writes events.

Whatever the subject prints goes to standard error, so that it cannot get between the events.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rnncheck.case import Case
from rnncheck.checking import run_events
from rnncheck.frames import Loaded, Trouble, Turn, Unit, read_frame, write_frame
from rnncheck.implementation import (
    Capabilities,
    Forward,
    Gradients,
    Implementation,
    Place,
    SecondOrder,
    locate,
)
from rnncheck.loading import load_file, parse_target
from rnncheck.pool import Pools
from rnncheck.results import UsageError


class Channel:
    """The way to the parent: what was standard output. It ends the process if nobody listens."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._pid = os.getpid()

    def send(self, message: object) -> None:
        """Write a message, unless this is a copy that the subject has made of the process."""
        if os.getpid() != self._pid:
            os._exit(0)
        try:
            write_frame(self._stream, message)
        except OSError:
            os._exit(1)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Tell the parent when the subject gets its turn, and when it has given it back."""
        self.send(Turn(subject=True))
        try:
            yield
        finally:
            self.send(Turn(subject=False))

    def close(self) -> None:
        """End the process at once, whatever threads the subject has left behind."""
        for stream in (sys.stdout, sys.stderr, self._stream):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(0)


class Watched:
    """An implementation of whose every call the parent hears, so that it can tell one that hangs."""

    def __init__(self, subject: Implementation, channel: Channel) -> None:
        self._subject, self._channel = subject, channel

    @property
    def name(self) -> str:
        """The subject's."""
        return self._subject.name

    @property
    def capabilities(self) -> Capabilities:
        """The subject's."""
        return self._subject.capabilities

    def forward(self, case: Case) -> Forward:
        """The subject's, in its turn."""
        with self._channel.turn():
            return self._subject.forward(case)

    def gradients(self, case: Case) -> Gradients:
        """The subject's, in its turn."""
        with self._channel.turn():
            return self._subject.gradients(case)

    def hessian_vector(self, case: Case, vectors: Gradients) -> Gradients:
        """The subject's, in its turn."""
        assert isinstance(self._subject, SecondOrder)
        with self._channel.turn():
            return self._subject.hessian_vector(case, vectors)

    def locate(self, array: str, index: tuple[int, ...]) -> Place:
        """The subject's, if it has names of its own."""
        return locate(self._subject, array, index)


def _only(subjects: list[Implementation], name: str, target: str) -> list[Implementation]:
    """Of a file's implementations, the one of this name; the only one there is if none has it."""
    found = [subject for subject in subjects if subject.name == name]
    if not found and len(subjects) > 1:
        names = ", ".join(subject.name for subject in subjects)
        raise UsageError(f"{target} has no network called {name} (it has {names})")
    return found[:1] or subjects


def main() -> None:
    """Run the unit that standard input holds."""
    unit = read_frame(sys.stdin.buffer)
    assert isinstance(unit, Unit)
    channel = Channel()
    try:
        with channel.turn():
            subjects = load_file(parse_target(unit.target))
        if unit.settings.only:
            subjects = _only(subjects, unit.settings.only, unit.target)
        channel.send(Loaded(len(subjects)))
        pools = Pools()
        for subject in subjects[unit.skip :]:
            for event in run_events(Watched(subject, channel), unit.settings, pools):
                channel.send(event)
    except UsageError as error:
        channel.send(Trouble("usage", str(error)))
    except Exception:
        channel.send(Trouble("harness", traceback.format_exc()))
    except BaseException as error:  # KeyboardInterrupt, or an exception that is no Exception
        channel.send(Trouble("death", f"raised {type(error).__name__}"))
    channel.close()


if __name__ == "__main__":
    main()
