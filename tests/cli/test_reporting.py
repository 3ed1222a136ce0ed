"""The report as text and as JSON: what is in it, whatever the numbers and the names are."""

import json
import math
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.running import QUICK, read_json
from contract.drawing import draw

from rnncheck.implementation import Place
from rnncheck.properties.registry import all_checks
from rnncheck.report import CheckReport, ExitCode, Finding, Report, Status
from rnncheck.reporting.json import report_dict, write_json
from rnncheck.reporting.text import WIDTH, report_text
from rnncheck.results import UsageError
from rnncheck.spec import RNNSpec

CASE = draw(RNNSpec(2, 3))
LAWS = {check.id: check for check in all_checks()}
FORWARD, GRADIENT, OWN = (
    "forward_matches_truth", "gradient_matches_truth", "gradient_matches_own_forward",
)  # fmt: skip


def ended(name: str, status: Status, **rest: Any) -> CheckReport:
    told = status not in (Status.VACUOUS, Status.NOT_APPLICABLE)
    counts = {"cases": 3, "witnesses": 2 if told else 0}
    return CheckReport(name, LAWS[name].family, status, **(counts | rest))


def failed(name: str, message: str = "it is wrong", **rest: Any) -> CheckReport:
    return ended(name, Status.FAILED, finding=Finding(name, message, CASE, **rest))


def report(*checks: CheckReport, name: str = "it") -> Report:
    return Report(name, checks, seed=7, profile="quick")


def text_of(*checks: CheckReport, name: str = "it") -> str:
    return report_text(report(*checks, name=name))


PASSED, ABSENT = ended(FORWARD, Status.PASSED), ended(GRADIENT, Status.NOT_APPLICABLE)
RUN = "(profile quick, seed 7)"


@pytest.mark.parametrize(
    ("checks", "line"),
    [
        ([PASSED], f"RIGHT: it passes the check that applies {RUN}"),
        ([PASSED, ABSENT], f"RIGHT: it passes the check that applies {RUN}"),
        ([PASSED, ended(OWN, Status.PASSED)], f"RIGHT: it passes all 2 checks that apply {RUN}"),
        ([failed(FORWARD)], f"WRONG: it fails 1 of 1 check {RUN}"),
        ([PASSED, failed(OWN), ABSENT], f"WRONG: it fails 1 of 2 checks {RUN}"),
        ([failed(FORWARD), failed(OWN)], f"WRONG: it fails 2 of 2 checks {RUN}"),
        ([ABSENT], f"NOTHING TOLD: no check applies to it {RUN}"),
        ([PASSED, ended(OWN, Status.VACUOUS)],
         f"NOTHING TOLD: no case could have shown a fault of it in gradients {RUN}"),
        ([failed(FORWARD), ended(OWN, Status.ERROR, note="Traceback ...\nof ours")],
         f"rnncheck itself failed in {OWN}; the verdict on it is open {RUN}"),
    ],
)  # fmt: skip
def test_the_last_line_is_the_verdict(checks: list[CheckReport], line: str) -> None:
    assert text_of(*checks).splitlines()[-1] == line


def test_a_long_name_does_not_break_the_verdict_into_lines() -> None:
    name = "a_name_that_is_longer_than_the_report_is_wide" * 3
    assert text_of(PASSED, name=name).splitlines()[-1].startswith(f"RIGHT: {name} passes")


@pytest.mark.parametrize("name", ["net[0]", "[/]", "[bold]", "a [/red] b", "net\\[x]"])
def test_brackets_in_a_name_or_a_note_are_text(name: str) -> None:
    note = f"pip install 'rnncheck[torch]' {name}"
    text = text_of(PASSED, ended(GRADIENT, Status.NOT_APPLICABLE, note=note), name=name)
    assert text.startswith(name)
    words = "".join(text.split())
    assert "".join(note.split()) in words


