"""Every published defect is found and named: alone, and all of them as one peels them off."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from published.subjects import FOLDER, NAMES, TWINS, check, load, named

from rnncheck.cli import main

SHOWN_BY = {
    "state_sized_by_features": "forward_matches_truth",
    "final_state_squeezed": "forward_matches_truth",
    "steps_concatenated": "forward_matches_truth",
    "hidden_size_dropped": "forward_matches_truth",
    "zero_state_on_generated_steps": "forward_matches_truth",
    "quadruple_precision": "results_keep_the_dtype",
    "another_variable_zeroed": "a_second_call_gives_the_same",
}
"""The check that finds a defect, where it is not gradient_matches_truth."""

DEFECTS = [(name, defect) for name in NAMES for defect in sorted(load(name).DEFECTS)]
LONGER = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shows(defect: str) -> bool:
    """Whether this platform has longer floats than float64: one defect is to use them."""
    return defect != "quadruple_precision" or bool(LONGER)


@pytest.mark.parametrize(("name", "defect"), DEFECTS)
def test_a_defect_alone_is_found_and_named(name: str, defect: str) -> None:
    network = load(name).network(frozenset({defect}))
    report = check(network, SHOWN_BY.get(defect, "gradient_matches_truth"))
    assert report.passed is not shows(defect)
    for finding in report.findings:
        assert set(finding.faults) == {defect} | TWINS.get(defect, set())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_is_fixed_until_the_network_is_right(name: str) -> None:
    module, peel = load(name), load("peel")
    checks = {SHOWN_BY.get(defect, "gradient_matches_truth") for defect in module.DEFECTS}
    assert checks <= set(peel.CHECKS)
    reports = [r for _, r in peel.peeled(module, lambda network: check(network, *sorted(checks)))]
    found = set().union(*(named(report) for report in reports))
    expected = {defect for defect in module.DEFECTS if shows(defect)}
    assert found == expected.union(*(TWINS.get(defect, set()) for defect in expected))
    assert all(named(report) for report in reports[:-1])
    assert reports[-1].passed


def test_the_files_run_on_the_command_line() -> None:
    file = str(FOLDER / "forward_and_keras.py")
    few = ["--profile", "quick", "--check", "forward_matches_truth"]
    published = CliRunner().invoke(main, ["check", file, *few])
    fixed = CliRunner().invoke(main, ["check", f"{file}:fixed", *few])
    assert (published.exit_code, fixed.exit_code) == (1, 0)
    assert "WRONG: the forward pass" in published.output
    assert "(steps_concatenated;" in published.output
    assert "RIGHT: the forward pass" in fixed.output


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_a_network_for_every_defect_and_none_for_other_words(name: str) -> None:
    module = load(name)
    assert module.fixed.name == module.published.name
    for defect in module.DEFECTS:
        assert getattr(module, defect).name == module.published.name
    with pytest.raises(AttributeError, match="no_such_defect"):
        _ = module.no_such_defect
