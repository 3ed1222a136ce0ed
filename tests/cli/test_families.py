"""Families of many checks take one line of the report; what did not pass has a line of its own."""

from typing import Any

import pytest

from rnncheck.report import CheckReport, Report, Status
from rnncheck.reporting.text import report_text


def ended(name: str, status: Status, family: str = "time", **rest: Any) -> CheckReport:
    return CheckReport(name, family, status, **({"cases": 3, "witnesses": 1} | rest))


def lines(*checks: CheckReport) -> list[list[str]]:
    text = report_text(Report("it", checks, seed=7, profile="quick"))
    return [line.split() for line in text.splitlines() if line.strip()]


def test_checks_of_a_family_that_pass_are_one_line() -> None:
    found = lines(
        ended("one", Status.PASSED, cases=5, worst=0.25),
        ended("two", Status.PASSED, cases=8, worst=0.5),
    )
    assert ["time", "passed", "8", "0.5", "2", "checks"] in found
    assert not any(line[0] in ("one", "two") for line in found)


def test_those_that_do_not_apply_are_counted() -> None:
    found = lines(
        ended("one", Status.PASSED, cases=5),
        ended("two", Status.NOT_APPLICABLE, cases=0, note="needs lengths"),
    )
    assert ["time", "passed", "5", "1", "of", "2", "checks,", "1", "not", "applicable"] in found


@pytest.mark.parametrize("status", [Status.FAILED, Status.VACUOUS, Status.ERROR])
def test_what_did_not_pass_has_a_line_of_its_own(status: Status) -> None:
    found = lines(ended("one", Status.PASSED), ended("two", status, note="why"))
    words = status.value
    assert [line[1] for line in found if line[0] == "two"] == [words]
    # The family's own status is the worst of them; one that is vacuous does not hide the rest.
    family = next(line[1] for line in found if line[0] == "time")
    assert family == ("passed" if status is Status.VACUOUS else words)


def test_a_family_none_of_which_applies_says_so() -> None:
    names = ("one", "two")
    found = lines(*(ended(n, Status.NOT_APPLICABLE, cases=0, witnesses=0) for n in names))
    assert [
        "time",
        "not",
        "applicable",
        "0",
        "of",
        "2",
        "checks,",
        "2",
        "not",
        "applicable",
    ] in found


def test_the_first_families_are_listed_check_by_check() -> None:
    found = lines(
        ended("one", Status.PASSED, family="truth"), ended("two", Status.PASSED, family="truth")
    )
    assert [line[0] for line in found[1:3]] == ["one", "two"]
