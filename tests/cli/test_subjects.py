"""Whatever a network does when it is called: one clear finding, and the report is written."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from cli.running import QUICK, TESTS, python_path, read_json, rnncheck, write

from rnncheck.case import Case
from rnncheck.report import ExitCode

RIGHT = "return networks.forward(params, x, h0)"
STATES = "states, h = networks.forward(params, x, h0)\n"

BODIES = {
    "raises": "return params['W_hx']",
    "transposed": f"{STATES}return states.transpose(1, 0, 2), h",
    "too_short": f"{STATES}return states[:-1], h",
    "of_nan": f"{STATES}return states * np.nan, h",
    "of_inf": f"{STATES}states[-1] = np.inf\nreturn states, h",
    "a_list": f"{STATES}return list(states), h",
    "nothing": "networks.forward(params, x, h0)",
    "three": f"{STATES}return states, h, h",
    "objects": f"{STATES}return states.astype(object), h",
    "exits": "sys.exit('bye')",
    "asks": "return input('which? ')",
    "escapes": "raise ValueError('\\033[31mred' + 'x' * 100_000)",
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All of the above in one file, one report each."""
    folder = tmp_path_factory.mktemp("subjects")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", python_path(TESTS))
        result = rnncheck("check", write("net.py", **BODIES), *QUICK, "--json", "out.json")
        return result, read_json(), folder


def finding(outcome: Any, name: str) -> Any:
    (report,) = [r for r in outcome[1]["reports"] if r["implementation"] == name]
    (check,) = report["checks"]
    assert (report["passed"], check["status"]) == (False, "failed")
    return check["finding"]


def test_every_network_of_the_file_has_its_report(outcome: Any) -> None:
    result, document, _ = outcome
    assert result.exit_code == document["exit_code"] == ExitCode.FINDING
    assert [report["implementation"] for report in document["reports"]] == list(BODIES)
    for name in BODIES:
        assert f"WRONG: {name} fails 1 of 1 check (profile quick, seed 0)\n" in result.stdout
    assert "Traceback" not in result.output


