"""`[tool.rnncheck]` in `pyproject.toml`: what `rnncheck gate` checks."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnncheck.properties.registry import all_checks
from rnncheck.results import UsageError
from rnncheck.settings import PROFILES

_EXAMPLE = '[tool.rnncheck]\nimplementations = ["my_rnn.py:rnn"]'


@dataclass(frozen=True)
class Config:
    """The table's keys: implementations (names or FILE.py:OBJECT), profile, seed, timeout in seconds.

    exclude: checks that are left out, for a project that cannot have what they need
    (`agrees_with_torch` without torch).
    """

    implementations: tuple[str, ...]
    profile: str = "standard"
    seed: int = 0
    timeout: float = 60.0
    exclude: tuple[str, ...] = ()


def read_config(path: Path) -> Config:
    """The table of a `pyproject.toml`. UsageError naming the file and the key that is wrong."""
    if not path.is_file():
        raise UsageError(f"there is no {path}; the gate reads it:\n{_EXAMPLE}")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    table = document.get("tool", {}).get("rnncheck")
    if not isinstance(table, dict):
        raise UsageError(f"{path} has no [tool.rnncheck] table; write for example:\n{_EXAMPLE}")
    return _config(path, table)


def _config(path: Path, table: dict[str, Any]) -> Config:
    kinds: dict[str, tuple[type, ...]] = {
        "implementations": (list,), "profile": (str,), "seed": (int,), "timeout": (int, float),
        "exclude": (list,),
    }  # fmt: skip
    for key, value in table.items():
        if key not in kinds:
            raise UsageError(
                f"{path}: [tool.rnncheck] has no key {key!r}; it has {', '.join(kinds)}"
            )
        if not isinstance(value, kinds[key]) or isinstance(value, bool):
            names = " or ".join(kind.__name__ for kind in kinds[key])
            raise UsageError(f"{path}: [tool.rnncheck] {key} must be a {names}, not {value!r}")
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise UsageError(f"{path}: [tool.rnncheck] {key} must hold strings, not {value!r}")
    if not table.get("implementations"):
        raise UsageError(f"{path}: [tool.rnncheck] names no implementations; write:\n{_EXAMPLE}")
    _require_words(path, "profile", [table.get("profile", "standard")], list(PROFILES))
    _require_words(path, "exclude", table.get("exclude", []), [c.id for c in all_checks()])
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return Config(**values)


def _require_words(path: Path, key: str, words: list[str], choices: list[str]) -> None:
    for word in words:
        if word not in choices:
            listed = ", ".join(choices)
            raise UsageError(f"{path}: [tool.rnncheck] {key} has {word!r}; it can have {listed}")
