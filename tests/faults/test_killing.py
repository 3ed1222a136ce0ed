"""The kill matrix: what is killed, what must not be, what is lost, and what every check is good for."""

from pathlib import Path

import pytest
from cli.running import rnncheck

from rnncheck.implementations.faulty.catalogue import VARIANTS, faults, variants
from rnncheck.killing import (
    Row,
    Score,
    catalogue,
    kill_matrix,
    lost_kills,
    merits,
    read_matrix,
    row,
    write_matrix,
)
from rnncheck.properties.registry import all_checks
from rnncheck.reporting.handbook import handbook
from rnncheck.results import UsageError

DOCS = Path(__file__).resolve().parents[2] / "docs"
KEPT = read_matrix(DOCS / "kill_matrix.json")


def test_a_missing_transpose_is_killed_and_a_right_variant_is_not() -> None:
    rows = list(kill_matrix(catalogue(["carry_without_transpose", "one_matrix"]), 1))
    assert [one.entry for one in rows] == ["carry_without_transpose", "one_matrix"]
    assert "gradient_matches_truth" in rows[0].kills
    assert "forward_matches_truth" not in rows[0].kills
    assert rows[1].kills == {}
    assert Score.of(rows) == Score(faults=1, killed=1, variants=1, passed=1, errors=0)


def test_a_fault_that_only_long_sequences_show_is_tried_on_more() -> None:
    found = row("bptt_length_cached")
    assert found.kills


def test_the_recorded_matrix_is_full_and_of_this_catalogue() -> None:
    assert [one.entry for one in KEPT] == [e.id for e in (*faults(), *variants())]
    assert Score.of(KEPT).is_full
    known = {check.id for check in all_checks()}
    assert {name for one in KEPT for name in one.kills} <= known


def test_every_check_is_the_first_or_the_only_killer_or_says_why_it_stays() -> None:
    assert [merit.check.id for merit in merits(KEPT) if not merit.is_earned] == []


ROWS = [
    Row("one", "carry", {"a": 2, "b": 1}, {}),
    Row("two", "carry", {"a": 1}, {}),
    Row("right", VARIANTS, {}, {}),
]


def test_the_first_killer_takes_the_fewest_cases() -> None:
    assert ROWS[0].first == "b"
    assert ROWS[0].first_of(["a"]) == "a"
    assert ROWS[2].first is None


def test_a_kill_that_is_gone_is_a_loss_and_a_new_one_is_none() -> None:
    now = [Row("one", "carry", {"b": 1, "c": 1}, {}), ROWS[1]]
    assert lost_kills(ROWS, now) == [("one", "a")]
    assert lost_kills(ROWS, [ROWS[0]]) == [("two", "a")]
    assert lost_kills(ROWS, ROWS) == []


def test_a_survivor_an_accusation_and_an_error_each_spoil_the_score() -> None:
    assert Score.of(ROWS).is_full
    assert not Score.of([*ROWS, Row("three", "carry", {}, {})]).is_full
    assert not Score.of([*ROWS, Row("four", VARIANTS, {"a": 1}, {})]).is_full
    assert not Score.of([*ROWS, Row("five", "carry", {"a": 1}, {"b": "Traceback"})]).is_full


def test_a_matrix_comes_back_from_its_file(tmp_path: Path) -> None:
    write_matrix(tmp_path / "m.json", ROWS)
    assert read_matrix(tmp_path / "m.json") == ROWS
    (tmp_path / "m.json").write_text("[1]")
    with pytest.raises(UsageError, match=r"m\.json holds no kill matrix"):
        read_matrix(tmp_path / "m.json")


def test_the_command_prints_the_matrix_and_fails_on_a_loss(tmp_path: Path) -> None:
    name = "readout_bias_left_out"
    file = tmp_path / "kills.json"
    result = rnncheck("faults", name, "--jobs", "1", "--json", str(file))
    assert result.exit_code == 0, result.output
    assert "1 of 1 faults killed" in result.output
    idle = "wrong_lengths_are_refused"  # its readout is what is wrong
    assert idle not in read_matrix(file)[0].kills
    again = read_matrix(file)
    more = [Row(name, again[0].family, {**again[0].kills, idle: 1}, {})]
    write_matrix(file, more)
    result = rnncheck("faults", name, "--jobs", "1", "--compare", str(file))
    assert result.exit_code == 1
    assert f"no longer kills {name}: {idle}" in result.output


def test_a_name_that_is_none_is_a_usage_error() -> None:
    result = rnncheck("faults", "transpose")
    assert result.exit_code == 2
    assert "no fault is called transpose" in result.output


def test_a_fault_explains_itself() -> None:
    result = rnncheck("explain", "carry_without_transpose")
    assert result.exit_code == 0
    for text in (
        "belongs.",
        "Shows:",
        "Seen:",
        "lags 1 and up",
        "delta_next @ tape.cell.weight_hh.T",
    ):
        assert text in result.output
    result = rnncheck("explain", "carry_without_transpos")
    assert result.exit_code == 2
    assert "did you mean carry_without_transpose" in result.output


def test_the_handbook_is_that_of_the_docstrings() -> None:
    text = (DOCS / "handbook.md").read_text(encoding="utf-8")
    assert text == handbook(), "rnncheck faults --handbook docs/handbook.md"
    assert all(f"### {entry.id}\n" in text for entry in (*faults(), *variants()))
