"""Keeps cases on disk: the one that runs, before the subject is called, and the smallest that failed."""

import glob
import os
import re
import tempfile
from pathlib import Path

from rnncheck.case import Case

MOST_RUNNING = 256
"""Cases that are kept on disk to be run again: opening a file takes longer than most checks."""


class Keeper:
    """Files in one folder (or, where that cannot be written, in a temporary one).

    implementation, target: what runs, and what the user called it; each file says so, for a replay.
    """

    def __init__(self, folder: Path, implementation: str, target: str = "") -> None:
        try:
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
            if is_new:
                (folder / ".gitignore").write_text("*\n")
        except OSError:
            folder = Path(tempfile.mkdtemp(prefix="rnncheck-"))
        self._folder = folder
        self._kept = {"implementation": implementation, "target": target}
        self._slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", implementation).strip("-") or "subject"
        self._prefix = f"running-{self._slug}-{os.getpid()}-"
        self._running: dict[int, tuple[Case, Path]] = {}
        self._written = 0
        self.search_file = folder / f"{self._prefix}search.npz"

    def running(self, case: Case) -> Path:
        """The case that is about to run is on disk, written now unless it has run before."""
        known = self._running.get(id(case))
        if known:
            return known[1]
        if len(self._running) >= MOST_RUNNING:
            oldest = next(iter(self._running))
            self._running.pop(oldest)[1].unlink(missing_ok=True)
        path = self._folder / f"{self._prefix}{self._written}.npz"
        self._written += 1
        self._running[id(case)] = case, path  # the case too: as long as it lives, its id is its own
        return case.save(path, self._kept)

    def searching(self, case: Case) -> Path:
        """Write the case that is about to run in a search, of which only the last is of interest."""
        return case.save(self.search_file, self._kept)

    def keep(self, check: str, case: Case) -> Path:
        """Write a case that failed, under the names of the subject and the check."""
        path = self._folder / f"{self._slug}-{check}.npz"
        return case.save(path, self._kept | {"check": check})

    def done(self) -> None:
        """Remove the running cases: nothing died on one."""
        self.search_file.unlink(missing_ok=True)
        while self._running:
            self._running.popitem()[1][1].unlink(missing_ok=True)


def clear(running: Path) -> None:
    """Remove a running case, and all others of the process that it was left by."""
    of_the_process = running.stem.rpartition("-")[0]
    for path in running.parent.glob(f"{glob.escape(of_the_process)}-*.npz"):
        path.unlink(missing_ok=True)
