"""`rnncheck replay`: a kept case on the network it was kept for, or on another; the numbers side by side."""

import re
from pathlib import Path

import numpy as np
import pytest
from cli.running import rnncheck, write
from oracles.drawing import draw

from rnncheck.case import Case, read_kept
from rnncheck.report import ExitCode
from rnncheck.spec import RNNSpec

RIGHT = "return networks.forward(params, x, h0)"
NO_H0 = "return networks.forward(params, x, 0 * h0)"
CHECK = "forward_matches_truth"
OPTIONS = ("--profile", "quick", "--check", CHECK)
KEPT = f".rnncheck/mine-{CHECK}.npz"


@pytest.fixture
def kept() -> str:
    """The smallest case of a network that ignores h0; another stands in the same file."""
    write("net.py", mine=NO_H0, other=RIGHT)
    assert rnncheck("check", "net.py", *OPTIONS).exit_code == ExitCode.FINDING
    return KEPT


def rows(text: str) -> dict[str, list[str]]:
    lines = [line for line in text.splitlines() if re.match(r"\w+\[", line)]
    parts = [line.partition("]") for line in lines]
    return {name + bracket: rest.split() for name, bracket, rest in parts}


def test_a_case_says_what_it_was_kept_for_and_loads_as_before(kept: str) -> None:
    assert read_kept(kept) == {"implementation": "mine", "target": "net.py", "check": CHECK}
    assert Case.load(kept).T >= 0


def test_it_runs_on_what_it_was_kept_for_and_shows_what_is_wrong(kept: str) -> None:
    result = rnncheck("replay", kept, "--check", CHECK)
    case = Case.load(kept)
    assert result.exit_code == ExitCode.FINDING, result.output
    assert result.stdout.startswith(f"mine on {case.sizes()} ({case.origin})")
    for name in ("W_ih", "W_hh", "b", "x", "h0", "d_output", "d_h_n"):
        assert re.search(rf"^  {name} +\[", result.stdout, re.MULTILINE), name
    assert "bias_hh" not in result.stdout  # it has one bias only
    p = case.parameters
    h = case.h0[0]
    for x in case.x:
        h = np.tanh(x @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_ih_l0"])
    found = {name: cells for name, cells in rows(result.stdout).items() if name.startswith("h_n")}
    assert found
    assert "wrong" in [cell for cells in found.values() for cell in cells]
    for name, (expected, actual, *marks) in found.items():
        index = tuple(int(i) for i in re.findall(r"\d+", name))
        assert np.isclose(float(expected), h[index], rtol=1e-8, atol=1e-15)  # shown in 9 digits
        assert ("wrong" in marks) == (abs(float(expected) - float(actual)) > 1e-12)
    assert "WRONG: mine fails 1 of 1 checks on this case" in result.stdout
    assert CHECK in result.stdout
    assert kept in result.stdout


def test_without_a_check_all_that_apply_are_run(kept: str) -> None:
    result = rnncheck("replay", kept)
    failed, ran = map(int, re.search(r"mine fails (\d+) of (\d+) checks", result.stdout).groups())  # type: ignore[union-attr]
    assert ran >= failed >= 2
    assert "agrees_with_references" in result.stdout


@pytest.mark.parametrize("target", ["net.py:other", "manual"])
def test_it_runs_on_another_network(kept: str, target: str) -> None:
    result = rnncheck("replay", kept, target, "--check", CHECK)
    name = target.rpartition(":")[2]
    assert result.exit_code == ExitCode.CONFORMANT, result.output
    assert f"RIGHT: {name} passes the check that applies to this case" in result.stdout
    assert "wrong" not in result.stdout


def test_it_is_found_from_another_folder_too(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(kept).absolute()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert rnncheck("replay", str(path), "--check", CHECK).exit_code == ExitCode.FINDING


def test_once_it_is_repaired_it_passes(kept: str) -> None:
    write("net.py", mine=RIGHT, other=RIGHT)
    assert rnncheck("replay", kept, "--check", CHECK).exit_code == ExitCode.CONFORMANT


def test_a_built_in_networks_case_is_replayed_on_it(kept: str, tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    Case.load(kept).save(file, {"target": "manual", "implementation": "manual"})
    result = rnncheck("replay", str(file), "--check", CHECK)
    assert result.exit_code == ExitCode.CONFORMANT
    assert result.stdout.startswith("manual on ")


def test_a_check_that_does_not_apply_tells_nothing(kept: str) -> None:
    result = rnncheck("replay", kept, "--check", "dyadic_results_are_exact")
    assert result.exit_code == ExitCode.NOTHING_TOLD
    assert "NOTHING TOLD: no check applies to mine on this case" in result.stdout


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("os._exit(7)", "ended its process with exit code 7"),
        ("while True: pass", "did not come back"),
    ],
)
def test_a_network_that_dies_on_it_is_a_finding_and_the_case_stays(
    kept: str, body: str, how: str
) -> None:
    before = Case.load(kept)
    file = Path("mine.npz")
    before.save(file, read_kept(kept))
    write("net.py", mine=body)
    result = rnncheck("replay", str(file), "--check", CHECK, "--timeout", "2")
    assert result.exit_code == ExitCode.FINDING
    assert f"the network {how}" in result.stdout
    assert Case.load(file).sizes() == before.sizes()
    assert not list(Path(".rnncheck").glob("running-*"))


def test_an_exception_is_shown_where_the_numbers_would_stand(kept: str) -> None:
    write("net.py", mine="raise ValueError('no such thing')")
    result = rnncheck("replay", kept, "--check", CHECK)
    assert result.exit_code == ExitCode.FINDING
    assert "forward raised ValueError: no such thing" in result.stdout


def test_of_a_large_result_the_worst_entries_are_shown() -> None:
    body = "states, h = networks.forward(params, x, h0)\nstates[17, 1, 2] += 1\nreturn states, h"
    write("net.py", mine=body)
    rng = np.random.default_rng(0)
    case = draw(RNNSpec(2, 4), 20, 3)
    zero = {n: np.zeros_like(a) if "bias_hh" in n else a for n, a in case.parameters.items()}
    case.replace(parameters=zero, x=rng.standard_normal(case.x.shape)).save("large.npz")
    result = rnncheck("replay", "large.npz", "net.py:mine", "--check", CHECK)
    shown = {n: cells for n, cells in rows(result.stdout).items() if n.startswith("output")}
    assert len(shown) == 8
    assert [n for n, cells in shown.items() if "wrong" in cells] == ["output[17, 1, 2]"]
    assert "and 232 more" in result.stdout  # 20 · 3 · 4 entries, 8 of them shown
    assert "120 numbers of shape (20, 3, 2)" in result.stdout


def test_what_cannot_be_replayed_is_a_usage_error(kept: str, tmp_path: Path) -> None:
    (tmp_path / "garbage.npz").write_bytes(b"no zip file")
    Case.load(kept).save("plain.npz")
    Case.load(kept).save("gone.npz", {"target": "gone.py:rnn", "implementation": "rnn"})
    for arguments, words in (
        (("nowhere.npz",), "nowhere.npz"),
        (("garbage.npz",), "garbage.npz does not hold a case"),
        (("plain.npz",), "plain.npz does not say what it was kept for"),
        (("gone.npz",), "was kept for gone.py:rnn, which is not there"),
        ((kept, "nothing"), "'nothing' is neither a built-in"),
        ((kept, "--check", "nope"), "no check is called nope"),
    ):
        result = rnncheck("replay", *arguments)
        assert result.exit_code == ExitCode.USAGE, result.output
        assert words in result.stderr
        assert "Traceback" not in result.output
