"""What parent and child process say to each other: plain data, one pickle a message."""

import pickle
import struct
from dataclasses import dataclass
from typing import IO

from rnncheck.settings import Settings


@dataclass(frozen=True)
class Unit:
    """A unit of work: which file and object, and the settings. Plain data.

    skip: how many of the file's implementations have been reported on already.
    """

    target: str
    settings: Settings
    skip: int = 0


@dataclass(frozen=True)
class Loaded:
    """The file has been imported; it holds so many implementations."""

    count: int


@dataclass(frozen=True)
class Turn:
    """Whose turn it is: the subject's (it is imported or called; it may hang) or rnncheck's."""

    subject: bool


@dataclass(frozen=True)
class Trouble:
    """The unit cannot go on, and the text: `usage` (the user's doing), `harness` (ours), or `death`."""

    kind: str
    text: str


def write_frame(stream: IO[bytes], message: object) -> None:
    """One message: its length in 8 bytes, then its pickle."""
    data = pickle.dumps(message)
    stream.write(struct.pack(">Q", len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> object:
    """The next message; EOFError at the end of the stream, also in the middle of a message."""
    header = stream.read(8)
    if len(header) < 8:
        raise EOFError
    (length,) = struct.unpack(">Q", header)
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)
