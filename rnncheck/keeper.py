"""Keeps cases on disk: the one that runs, before the subject is called, and the smallest that failed."""

import os
import re
import tempfile
from pathlib import Path

from rnncheck.case import Case


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
        self.running_file = folder / f"running-{self._slug}-{os.getpid()}.npz"

    def running(self, case: Case) -> Path:
        """Write the case that is about to run."""
        return case.save(self.running_file, self._kept)

    def keep(self, check: str, case: Case) -> Path:
        """Write a case that failed, under the names of the subject and the check."""
        path = self._folder / f"{self._slug}-{check}.npz"
        return case.save(path, self._kept | {"check": check})

    def done(self) -> None:
        """Remove the running case: nothing died on it."""
        self.running_file.unlink(missing_ok=True)
