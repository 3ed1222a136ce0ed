"""Exit codes, options, `list`, and what stands in a pipe."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.running import QUICK, read_json, rnncheck, rnncheck_process, write

from rnncheck.case import Case
from rnncheck.loading import BUILT_IN
from rnncheck.properties import registry
from rnncheck.report import ExitCode

CHECKS = [check.id for check in registry.all_checks()]
WRONG = "return networks.forward(params, x, 0 * h0)"
RIGHT = "return networks.forward(params, x, h0)"


def plant(monkeypatch: pytest.MonkeyPatch, check: str, law: registry.Law) -> None:
    entry = registry._registered[check]
    monkeypatch.setitem(registry._registered, check, replace(entry, law=law))


def boom(*_: object) -> Any:
    raise ArithmeticError("planted in rnncheck")


def test_a_right_network_exits_with_0() -> None:
    result = rnncheck("check", "manual", *QUICK)
    assert result.exit_code == ExitCode.CONFORMANT == 0
    assert "RIGHT: manual passes the check that applies (profile quick, seed 0)" in result.stdout


def test_a_finding_exits_with_1_and_outranks_nothing_told() -> None:
    two = """
    mute = networks.wrap(networks.forward, name="mute")
    wrong = networks.wrap(networks.forward, networks.no_transpose, name="wrong")
    """
    only = (*QUICK[:2], "--check", "gradient_matches_truth")
    result = rnncheck("check", write("net.py", two), *only)
    assert "NOTHING TOLD: no check applies to mute" in result.stdout
    assert "WRONG: wrong fails 1 of 1 check" in result.stdout
    assert result.exit_code == ExitCode.FINDING == 1
    result = rnncheck("check", "manual", "net.py:mute", *only)
    assert result.exit_code == ExitCode.NOTHING_TOLD == 5


def test_a_check_that_breaks_exits_with_3_and_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "forward_matches_truth", boom)
    result = rnncheck("check", "manual", *QUICK, "--json", "out.json")
    assert result.exit_code == read_json()["exit_code"] == ExitCode.HARNESS == 3
    assert "rnncheck itself failed in forward_matches_truth" in result.stdout
    assert "planted in rnncheck" in result.stdout
    assert "RIGHT" not in result.stdout
    assert read_json()["reports"][0]["checks"][0]["status"] == "error"


def test_an_engine_that_breaks_exits_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncheck.session.run_events", boom)
    result = rnncheck("check", "manual", *QUICK)
    assert result.exit_code == ExitCode.HARNESS
    assert "ArithmeticError: planted in rnncheck" in result.stderr
    assert result.stderr.endswith("rnncheck itself failed; please report this.\n")


def test_an_engine_that_breaks_beside_the_subject_exits_with_3() -> None:
    breaking = "import rnncheck.pool\nrnncheck.pool.Pools.get = None\n"
    result = rnncheck("check", write("net.py", breaking, mine=RIGHT), *QUICK)
    assert result.exit_code == ExitCode.HARNESS
    assert "TypeError: 'NoneType' object is not callable" in result.stderr
    assert result.stderr.endswith("rnncheck itself failed; please report this.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch"], "rnncheck: 'nosuch' is neither a built-in"),
        (["nosuch.py"], "rnncheck: there is no file nosuch.py"),
        (["manual", "nosuch.py"], "rnncheck: there is no file nosuch.py"),
        (["empty.py"], "rnncheck: empty.py has no network to check"),
        (["exits.py"], "rnncheck: exits.py: importing the file ended its process with exit code 4"),
        (["hangs.py", "--timeout", "1"], "rnncheck: hangs.py: importing the file did not come back"),
        (["raises.py"], "rnncheck: importing raises.py raised ZeroDivisionError: division by zero"),
        (["manual", "--check", "nosuch"], "rnncheck: no check is called nosuch; there are "),
        (["manual", "--json", "no/such/folder.json"], "rnncheck: cannot write no/such/folder.json"),
        (["manual", "--json", "."], "'.' is a directory"),
        (["manual", "--profile", "fast"], "'fast' is not one of 'quick', 'standard', 'thorough'"),
        (["manual", "--seed", "x"], "'x' is not a valid integer"),
        (["manual", "--timeout", "0"], "0.0 is not in the range x>0"),
        ([], "Missing argument"),
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2_one_message_and_no_report(
    arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for file, text in (
        ("empty", ""),
        ("exits", "import os\nos._exit(4)"),
        ("hangs", "import time\ntime.sleep(100)"),
        ("raises", "1 / 0"),
    ):
        Path(f"{file}.py").write_text(text)
    result = rnncheck("check", *arguments)
    assert result.exit_code == ExitCode.USAGE == 2
    assert told in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr + capfd.readouterr().err


def test_files_that_do_not_import_do_not_keep_the_others_from_being_reported() -> None:
    Path("bad.py").write_text("x = 1\n1 / 0\n")
    Path("worse.py").write_text("import os\nos._exit(4)")
    write("good.py", right="return networks.forward(params, x, h0)")
    targets = ("manual", "bad.py", "good.py:right", "worse.py", "scalar", "good.py:left")
    result = rnncheck("check", *targets, *QUICK, "--json", "out.json")
    document = read_json()
    assert result.exit_code == document["exit_code"] == ExitCode.USAGE
    passed = {r["implementation"]: r["passed"] for r in document["reports"]}
    assert passed == {"manual": True, "right": True, "scalar": True}
    assert result.stdout.count("RIGHT: ") == len(passed)
    unusable = document["unusable"]
    assert [one["target"] for one in unusable] == ["bad.py", "worse.py", "good.py:left"]
    assert [one["message"] for one in unusable] == [
        "importing bad.py raised ZeroDivisionError: division by zero (line 2)",
        "worse.py: importing the file ended its process with exit code 4",
        "good.py has no object 'left'; it has right",
    ]
    assert result.stderr == "".join(f"rnncheck: {one['message']}\n" for one in unusable)


@pytest.mark.parametrize("first", ["bad.py", "net.py"])
def test_a_file_that_does_not_import_outranks_a_finding(first: str) -> None:
    Path("bad.py").write_text("1 / 0")
    write("net.py", wrong="return networks.forward(params, x, 0 * h0)")
    (second,) = {"bad.py", "net.py"} - {first}
    result = rnncheck("check", first, second, *QUICK)
    assert "WRONG: wrong fails" in result.stdout
    assert result.exit_code == ExitCode.USAGE


def test_what_was_reported_before_a_file_became_unusable_is_kept() -> None:
    """The second network dies, and with its file's next import there is nothing more to check."""
    once = "if os.path.exists('dead'): raise ImportError('only once')"
    died = "open('dead', 'w').close()\nos._exit(1)"
    write("net.py", once, right="return networks.forward(params, x, h0)", dies=died, next_="1")
    result = rnncheck("check", "net.py", "manual", *QUICK, "--json", "out.json")
    passed = {r["implementation"]: r["passed"] for r in read_json()["reports"]}
    assert passed == {"right": True, "dies": False, "manual": True}
    (told,) = read_json()["unusable"]
    assert told["message"].startswith("importing net.py raised ImportError: only once")
    assert result.exit_code == read_json()["exit_code"] == ExitCode.USAGE


