"""How much to do: profiles, and the settings of one run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase


@dataclass(frozen=True)
class Profile:
    """How many cases: in the pool; of these, for checks that take several calls a case (some) or many
    (few); for proofs; while shrinking; and beyond the pool, where errors were largest (hunted).

    torch: whether a network is compared with torch's: importing that takes as long as half a quick run.
    """

    name: str
    cases: int
    some_cases: int
    few_cases: int
    proof_cases: int
    shrink_cases: int
    hunted_cases: int = 0
    torch: bool = True


PROFILES = {
    "quick": Profile(
        "quick", cases=30, some_cases=8, few_cases=4, proof_cases=4, shrink_cases=150, torch=False
    ),
    "standard": Profile(
        "standard", cases=100, some_cases=25, few_cases=16, proof_cases=8, shrink_cases=400
    ),
    "thorough": Profile(
        "thorough",
        cases=1000,
        some_cases=25,
        few_cases=160,
        proof_cases=40,
        shrink_cases=2000,
        hunted_cases=250,
    ),
}


@dataclass(frozen=True)
class Settings:
    """One run: the profile, the seed of the pool, which checks (none named: all), where to keep cases.

    timeout: seconds that one call of a subject in a process of its own may take. database: of
    earlier failures, in the words of `database.FORMS` or an ExampleDatabase of Hypothesis's; None
    for files in the folder. target: what the user called the implementation, for a replay.
    replay: a kept case, to be run instead of a pool; only: of a file's implementations, the one of
    this name.
    """

    profile: Profile = PROFILES["standard"]
    seed: int = 0
    checks: tuple[str, ...] = ()
    folder: Path = field(default_factory=lambda: Path(".rnncheck"))
    timeout: float = 60.0
    database: "str | ExampleDatabase | None" = None
    target: str = ""
    replay: Path | None = None
    only: str = ""


REPLAY = Profile("replay", cases=1, some_cases=1, few_cases=1, proof_cases=1, shrink_cases=0)
"""Of a run on one kept case."""


def profile(name: str) -> Profile:
    """The profile of that name. ValueError, listing them, for another."""
    if name not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, not {name!r}")
    return PROFILES[name]
