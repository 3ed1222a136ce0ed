"""What failed before is tried first, says so, and is forgotten once it does not fail."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import networks
import pytest
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    InMemoryExampleDatabase,
    MultiplexedDatabase,
)

import rnncheck
from rnncheck.config import read_config
from rnncheck.database import Shelf, open_database
from rnncheck.implementation import Capabilities
from rnncheck.pool import Source
from rnncheck.properties.draw import Draw
from rnncheck.report import CheckReport, Report
from rnncheck.results import UsageError
from rnncheck.settings import PROFILES
from rnncheck.wrapping import Wrapped

SOURCE = Source(Capabilities(), "general", 0, 20)
CHECK = "forward_matches_truth"
WRONG = networks.wrap(networks.forward_without_h0, networks.backward_without_h0)
RIGHT = networks.wrap(networks.forward, networks.backward)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    few = replace(PROFILES["quick"], cases=12, shrink_cases=60)
    monkeypatch.setitem(PROFILES, "quick", few)


def check(
    subject: Wrapped, database: ExampleDatabase | str | None = None
) -> tuple[Report, CheckReport]:
    report = rnncheck.check(subject, profile="quick", checks=(CHECK,), database=database)
    return report, report.checks[0]


def long(draw: Draw) -> bool:
    return draw.T >= 4


def counted(fails: Callable[[Draw], bool], asked: list[Draw]) -> Callable[[Draw], bool]:
    def count(draw: Draw) -> bool:
        asked.append(draw)
        return fails(draw)

    return count


def test_a_failure_is_remembered_and_tried_before_anything_else() -> None:
    shelf, asked = Shelf(InMemoryExampleDatabase(), "it", "a_check"), list[Draw]()
    first = SOURCE.smallest(long, 1000, shelf)
    again = SOURCE.remembered(counted(long, asked), 1000, shelf)
    assert first is not None
    assert again == first
    assert asked == [first]
    asked.clear()
    assert SOURCE.smallest(counted(long, asked), 1000, shelf) == first
    assert asked == [first]


def test_what_does_not_fail_any_more_is_forgotten() -> None:
    store = InMemoryExampleDatabase()
    shelf = Shelf(store, "it", "a_check")
    SOURCE.smallest(long, 1000, shelf)
    assert len(list(shelf.fetch())) == 1
    assert SOURCE.remembered(lambda draw: False, 1000, shelf) is None
    assert list(shelf.fetch()) == []
    assert SOURCE.remembered(long, 1000, shelf) is None


def test_checks_and_networks_do_not_share_their_failures() -> None:
    store = InMemoryExampleDatabase()
    SOURCE.smallest(long, 1000, Shelf(store, "it", "a_check"))
    for names in (("it", "another_check"), ("another", "a_check")):
        assert list(Shelf(store, *names).fetch()) == []


def test_rubbish_in_the_database_is_no_failure() -> None:
    store = InMemoryExampleDatabase()
    shelf = Shelf(store, "it", "a_check")
    shelf.save(b"", b"\xff\xff no choices")
    assert SOURCE.remembered(long, 1000, shelf) is None
    assert SOURCE.smallest(long, 1000, shelf) == SOURCE.smallest(long, 1000)


def test_the_next_run_tries_it_first_and_says_so() -> None:
    _, first = check(WRONG)
    assert first.finding is not None
    assert "failed before" not in first.finding.case.origin
    assert Path(".rnncheck/examples").is_dir()
    _, second = check(WRONG)
    assert second.finding is not None
    assert second.finding.case.origin.endswith("failed before")
    assert second.cases == 1
    assert second.finding.case.sizes() == first.finding.case.sizes()
    assert second.finding.message == first.finding.message


def test_once_it_is_repaired_the_report_is_that_of_a_network_that_never_failed() -> None:
    fresh, _ = check(RIGHT, "none")
    check(WRONG)
    repaired, _ = check(RIGHT)
    again, _ = check(RIGHT)
    assert repaired == again == fresh


def test_without_earlier_failures_the_same_seed_gives_the_same_report() -> None:
    reports = [check(WRONG, InMemoryExampleDatabase())[1] for _ in range(2)]
    one, two = (r.finding for r in reports)
    assert one is not None
    assert two is not None
    assert (one.message, one.case.origin) == (two.message, two.case.origin)
    assert replace(reports[0], finding=None) == replace(reports[1], finding=None)


def test_none_keeps_nothing_and_any_database_of_hypothesis_will_do(tmp_path: Path) -> None:
    check(WRONG, "none")
    assert not Path(".rnncheck/examples").exists()
    store = InMemoryExampleDatabase()
    check(WRONG, store)
    assert not Path(".rnncheck/examples").exists()
    assert any(store.data.values())
    check(WRONG, f"directory:{tmp_path / 'elsewhere'}")
    assert any((tmp_path / "elsewhere").iterdir())


class Broken(ExampleDatabase):
    def save(self, key: bytes, value: bytes) -> None:
        raise ConnectionError("nobody listens")

    def fetch(self, key: bytes) -> Iterable[bytes]:
        raise ConnectionError("nobody listens")

    def delete(self, key: bytes, value: bytes) -> None:
        raise ConnectionError("nobody listens")


def test_a_store_that_cannot_be_reached_is_told_and_stops_nothing() -> None:
    with pytest.warns(UserWarning, match="earlier failures are not at hand: nobody listens"):
        _, report = check(WRONG, Broken())
    assert report.finding is not None


def test_a_folder_that_cannot_be_written_stops_nothing() -> None:
    Path(".rnncheck").write_text("a file, so that no folder can be made or read")
    assert check(WRONG)[1].finding is not None
    assert check(RIGHT)[0].exit_code == 0
    assert Path(".rnncheck").is_file()


def test_the_words_for_a_database(tmp_path: Path) -> None:
    own = open_database(None, tmp_path)
    assert own == DirectoryBasedExampleDatabase(tmp_path / "examples")
    assert open_database("none", tmp_path) is None
    assert open_database("directory:x", tmp_path) == DirectoryBasedExampleDatabase("x")
    store = InMemoryExampleDatabase()
    assert open_database(store, tmp_path) is store
    shared = open_database("github:me/rnns", tmp_path)
    assert isinstance(shared, MultiplexedDatabase)
    assert "owner='me', repo='rnns'" in repr(shared)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    ["", "directory:", "directory", "redis:", "github:me", "github:me/", "github:a/b/c", "x:y", "none:1"],
)  # fmt: skip
def test_other_words_are_a_usage_error(words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='database must be "directory:PATH", "redis:URL"'):
        open_database(words, tmp_path)


def test_redis_without_its_client_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UsageError, match="pip install redis"):
        open_database("redis:redis://localhost", tmp_path)


def test_the_configuration_names_a_folder_from_its_own(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "pyproject.toml"
    table = '[tool.rnncheck]\nimplementations = ["manual"]\ndatabase = '
    file.write_text(f'{table}"directory:failures"\n')
    assert read_config(file).database == f"directory:{tmp_path / 'sub' / 'failures'}"
    file.write_text(f'{table}"none"\n')
    assert read_config(file).database == "none"
    for wrong in ('"nowhere"', "1", "true"):
        file.write_text(f"{table}{wrong}\n")
        with pytest.raises(UsageError, match=r"pyproject.toml: \[tool.rnncheck\] database must be"):
            read_config(file)