def test_an_unknown_check_is_told_which_there_are() -> None:
    result = rnncheck("check", "manual", "--check", "nosuch")
    for name in CHECKS:
        assert name in result.stderr


def test_only_the_checks_named_are_run_in_their_order() -> None:
    names = ["gradient_matches_truth", "forward_matches_truth"]
    options = [option for name in names for option in ("--check", name)]
    rnncheck("check", "manual", "--profile", "quick", *options, "--json", "out.json")
    (report,) = read_json()["reports"]
    assert [check["check"] for check in report["checks"]] == sorted(names, key=CHECKS.index)


def test_json_says_what_the_report_says() -> None:
    write("net.py", mine=WRONG)
    result = rnncheck("check", "net.py", *QUICK, "--seed", "3", "--json", "out.json")
    document = read_json()
    assert (document["format"], document["exit_code"]) == (1, result.exit_code)
    (report,) = document["reports"]
    assert (report["implementation"], report["profile"], report["seed"]) == ("mine", "quick", 3)
    assert (report["passed"], report["silent_families"]) == (False, [])
    (check,) = report["checks"]
    assert (check["check"], check["family"]) == ("forward_matches_truth", "truth")
    assert check["status"] == "failed"
    finding = check["finding"]
    assert finding["measured"] > finding["allowed"] > 0.0
    worst = finding["measured"] / finding["allowed"]
    assert max(finding["wrong"].values()) == worst > 1.0
    assert finding["place"]["array"] in finding["wrong"]
    assert not set(finding["wrong"]) & set(finding["right"])
    case = Case.load(finding["case_file"])
    assert (case.sizes(), case.origin) == (finding["case"], finding["origin"])
    message = " ".join(result.stdout.split())
    diagnosis = finding["diagnosis"] or ""
    for text in (finding["message"], diagnosis, finding["case_file"], case.sizes()):
        assert text in message


