"""Failures of earlier runs, in any database of Hypothesis's: they are tried first the next time."""

import importlib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    GitHubArtifactDatabase,
    MultiplexedDatabase,
    ReadOnlyDatabase,
)

from rnncheck.results import UsageError

FORMS = '"directory:PATH", "redis:URL", "github:OWNER/REPO" or "none"'
FOLDER = "examples"
"""Where in `.rnncheck/` failures are kept if nothing else is asked for."""

_SUB_KEYS = (b".secondary", b".pareto")

Result = TypeVar("Result")


def open_database(asked: str | ExampleDatabase | None, folder: Path) -> ExampleDatabase | None:
    """The database that was asked for; None for "none".

    asked: in words (see FORMS), or one of Hypothesis's own; None for the files of `folder`.
    Raises UsageError for other words, or if the client that it takes is not installed.
    """
    if isinstance(asked, ExampleDatabase):
        return asked
    own = DirectoryBasedExampleDatabase(folder / FOLDER)
    if asked is None:
        return own
    kind, rest = split(asked)
    match kind:
        case "none":
            return None
        case "directory":
            return DirectoryBasedExampleDatabase(rest)
        case "redis":
            return _redis(rest)
    owner, _, repo = rest.partition("/")
    shared = GitHubArtifactDatabase(owner, repo, path=folder / f"github-{owner}-{repo}")
    return MultiplexedDatabase(own, ReadOnlyDatabase(shared))


def split(asked: str) -> tuple[str, str]:
    """The kind of database and its address. UsageError if the words name none."""
    kind, _, rest = asked.partition(":")
    told = bool(rest.strip()) if kind in ("directory", "redis") else not rest
    if kind == "github":
        told = rest.count("/") == 1 and all(rest.split("/"))
    if kind not in ("directory", "redis", "github", "none") or not told:
        raise UsageError(f"database must be {FORMS}, not {asked!r}")
    return kind, rest


def _redis(url: str) -> ExampleDatabase:
    try:
        client = importlib.import_module("redis").Redis.from_url(url)
        made: ExampleDatabase = importlib.import_module(
            "hypothesis.extra.redis"
        ).RedisExampleDatabase(client)
    except ImportError as error:
        raise UsageError(f"database {url!r} needs the client: pip install redis") from error
    except ValueError as error:
        raise UsageError(f"database {url!r}: {error}") from error
    return made


class Shelf(ExampleDatabase):
    """What one check of one network has failed on, in somebody's database, under a key of its own.

    Hypothesis's own key would be the same for all checks. Of what it saves only the smallest
    failure is kept. A store that cannot be reached is told once, and stops nothing.
    """

    def __init__(self, store: ExampleDatabase | None, *names: str) -> None:
        super().__init__()
        self._store, self._key = store, "/".join(("rnncheck 1", *names)).encode()

    def fetch(self, key: bytes = b"") -> Iterable[bytes]:
        """The choices that were saved."""
        if key.endswith(_SUB_KEYS):
            return ()
        return self._ask(lambda store: tuple(store.fetch(self._key)), ())

    def save(self, key: bytes, value: bytes) -> None:
        """Keep the choices of a failure."""
        if not key.endswith(_SUB_KEYS):
            self._ask(lambda store: store.save(self._key, value), None)

    def delete(self, key: bytes, value: bytes) -> None:
        """Forget what does not fail any more, or not as simply as something else."""
        if not key.endswith(_SUB_KEYS):
            self._ask(lambda store: store.delete(self._key, value), None)

    def _ask(self, question: Callable[[ExampleDatabase], Result], otherwise: Any) -> Result:  # noqa: ANN401
        if self._store is not None:
            try:
                return question(self._store)
            except Exception as error:  # whatever the client of some store may raise
                self._store = None
                warnings.warn(f"earlier failures are not at hand: {error}", stacklevel=2)
        answer: Result = otherwise
        return answer
