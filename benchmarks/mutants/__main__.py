"""`python -m benchmarks.mutants SESSION`: write docs/mutants.md from a finished session of Cosmic Ray."""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.tables import table

PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"
REASONS = Path(__file__).with_name("equivalent.toml")

Change = tuple[str, str, str, str]
"""File, function, the line as it was and as it is: what names a mutant when lines have moved."""


@dataclass(frozen=True)
class Mutant:
    """A mutant, and what became of it. From stage on, the judge's words."""

    file: str
    line: int
    function: str
    was: str
    now: str
    stage: str
    check: str
    how: str
    refused: str
    blocks: bool = False

    @property
    def change(self) -> Change:
        return self.file, self.function, self.was, self.now


def mutants(session: str) -> list[Mutant]:
    """All of a session, by file and line. SystemExit if some were not run, or not to their end."""
    dumped = subprocess.run(["cosmic-ray", "dump", session], capture_output=True, check=True)
    found = [_mutant(*json.loads(line)) for line in dumped.stdout.splitlines()]
    return sorted(found, key=lambda m: (m.file, m.line, m.now))


def _mutant(item: dict[str, Any], result: dict[str, Any] | None) -> Mutant:
    (mutation,) = item["mutations"]
    if result is None:
        sys.exit("the session is not finished: run `cosmic-ray exec` again")
    file = Path(mutation["module_path"]).name
    was, now = _changed(result["diff"])
    where = file, mutation["start_pos"][0], mutation["definition_name"] or "", was, now
    if result["output"] == "timeout":
        return Mutant(*where, "everything", "", "hung", "")
    lines = result["output"].splitlines()
    if not lines or not lines[-1].startswith('{"stage"'):
        sys.exit(f"{file}:{where[1]}: the judge said nothing of {now!r}:\n{result['output']}")
    return Mutant(*where, **json.loads(lines[-1]))


def _changed(diff: str) -> tuple[str, str]:
    """The lines that went and those that came; where only one came or went, that one."""
    body = diff.split("\n@@", 1)[1].splitlines()[1:]
    gone, come = (
        " ".join(line[1:].strip() for line in body if line.startswith(sign)) for sign in "-+"
    )
    return gone, come


def reasons(kind: str) -> dict[Change, str]:
    """Why each survivor of the kind, equivalent or unreached, is one, by its change."""
    groups = tomllib.loads(REASONS.read_text(encoding="utf-8")).get(kind, [])
    return {
        (group["file"], group["in"], was, now): group["why"]
        for group in groups
        for was, now in group["changes"]
    }


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)"


def page(found: list[Mutant], why: dict[Change, str], unreached: dict[Change, str]) -> str:
    """docs/mutants.md. why: survivors are equivalent; unreached: or out of the harness's reach."""
    survivors = [m for m in found if m.stage == "survived" and m.change not in unreached]
    beyond = [m for m in found if m.stage == "survived" and m.change in unreached]
    parts = [
        HEAD.format(tool=version("cosmic_ray")),
        table(("", ""), _figures(found, why, len(beyond))),
        _by_file(found),
        "## Seen by the second stage alone\n\n" + SECOND + "\n\n" + _only_by_everything(found),
        "## Seen in small blocks alone\n\n" + BLOCKS + "\n\n" + _only_in_blocks(found),
        "## Out of reach\n\n" + BEYOND + "\n\n" + _survivors(beyond, unreached, "who comes there"),
        "## Survivors\n\n" + _survivors(survivors, why, "why it is equivalent"),
    ]
    return "\n\n".join(parts)


def _figures(found: list[Mutant], why: dict[Change, str], beyond: int) -> list[tuple[str, object]]:
    stages = Counter(m.stage for m in found)
    equivalent = sum(m.stage == "survived" and m.change in why for m in found)
    faults = len(found) - equivalent
    killed = len(found) - stages["survived"]
    alone = stages["import"] + stages["properties"]
    hung = sum(m.how == "hung" for m in found)
    return [
        ("mutants", len(found)),
        ("of these, equivalent", equivalent),
        ("of these, where the harness does not come", beyond),
        ("killed by everything, of those not equivalent", share(killed, faults)),
        ("killed by what needs no reference, of those not equivalent", share(alone, faults)),
        ("the same, of all", share(alone, len(found))),
        (
            "the same, of those not equivalent that can be imported",
            share(stages["properties"], faults - stages["import"]),
        ),
        ("killed in small blocks alone", sum(m.blocks for m in found)),
        ("killed by a time-out", hung),
    ]


