"""`rnncheck gate` and its table in pyproject.toml; torch that is not there."""

import sys
from pathlib import Path

import pytest
from cli.running import python_path, read_json, rnncheck, rnncheck_process, write

from rnncheck.config import Config, read_config
from rnncheck.properties.registry import all_checks
from rnncheck.report import ExitCode
from rnncheck.results import UsageError
from rnncheck.settings import PROFILES, Settings

CHECKS = [check.id for check in all_checks()]
ONLY = "forward_matches_truth"
OTHERS = [name for name in CHECKS if name != ONLY]
WITHOUT_TORCH = "torch is not installed: the cross-check against torch.nn.RNN did not run"


def table(text: str, file: str = "pyproject.toml") -> Path:
    Path(file).write_text(f"[project]\nname = 'x'\n[tool.other]\n[tool.rnncheck]\n{text}")
    return Path(file)


@pytest.fixture
def no_torch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither here nor in a process that is started from here can torch be imported."""
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    monkeypatch.setenv("PYTHONPATH", python_path(folder))
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "rnncheck.adapters.torch", raising=False)


def test_every_key_is_read_and_the_rest_has_defaults() -> None:
    text = """
    implementations = ["manual", "net.py:rnn"]
    profile = "thorough"
    seed = 7
    timeout = 2.5
    exclude = ["agrees_with_torch"]
    """
    names = ("manual", "net.py:rnn")
    assert read_config(table(text)) == Config(names, "thorough", 7, 2.5, ("agrees_with_torch",))
    assert read_config(table("implementations = ['manual']")) == Config(
        ("manual",), profile="standard", seed=0, timeout=60.0, exclude=()
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no implementations"),
        ("implementations = []", "names no implementations"),
        ("implementation = ['manual']", "has no key 'implementation'; it has implementations, "),
        ("implementations = 'manual'", "implementations must be a list of strings, not 'manual'"),
        ("implementations = [1]", "implementations must be a list of strings, not [1]"),
        ("profile = 1", "profile must be a string, not 1"),
        ("profile = 'fast'", "profile has 'fast'; it can have quick, standard, thorough"),
        ("seed = 'x'", "seed must be a whole number, not 'x'"),
        ("seed = 1.5", "seed must be a whole number, not 1.5"),
        ("seed = true", "seed must be a whole number, not True"),
        ("timeout = '9'", "timeout must be a number of seconds above 0, not '9'"),
        ("timeout = 0", "timeout must be a number of seconds above 0, not 0"),
        ("timeout = -1.5", "timeout must be a number of seconds above 0, not -1.5"),
        ("timeout = nan", "timeout must be a number of seconds above 0, not nan"),
        ("exclude = 'agrees_with_torch'", "exclude must be a list of strings"),
        ("exclude = ['nosuch']", f"exclude has 'nosuch'; it can have {', '.join(CHECKS)}"),
        (f"exclude = {CHECKS}", "exclude leaves no check to run"),
    ],
)
def test_a_wrong_table_is_told_with_the_file_the_key_and_what_it_can_be(
    text: str, told: str
) -> None:
    if text and not text.startswith("implementation"):
        text += "\nimplementations = ['manual']"
    path = table(text, "some.toml")
    with pytest.raises(UsageError) as error:
        read_config(path)
    assert str(error.value).startswith("some.toml: [tool.rnncheck] ")
    assert told in str(error.value)


@pytest.mark.parametrize("text", ["", "tool = 3", "[tool]\nrnncheck = 3", "[tool.ruff]"])
def test_no_table_is_told_with_an_example(text: str) -> None:
    Path("some.toml").write_text(text)
    with pytest.raises(UsageError, match=r"^some.toml has no \[tool.rnncheck\] table; ") as error:
        read_config(Path("some.toml"))
    assert 'implementations = ["my_rnn.py:rnn"]' in str(error.value)


@pytest.mark.parametrize("content", [b"[tool.rnncheck\n", b"x = '\xff'"])
def test_what_is_not_toml_is_told(content: bytes) -> None:
    Path("some.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"^some.toml is not TOML: "):
        read_config(Path("some.toml"))


def test_a_gate_without_a_table_exits_with_2() -> None:
    result = rnncheck("gate")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("rnncheck: there is no pyproject.toml; the gate reads it:\n")
    assert result.stdout == ""


def test_the_gate_runs_what_the_table_names() -> None:
    write("net.py", right="return networks.forward(params, x, h0)")
    text = f"implementations = ['manual', 'net.py:right']\nseed = 4\nexclude = {OTHERS}\n"
    table(text, "other.toml")
    result = rnncheck("gate", "--config", "other.toml", "--profile", "quick", "--json", "out.json")
    assert result.exit_code == read_json()["exit_code"] == ExitCode.CONFORMANT, result.output
    reports = read_json()["reports"]
    assert [r["implementation"] for r in reports] == ["manual", "right"]
    assert all((r["profile"], r["seed"]) == ("quick", 4) for r in reports)
    assert all([check["check"] for check in r["checks"]] == [ONLY] for r in reports)
    assert result.stderr == ""


def test_files_are_looked_for_from_the_folder_of_the_configuration(folder: Path) -> None:
    Path("sub").mkdir()
    write("sub/net.py", first="return networks.forward(params, x, h0)")
    write("net.py", second="return networks.forward(params, x, 0 * h0)")
    write("absolute.py", third="return networks.forward(params, x, h0)")
    named = ["manual", "net.py:first", "./net.py", "../net.py", str(folder / "absolute.py")]
    table(f"implementations = {named}\nprofile = 'quick'\nexclude = {OTHERS}", "sub/some.toml")
    result = rnncheck("gate", "--config", "sub/some.toml", "--json", "out.json")
    passed = [(r["implementation"], r["passed"]) for r in read_json()["reports"]]
    assert passed == [
        ("manual", True), ("first", True), ("first", True), ("second", False), ("third", True)
    ]  # fmt: skip
    assert result.exit_code == ExitCode.FINDING
    assert not Path("sub/.rnncheck").exists()  # cases are kept where the gate runs


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone.py:rnn", "there is no file sub/gone.py"),
        ("nosuch", "'nosuch' is neither a built-in"),
    ],
)
def test_what_the_table_names_in_vain_is_told_as_it_is_seen_from_here(name: str, told: str) -> None:
    Path("sub").mkdir()
    Path("gone.py").write_text("")
    table(f"implementations = [{name!r}]", "sub/some.toml")
    result = rnncheck("gate", "--config", "sub/some.toml")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith(f"rnncheck: {told}")


@pytest.mark.parametrize(
    ("options", "seed", "timeout", "profile"),
    [
        ([], 4, 2.5, "quick"),
        (["--seed", "5"], 5, 2.5, "quick"),
        (["--timeout", "7"], 4, 7.0, "quick"),
        (["--profile", "standard"], 4, 2.5, "standard"),
    ],
)
def test_options_go_before_the_table(
    options: list[str], seed: int, timeout: float, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[tuple[list[str], Settings]] = []
    monkeypatch.setattr("rnncheck.session.run_all", lambda *run: runs.append(run) or iter(()))
    keys = f"seed = 4\ntimeout = 2.5\nprofile = 'quick'\nexclude = {OTHERS}"
    table(f"implementations = ['manual', 'scalar']\n{keys}")
    assert rnncheck("gate", *options).exit_code == ExitCode.NOTHING_TOLD
    ((targets, settings),) = runs
    assert list(targets) == ["manual", "scalar"]
    assert (settings.seed, settings.timeout, settings.checks) == (seed, timeout, (ONLY,))
    assert settings.profile == PROFILES[profile]


def test_the_gate_of_a_wrong_network_exits_with_1() -> None:
    write("net.py", wrong="return networks.forward(params, x, 0 * h0)")
    table(f"implementations = ['net.py']\nprofile = 'quick'\nexclude = {OTHERS}")
    assert rnncheck("gate").exit_code == ExitCode.FINDING


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize("names", [["manual"], ["manual", "torch"], ["torch"]])
def test_the_gate_without_torch_says_in_one_line_what_is_missing(names: list[str]) -> None:
    others = [name for name in OTHERS if name != "agrees_with_torch"]
    table(f"implementations = {names}\nprofile = 'quick'\nexclude = {others}")
    result = rnncheck("gate", "--json", "out.json")
    assert result.exit_code == read_json()["exit_code"] == ExitCode.USAGE
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"rnncheck: {WITHOUT_TORCH}")
    assert "pip install 'rnncheck[torch]'" in line
    assert 'exclude = ["agrees_with_torch"]' in line
    ran = {r["implementation"]: r["passed"] for r in read_json()["reports"]}
    assert ran == ({"manual": True} if "manual" in names else {})


@pytest.mark.usefixtures("no_torch")
def test_a_missing_torch_outranks_a_finding_as_the_documentation_has_it() -> None:
    write("net.py", wrong="return networks.forward(params, x, 0 * h0)")
    others = [name for name in OTHERS if name != "agrees_with_torch"]
    table(f"implementations = ['net.py']\nprofile = 'quick'\nexclude = {others}")
    result = rnncheck("gate")
    assert "WRONG: wrong fails" in result.stdout
    assert result.exit_code == ExitCode.USAGE


@pytest.mark.usefixtures("no_torch")
def test_a_gate_that_excludes_torch_does_not_miss_it() -> None:
    table(f"implementations = ['manual']\nprofile = 'quick'\nexclude = {OTHERS}")
    result = rnncheck("gate")
    assert (result.exit_code, result.stderr) == (ExitCode.CONFORMANT, "")


@pytest.mark.usefixtures("no_torch")
def test_torch_by_name_is_told_before_anything_runs() -> None:
    result = rnncheck("check", "manual", "torch", "--profile", "quick")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("rnncheck: torch is not installed; pip install")
    assert result.stdout == ""


@pytest.mark.usefixtures("no_torch")
def test_without_torch_everything_else_works() -> None:
    write("net.py", right="return networks.forward(params, x, h0)")
    done = rnncheck_process("check", "net.py", "--json", "out.json")
    assert done.returncode == ExitCode.CONFORMANT, done.stdout + done.stderr
    assert done.stderr == ""
    assert "torch is not installed" in done.stdout
    (report,) = read_json()["reports"]
    statuses = {check["check"]: check["status"] for check in report["checks"]}
    assert statuses.pop("agrees_with_torch") == "not_applicable"
    assert statuses["agrees_with_references"] == "passed"
    assert set(statuses) == set(CHECKS) - {"agrees_with_torch"}
    assert "failed" not in statuses.values()