# The smallest of all cases has T = B = H = 1; a transpose of time and batch needs two of one.
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("raises", r"forward raised KeyError: 'W_hx' \(net.py, line \d+\)"),
        ("transposed", r"forward's output has shape (\(2, 1, 1\); expected .* of shape \(1, 2, 1\)"
         r"|\(1, 2, 1\); expected .* of shape \(2, 1, 1\)) = \(time, batch, hidden\)"),
        ("too_short", r"forward's output has shape \(0, 1, 1\); expected .* of shape \(1, 1, 1\)"),
        ("of_nan", r"output\[0, 0, 0\] is nan; it must be -?0(\.\d+)? ± .*"),
        ("of_inf", r"output\[0, 0, 0\] is inf; it must be -?0(\.\d+)? ± .*"),
        ("a_list", r"forward's output is a list of 1; expected a NumPy array of shape \(1, 1, 1\)"),
        ("nothing", r"forward's output is None \(is a return statement missing\?\); expected "),
        ("three", r"forward returned a tuple of 3; expected output, or \(output, h_n\)"),
        ("objects", r"forward's output is an array of object; expected .*, of floats"),
        ("exits", r"forward raised SystemExit: bye \(net.py, line \d+\)"),
        ("asks", r"forward raised EOFError: .* \(net.py, line \d+\)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(outcome: Any, name: str, told: str) -> None:
    assert re.match(told, finding(outcome, name)["message"]), finding(outcome, name)["message"]


def test_an_exception_is_told_with_the_line_that_raised_it(outcome: Any) -> None:
    line = re.search(r"line (\d+)", finding(outcome, "raises")["message"])
    assert line is not None
    source = (outcome[2] / "net.py").read_text().splitlines()
    assert source[int(line[1]) - 1].strip() == BODIES["raises"]


@pytest.mark.parametrize("name", BODIES)
def test_the_case_is_kept_and_is_the_one_reported(outcome: Any, name: str) -> None:
    told, folder = finding(outcome, name), outcome[2]
    assert not Path(told["case_file"]).is_absolute()
    case = Case.load(folder / told["case_file"])
    assert (case.sizes(), case.origin) == (told["case"], told["origin"])
    assert told["case_file"] in outcome[0].stdout


@pytest.mark.parametrize("name", ["of_nan", "of_inf"])
def test_what_is_not_finite_is_null_in_json(outcome: Any, name: str) -> None:
    assert finding(outcome, name)["measured"] is None
    assert finding(outcome, name)["wrong"] == {"output": None}
    assert finding(outcome, name)["allowed"] > 0.0


def test_a_message_of_the_subject_cannot_flood_or_colour_the_report(outcome: Any) -> None:
    stdout = outcome[0].stdout
    assert "\x1b" not in stdout
    assert "\\x1b[31mred" in stdout
    assert stdout.count("x") < 2000  # of 100 000


def test_no_half_run_case_is_left_behind(outcome: Any) -> None:
    assert not list(outcome[2].glob(".rnncheck/running-*"))


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("os._exit(7)", "ended its process with exit code 7"),
        ("os._exit(0)", "ended its process with exit code 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("raise type('Stop', (BaseException,), {})", "raised Stop"),
        ("while True: time.sleep(1)", "did not come back within 2 s"),
    ],
)
def test_a_network_that_ends_its_process_or_hangs_is_a_finding(
    body: str, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write("net.py", mine=body)
    checks = ("--check", "forward_matches_truth", "--check", "gradient_matches_truth")
    options = ("--profile", "quick", "--timeout", "2", "--json", "out.json")
    result = rnncheck("check", "net.py", *checks, *options)
    (report,) = read_json()["reports"]
    first, second = report["checks"]
    assert result.exit_code == read_json()["exit_code"] == ExitCode.FINDING
    assert first["finding"]["message"] == f"the network {how} on this case"
    assert f"the network {how} on this case" in result.stdout
    assert (second["status"], second["finding"]) == ("vacuous", None)
    assert "not finished" in second["note"]
    kept = first["finding"]["case_file"]
    assert Case.load(kept).sizes() == first["finding"]["case"]
    assert [str(path) for path in Path(".rnncheck").glob("*.npz")] == [kept]
    assert "Traceback" not in result.output + capfd.readouterr().err


def test_after_a_network_that_died_the_next_one_of_the_file_is_checked() -> None:
    write("net.py", first=RIGHT, second="os._exit(1)", third="os._exit(2)", fourth=RIGHT)
    result = rnncheck("check", "net.py", *QUICK, "--json", "out.json")
    passed = {r["implementation"]: r["passed"] for r in read_json()["reports"]}
    assert passed == {"first": True, "second": False, "third": False, "fourth": True}
    assert result.exit_code == ExitCode.FINDING


def test_a_case_that_kills_is_the_one_that_is_kept() -> None:
    write("net.py", mine=f"if len(x) > 2: os._exit(3)\n{RIGHT}")
    assert rnncheck("check", "net.py", *QUICK).exit_code == ExitCode.FINDING
    (kept,) = Path(".rnncheck").glob("*.npz")
    assert Case.load(kept).T > 2


def test_what_a_subject_prints_does_not_get_between(capfd: pytest.CaptureFixture[str]) -> None:
    loud = "print('to stdout')\nos.write(1, b'to fd 1\\n')\nsys.stderr.write('to stderr\\n')\n"
    write("net.py", "print('while importing')", mine=loud + RIGHT)
    result = rnncheck("check", "net.py", *QUICK)
    assert result.exit_code == ExitCode.CONFORMANT, result.output
    assert result.stdout.startswith("mine ")
    captured = capfd.readouterr()
    for text in ("while importing", "to stdout", "to fd 1", "to stderr"):
        assert text in captured.err
        assert text not in result.stdout + captured.out


def test_what_does_no_harm_to_a_right_network_changes_nothing() -> None:
    bodies = {
        "leaves_a_thread": "threading.Thread(target=time.sleep, args=(60,)).start()",
        "forks": "if os.fork() == 0: sys.exit(0)",
        "moves": "os.chdir('/')",
    }
    once = "if {0!r} not in done:\n    done.add({0!r})\n    {1}\n"
    right = {name: once.format(name, body) + RIGHT for name, body in bodies.items()}
    write("net.py", "done = set()", **right)
    start = time.monotonic()
    result = rnncheck("check", "net.py", *QUICK, "--timeout", "60")
    assert result.exit_code == ExitCode.CONFORMANT, result.output
    assert result.stdout.count("RIGHT: ") == len(bodies)
    assert time.monotonic() - start < 60  # seconds that the thread would have taken


@pytest.mark.parametrize("where", ["import", "call"])
def test_a_subject_that_changes_the_folder_does_not_take_its_case_along(where: str) -> None:
    elsewhere = "os.makedirs('elsewhere', exist_ok=True)\nos.chdir('elsewhere')\n"
    if where == "import":
        write("net.py", elsewhere, mine="os._exit(1)")
    else:
        write("net.py", mine=f"{elsewhere}os._exit(1)")
    result = rnncheck("check", "net.py", *QUICK, "--json", "out.json")
    told = read_json()["reports"][0]["checks"][0]["finding"]
    assert result.exit_code == ExitCode.FINDING
    assert told["case_file"] == str(Path(".rnncheck", "mine-forward_matches_truth.npz"))
    assert Case.load(told["case_file"]).sizes() == told["case"]


def test_a_slow_network_does_not_hang() -> None:
    # Every call is far shorter than the time-out; the 30 that differences of one case take are not.
    slow = "global calls\ncalls += 1\ntime.sleep(0.04 if calls <= 30 else 0)\n"
    write("net.py", "calls = 0", mine=slow + RIGHT)
    only = ("--profile", "quick", "--check", "gradient_matches_own_forward")
    result = rnncheck("check", "net.py", *only, "--timeout", "1")
    assert result.exit_code == ExitCode.CONFORMANT, result.output


def test_time_that_rnncheck_itself_takes_is_not_the_networks() -> None:
    slow = """
    import rnncheck.properties.trial as ours
    quick, ours.envelope = ours.envelope, lambda *a, **k: time.sleep(1.2) or slow_once(*a, **k)
    def slow_once(*arguments, **options):
        ours.envelope = quick
        return quick(*arguments, **options)
    """
    write("net.py", slow, mine=RIGHT)
    result = rnncheck("check", "net.py", *QUICK, "--timeout", "1")
    assert result.exit_code == ExitCode.CONFORMANT, result.output