def _by_file(found: list[Mutant]) -> str:
    stages = ("import", "properties", "everything", "survived")
    counts = Counter((m.file, m.stage) for m in found)
    head = (
        "file",
        "mutants",
        "not importable",
        "killed by the first stage",
        "by the second stage",
        "survive",
    )
    rows = []
    for file in sorted({m.file for m in found}):
        each = [counts[file, stage] for stage in stages]
        rows.append([f"`{file}`", sum(each), *each])
    return table(head, rows)


def _only_by_everything(found: list[Mutant]) -> str:
    rows = [
        [*_told(m), f"`{m.check}`" + (f" ({m.how})" if m.how != "failed" else "")]
        for m in found
        if m.stage == "everything" and not m.blocks
    ]
    return table(("where", "was", "is", "killed by"), rows) if rows else "None."


def _only_in_blocks(found: list[Mutant]) -> str:
    rows = [[*_told(m), f"`{m.check}`"] for m in found if m.blocks]
    return table(("where", "was", "is", "killed by"), rows) if rows else "None."


def _survivors(survivors: list[Mutant], why: dict[Change, str], head: str) -> str:
    rows = [[*_told(m), why.get(m.change, "not explained")] for m in survivors]
    return table(("where", "was", "is", head), rows) if rows else "None."


def _told(mutant: Mutant) -> list[str]:
    return [f"`{mutant.file}:{mutant.line}`", _code(mutant.was), _code(mutant.now)]


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


HEAD = """# Generated mutants

Does the harness also see the faults that nobody thought of? Cosmic Ray {tool} changes
`implementations/manual`, one operator, comparison, number, constant, decorator or loop at a time,
wherever it can; the harness judges what comes out. (It cannot run `linear`, a layer for training
alone, nor `plan`, `fleet` and the class of `rnn`, a trainer's kept memory and its many networks at
once: these are left to tests of their own, which compare them with what is judged here.)
`benchmarks/mutants/judge.py` is a run on the cases of the standard profile that ends with the first
failure, in two stages:

1. the properties that need no reference: every family but `truth`, `dyadic` and `agreement`, and
   without `forward_is_certified`. They compare the network with itself, by another route, or with
   a closed form; what rounding may do to that is worked out from the definition.
2. everything else: exact truth, dyadic cases, the other references, torch, and the certificate of
   the forward pass.

Where nothing fails, both once more in small blocks, of which more below.

To repeat it, in a clone, for the files are changed in place:

```
git clone . ../mutants && cd ../mutants
pip install -e '.[torch]' cosmic-ray=={tool}
cosmic-ray init benchmarks/mutants/cosmic-ray.toml mutants.sqlite
python -m benchmarks.mutants.server mutants.socket &
cosmic-ray exec benchmarks/mutants/cosmic-ray.toml mutants.sqlite
python -m benchmarks.mutants mutants.sqlite
```

The server says when it is ready for the next line. It has judged the right network once and forks for
every mutant, so that cases, truth and envelopes are worked out once; `python -m
benchmarks.mutants.judge` judges the files as they lie, in four times the time. The last line writes
this page. A mutant that cannot be imported (a union of types in an annotation made a product, say) is
killed by any use of it; the figures are also given without these."""


SECOND = """"Refused": whether a network takes a degenerate case (no steps, no rows) is its own affair, and no
check fails. But `manual` takes all of them, and a report says who does not."""


BLOCKS = """`memory` cuts the steps into blocks of a megabyte, and a case of the harness is a few
kilobytes: one block. Large batches there are in `copies_of_the_rows_give_the_same` alone, on a few
cases, not all of which go the way that has blocks. So, where nothing fails, the judge makes the blocks
as small as the cases are: of 200 bytes, most cases are several, and the last one is a shorter one; and
every weight stands in memory as only large ones do. These were seen only so; above they count as killed."""


BEYOND = """What copies of a tape, a plan, a fleet's backward pass or a network of no features would do wrong:
no check makes any of these. Each of the changes is killed by the tests of tests/implementations/, which
compare them with what is judged here."""


def main() -> int:
    """0 if every survivor is explained."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found, why, unreached = mutants(sys.argv[1]), reasons("equivalent"), reasons("unreached")
    PAGE.write_text(page(found, why, unreached) + "\n", encoding="utf-8")
    why |= unreached
    survivors = {m.change for m in found if m.stage == "survived"}
    for change in survivors - why.keys():
        print("not explained:", *change, sep="\n    ")
    for change in why.keys() - survivors:
        print("explained, but no survivor:", *change, sep="\n    ")
    return int(survivors != why.keys())


if __name__ == "__main__":
    sys.exit(main())