def test_a_finding_tells_what_where_and_on_which_case() -> None:
    finding = {
        "message": "h_n[0, 0] is 1; it must be 2",
        "measured": 1.0,
        "allowed": 0.25,
        "place": Place("h_n", (0, 0)),
        "wrong": {"h_n": 4.0},
        "right": ("output",),
        "diagnosis": "h0 is ignored",
        "case_file": Path("kept.npz").absolute(),
    }
    text = text_of(failed(FORWARD, **finding), ended(OWN, Status.PASSED))
    facts = dict(line.split(maxsplit=1) for line in text.splitlines() if line.startswith("  "))
    assert facts["law"] == LAWS[FORWARD].equation
    assert facts["found"] == finding["message"]
    assert facts["error"] == "1 where 0.25 is allowed: 4 times too much"
    assert facts["wrong"] == "h_n (4×)"
    assert facts["right"] == "output"
    assert facts["case"] == f"{CASE.sizes()} ({CASE.origin})"
    assert facts["kept"] == "in    kept.npz"
    assert facts["diagnosis"] == "h0 is ignored"


def test_a_path_elsewhere_is_told_in_full() -> None:
    elsewhere = Path("/elsewhere/kept.npz")
    check = failed(FORWARD, case_file=elsewhere)
    assert str(elsewhere) in text_of(check)
    assert report_dict(report(check))["checks"][0]["finding"]["case_file"] == str(elsewhere)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_is_not_finite_is_null_in_json_and_words_in_the_text(value: float) -> None:
    wrong = failed(FORWARD, measured=value, allowed=value, wrong={"output": value})
    checks = (wrong, ended(OWN, Status.PASSED, worst=value))
    write_json(Path("out.json"), [report(*checks)], ExitCode.FINDING)
    first, second = read_json()["reports"][0]["checks"]
    assert second["worst"] is None
    assert first["finding"]["measured"] is None
    assert first["finding"]["allowed"] is None
    assert first["finding"]["wrong"] == {"output": None}
    assert "output (not finite)" in text_of(*checks)


def test_findings_that_say_the_same_are_shown_once() -> None:
    same = {"wrong": {"h_n": 4.0}}
    text = text_of(failed(GRADIENT, **same), failed(OWN, **same))
    assert text.count("  found") == 1
    assert OWN in text[text.index("seen by") :]
    other = text_of(failed(GRADIENT, **same), failed(OWN, wrong={"x": 2.0}))
    assert other.count("  found") == 2
    assert "seen by" not in other


def test_a_disagreement_is_only_named_if_the_truth_has_shown_it() -> None:
    torch = "agrees_with_torch"
    text = text_of(failed(GRADIENT, wrong={"x": 2.0}), failed(torch, wrong={"x": 2.0, "h0": 3.0}))
    assert text.count("  found") == 1
    assert torch in text[text.index("seen by") :]
    assert text_of(failed(torch, wrong={"x": 2.0})).count("  found") == 1


def test_an_error_of_ours_is_shown_where_it_was_raised() -> None:
    text = text_of(ended(FORWARD, Status.ERROR, note="Traceback\n  File 'ours.py', line [3]"))
    assert "  File 'ours.py', line [3]" in text.splitlines()


def test_the_text_is_plain_and_as_wide_as_it_says() -> None:
    text = text_of(failed(FORWARD, message="word " * 100), ABSENT)
    assert "\x1b" not in text
    for line in text.splitlines():
        assert line == line.rstrip()
        assert len(line) <= WIDTH


@pytest.mark.parametrize("path", ["no/such/folder/out.json", "."])
def test_json_that_cannot_be_written_is_wrong_usage(path: str) -> None:
    with pytest.raises(UsageError, match=r"^cannot write "):
        write_json(Path(path), [], ExitCode.CONFORMANT)


def test_json_has_every_count_of_a_check() -> None:
    counts = {"cases": 9, "witnesses": 4, "refused": 2, "not_applicable": 1, "worst": 0.5}
    told = report_dict(report(ended(FORWARD, Status.PASSED, note="a note", **counts)))
    (check,) = told["checks"]
    assert {name: check[name] for name in counts} == counts
    assert (check["note"], check["finding"]) == ("a note", None)
    assert json.loads(json.dumps(told)) == told


def test_on_a_terminal_there_are_colours_and_a_progress_bar_that_goes_away() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rnncheck", "check", "manual", *QUICK]
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    with subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm"}
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 4096):
                seen += chunk
        except OSError:  # what Linux says at the end of a terminal
            pass
    os.close(ours)
    assert process.returncode == 0
    text = seen.decode()
    assert "\x1b[1;32mRIGHT: manual passes" in text
    assert "/30" in text[: text.index("RIGHT")]
