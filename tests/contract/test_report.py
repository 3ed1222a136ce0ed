"""`Report`: exit codes, families that told nothing, and which of several reports counts."""

from itertools import permutations
from typing import Any

import pytest
from contract.drawing import draw

from rnncheck.report import CheckReport, ExitCode, Finding, Report, Status, worst

CONFORMANT, FINDING, USAGE, HARNESS, NOTHING_TOLD = 0, 1, 2, 3, 5


def ended(status: Status, witnesses: int = 1, family: str = "truth", **rest: Any) -> CheckReport:
    return CheckReport("a_check", family, status, cases=3, witnesses=witnesses, **rest)


PASSED = ended(Status.PASSED)
FAILED = ended(Status.FAILED)
ERROR = ended(Status.ERROR)
ABSENT = ended(Status.NOT_APPLICABLE, 0)
VACUOUS = ended(Status.VACUOUS, 0)
EXPECTED = ended(Status.EXPECTED_FAILURE)
UNEXPECTED = ended(Status.UNEXPECTED_PASS)
OTHER_VACUOUS = ended(Status.VACUOUS, 0, "time")
OTHER_ABSENT = ended(Status.NOT_APPLICABLE, 0, "time")


def report(*checks: CheckReport) -> Report:
    return Report("it", checks, seed=0, profile="quick")


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([PASSED], CONFORMANT),
        ([PASSED, PASSED], CONFORMANT),
        ([PASSED, ABSENT], CONFORMANT),
        ([PASSED, OTHER_ABSENT], CONFORMANT),
        ([PASSED, EXPECTED], CONFORMANT),
        ([FAILED], FINDING),
        ([PASSED, FAILED], FINDING),
        ([ended(Status.FAILED, 0)], FINDING),
        ([PASSED, UNEXPECTED], FINDING),
        ([FAILED, VACUOUS], FINDING),
        ([FAILED, OTHER_VACUOUS], FINDING),
        ([ERROR], HARNESS),
        ([PASSED, ERROR], HARNESS),
        ([FAILED, ERROR], HARNESS),
        ([OTHER_VACUOUS, ERROR], HARNESS),
        ([], NOTHING_TOLD),
        ([ABSENT], NOTHING_TOLD),
        ([VACUOUS], NOTHING_TOLD),
        ([ABSENT, VACUOUS], NOTHING_TOLD),
        ([PASSED, OTHER_VACUOUS], NOTHING_TOLD),
        ([PASSED, VACUOUS], CONFORMANT),
    ],
)
def test_the_first_exit_code_that_applies(checks, code):
    """3 the harness failed, 1 a finding, 5 a family that applies told nothing, 0 conformant."""
    for order in permutations(checks):
        assert report(*order).exit_code == code
        assert report(*order).passed == (code == CONFORMANT)


@pytest.mark.parametrize("status", list(Status))
def test_only_a_pass_and_an_expected_failure_can_conform(status):
    """No other status, alone and with a witness, makes a report that passes."""
    good = {Status.PASSED, Status.EXPECTED_FAILURE}
    witnesses = 0 if status in (Status.NOT_APPLICABLE, Status.VACUOUS) else 1
    assert report(ended(status, witnesses)).passed == (status in good)


@pytest.mark.parametrize(
    ("checks", "silent"),
    [
        ([], ()),
        ([PASSED], ()),
        ([VACUOUS], ("truth",)),
        ([VACUOUS, OTHER_VACUOUS, VACUOUS], ("truth", "time")),
        ([PASSED, VACUOUS], ()),
        ([ABSENT], ()),
        ([PASSED, OTHER_ABSENT], ()),
        ([PASSED, OTHER_ABSENT, OTHER_VACUOUS], ("time",)),
        ([ended(Status.FAILED, 0)], ()),
        ([VACUOUS, FAILED], ()),
    ],
)
def test_a_family_is_silent_if_it_applies_and_no_case_could_tell(checks, silent):
    assert report(*checks).silent_families == silent


def test_findings_stand_in_the_order_of_the_checks():
    first, second = Finding("a", "is wrong", draw()), Finding("b", "is wrong too", draw())
    found = report(
        ended(Status.FAILED, finding=first), PASSED, ended(Status.FAILED, finding=second)
    ).findings
    assert [finding.check for finding in found] == ["a", "b"]
    assert report(PASSED).findings == ()


FIRST_THAT_APPLIES = [HARNESS, USAGE, FINDING, NOTHING_TOLD, CONFORMANT]


def test_of_several_reports_the_worst_counts():
    for i, bad in enumerate(FIRST_THAT_APPLIES):
        for better in FIRST_THAT_APPLIES[i:]:
            for codes in ([bad, better], [better, bad], [better, bad, CONFORMANT]):
                assert worst([ExitCode(code) for code in codes]) == bad


def test_exit_codes_are_those_of_the_documentation():
    assert {code.name: int(code) for code in ExitCode} == {
        "CONFORMANT": 0, "FINDING": 1, "USAGE": 2, "HARNESS": 3, "NOTHING_TOLD": 5,
    }  # fmt: skip


def test_a_status_reads_as_its_word():
    assert {str(status) for status in Status} == {
        "passed", "failed", "not_applicable", "vacuous", "expected_failure", "unexpected_pass",
        "error",
    }  # fmt: skip