def test_one_seed_one_report() -> None:
    write("net.py", mine=WRONG)
    documents = []
    for _ in range(2):
        rnncheck("check", "manual", "net.py", *QUICK, "--seed", "7", "--json", "out.json")
        documents.append(read_json())
        shutil.rmtree(".rnncheck/examples")  # what failed would be tried first
    assert documents[0] == documents[1]
    rnncheck("check", "manual", *QUICK, "--seed", "8", "--json", "out.json")
    documents.append(read_json())
    worst = [document["reports"][0]["checks"][0]["worst"] for document in documents]
    assert worst[0] != worst[2]  # other cases, other errors


def test_list_names_every_check_with_its_equation_and_every_built_in() -> None:
    result = rnncheck("list")
    assert result.exit_code == 0
    for check in registry.all_checks():
        assert re.search(rf"^{check.family} +{check.id} +{re.escape(check.equation)}$",
                         result.stdout, re.MULTILINE)  # fmt: skip
    assert result.stdout.rstrip().endswith(", ".join(BUILT_IN))


@pytest.mark.parametrize("command", [[], ["check"], ["gate"], ["list"], ["explain"]])
def test_help_answers(command: list[str]) -> None:
    result = rnncheck(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_help_does_not_wait_for_numpy() -> None:
    code = "import sys, rnncheck.cli as cli\ntry: cli.main(['check', '--help'])\n"
    code += "finally: print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("False\n")


def test_the_exit_codes_stand_in_the_help() -> None:
    words = " ".join(rnncheck("check", "--help").stdout.split())
    assert "0 right, 1 a finding, 2 wrong usage, 3 rnncheck failed, 5 nothing" in words


def test_in_a_pipe_there_is_neither_colour_nor_progress_nor_padding() -> None:
    write("net.py", mine=WRONG)
    done = rnncheck_process("check", "net.py", *QUICK, TERM="xterm-256color", COLUMNS="40")
    assert done.returncode == ExitCode.FINDING
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())
    assert "WRONG: mine fails 1 of 1 check (profile quick, seed 0)" in done.stdout.splitlines()


def test_a_stream_that_cannot_write_greek_does_not_matter() -> None:
    write("net.py", mine=WRONG)
    done = rnncheck_process("check", "net.py", *QUICK, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (ExitCode.FINDING, "")
    assert "h_t = ?(W_ih x_t" in done.stdout
    done = rnncheck_process("list", PYTHONIOENCODING="cp1252")
    assert (done.returncode, done.stderr) == (0, "")
    assert "h_t = ?(W_ih x_t" in done.stdout


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert version("rnncheck") in rnncheck("--version").stdout


def test_json_is_ascii_whatever_the_locale() -> None:
    write("net.py", mine="raise ValueError('φ')")
    rnncheck("check", "net.py", *QUICK, "--json", "out.json")
    assert "φ" in read_json()["reports"][0]["checks"][0]["finding"]["message"]
    assert json.dumps("φ")[1:-1] in Path("out.json").read_text(encoding="ascii")


def test_explain_shows_the_law_and_refuses_what_it_does_not_know() -> None:
    for check in registry.all_checks():
        result = rnncheck("explain", check.id)
        assert result.exit_code == 0
        assert check.equation in result.stdout
    Path("no_case.npz").write_bytes(b"no case")
    for what in ("nosuch", "nosuch.npz", "no_case.npz"):
        result = rnncheck("explain", what)
        assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
        assert what in result.stderr
        assert "Traceback" not in result.stderr
