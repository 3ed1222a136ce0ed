"""`[tool.rnncheck]` in `pyproject.toml`: what `rnncheck gate` checks."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnncheck import database as databases
from rnncheck.properties.registry import all_checks
from rnncheck.results import UsageError
from rnncheck.settings import PROFILES

_EXAMPLE = '[tool.rnncheck]\nimplementations = ["my_rnn.py:rnn"]'

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "implementations": ((list,), "a list of strings"),
    "profile": ((str,), "a string"),
    "seed": ((int,), "a whole number"),
    "timeout": ((int, float), "a number of seconds above 0"),
    "exclude": ((list,), "a list of strings"),
    "database": ((str,), f"a string: {databases.FORMS}"),
}


@dataclass(frozen=True)
class Config:
    """The table's keys: implementations (names or FILE.py:OBJECT), profile, seed, timeout in seconds.

    A file is named from the folder of the `pyproject.toml`, and given here from the current one.
    exclude: checks that are left out, for a project that cannot have what they need
    (`agrees_with_torch` without torch). database: where failures are kept for the next run, a folder
    being named from that of the `pyproject.toml` too.
    """

    implementations: tuple[str, ...]
    profile: str = "standard"
    seed: int = 0
    timeout: float = 60.0
    exclude: tuple[str, ...] = ()
    database: str | None = None


def read_config(path: Path) -> Config:
    """The table of a `pyproject.toml`. UsageError naming the file and the key that is wrong."""
    if not path.is_file():
        raise UsageError(f"there is no {path}; the gate reads it:\n{_EXAMPLE}")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    tool = document.get("tool")
    table = tool.get("rnncheck") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        raise UsageError(f"{path} has no [tool.rnncheck] table; write for example:\n{_EXAMPLE}")
    return _config(path, table)


def _config(path: Path, table: dict[str, Any]) -> Config:
    for key, value in table.items():
        if key not in _KINDS:
            listed = ", ".join(_KINDS)
            raise UsageError(f"{path}: [tool.rnncheck] has no key {key!r}; it has {listed}")
        kinds, words = _KINDS[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise UsageError(f"{path}: [tool.rnncheck] {key} must be {words}, not {value!r}")
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise UsageError(f"{path}: [tool.rnncheck] {key} must be {words}, not {value!r}")
    if not table.get("implementations"):
        raise UsageError(f"{path}: [tool.rnncheck] names no implementations; write:\n{_EXAMPLE}")
    _require_words(path, "profile", [table.get("profile", "standard")], list(PROFILES))
    ids = [check.id for check in all_checks()]
    _require_words(path, "exclude", table.get("exclude", []), ids)
    if not set(ids) - set(table.get("exclude", [])):
        raise UsageError(f"{path}: [tool.rnncheck] exclude leaves no check to run")
    if not table.get("timeout", 1) > 0:
        raise UsageError(
            f"{path}: [tool.rnncheck] timeout must be a number of seconds above 0, "
            f"not {table['timeout']!r}"
        )
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    files = tuple(_from_here(path, name) for name in values.pop("implementations"))
    if "database" in values:
        values["database"] = _database(path, values["database"])
    return Config(files, **values)


def _database(path: Path, asked: str) -> str:
    try:
        kind, place = databases.split(asked)
    except UsageError as error:
        raise UsageError(f"{path}: [tool.rnncheck] {error}") from None
    return f"directory:{path.parent / place}" if kind == "directory" else asked


def _from_here(path: Path, name: str) -> str:
    """FILE.py or FILE.py:OBJECT, named from the configuration's folder, as seen from the current one."""
    return str(path.parent / name) if ".py" in name else name


def _require_words(path: Path, key: str, words: list[str], choices: list[str]) -> None:
    for word in words:
        if word not in choices:
            listed = ", ".join(choices)
            raise UsageError(f"{path}: [tool.rnncheck] {key} has {word!r}; it can have {listed}")
