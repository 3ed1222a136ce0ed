"""`Keeper`: the running case and the failed ones on disk, wherever that can be written."""

import tempfile
from pathlib import Path

import pytest
from contract.drawing import assert_same_bits, draw

from rnncheck.case import Case
from rnncheck.keeper import MOST_RUNNING, Keeper, clear


def test_the_running_case_is_on_disk_until_it_is_done(tmp_path):
    keeper, case = Keeper(tmp_path, "my rnn"), draw()
    path = keeper.running(case)
    assert_same_bits(Case.load(path).x, case.x)
    other = draw(seed=1)
    another = keeper.running(other)
    assert another != path
    assert_same_bits(Case.load(another).x, other.x)
    keeper.done()
    assert not path.exists()
    assert not another.exists()
    keeper.done()


def test_a_case_that_runs_again_is_not_written_again(tmp_path):
    keeper, case = Keeper(tmp_path, "my rnn"), draw()
    path = keeper.running(case)
    path.write_bytes(b"")
    assert keeper.running(case) == path
    assert path.read_bytes() == b""
    same = draw()
    assert keeper.running(same) != path
    assert_same_bits(Case.load(keeper.running(same)).x, case.x)


def test_in_a_search_the_last_case_is_on_disk(tmp_path):
    keeper = Keeper(tmp_path, "my rnn")
    for seed in range(3):
        assert keeper.searching(draw(seed=seed)) == keeper.search_file
        assert_same_bits(Case.load(keeper.search_file).x, draw(seed=seed).x)
    keeper.done()
    assert not keeper.search_file.exists()


def test_only_so_many_running_cases_are_kept_and_the_last_is_one_of_them(tmp_path):
    keeper = Keeper(tmp_path, "my rnn")
    for seed in range(MOST_RUNNING + 3):
        path = keeper.running(draw(seed=seed))
        assert path.exists()
    assert len(list(tmp_path.glob("running-*"))) == MOST_RUNNING
    keeper.done()
    assert not list(tmp_path.glob("running-*"))


def test_what_a_process_has_left_can_be_cleared(tmp_path):
    keeper, other = Keeper(tmp_path, "my rnn"), Keeper(tmp_path, "my rnn too")
    paths = [keeper.running(draw(seed=seed)) for seed in range(3)]
    left, kept = other.running(draw()), keeper.keep("a_check", draw())
    clear(paths[1])
    assert not any(path.exists() for path in paths)
    assert left.exists()
    assert kept.exists()


def test_a_failed_case_outlives_the_run(tmp_path):
    keeper, case = Keeper(tmp_path, "my rnn"), draw()
    kept = [keeper.keep(check, case) for check in ("one_check", "another_check")]
    keeper.running(case)
    keeper.done()
    assert len(set(kept)) == 2
    for path, check in zip(kept, ("one_check", "another_check"), strict=True):
        assert check in path.name
        assert_same_bits(Case.load(path).x, case.x)


@pytest.mark.parametrize(
    "name", ["my rnn", "a/b", "../up", "/etc/passwd", "C:\\x", "", "...", "λ", "x" * 50, "a:b?*"]
)
def test_every_name_gives_a_file_in_the_folder(name, tmp_path):
    folder = tmp_path / "cases"
    keeper = Keeper(folder, name)
    for path in (keeper.running(draw()), keeper.keep("a_check", draw())):
        assert path.parent == folder
        assert path.is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["cases"]


def test_a_new_folder_is_not_for_git(tmp_path):
    folder = tmp_path / "deep" / ".rnncheck"
    Keeper(folder, "it")
    assert (folder / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("ignored", ["build/\n", None])
def test_a_folder_that_was_there_is_left_as_it_was(ignored, tmp_path):
    """It may be the user's own, under version control."""
    if ignored is not None:
        (tmp_path / ".gitignore").write_text(ignored)
    before = sorted(tmp_path.iterdir())
    keeper = Keeper(tmp_path, "it")
    keeper.running(draw())
    keeper.done()
    assert sorted(tmp_path.iterdir()) == before
    if ignored is not None:
        assert (tmp_path / ".gitignore").read_text() == ignored


def test_what_cannot_be_written_is_kept_elsewhere(tmp_path, monkeypatch):
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    file = tmp_path / "file"
    file.write_text("not a folder")
    path = Keeper(file / "cases", "it").keep("a_check", draw())
    assert elsewhere in path.parents
    assert Case.load(path).origin == "drawn"
    assert file.read_text() == "not a folder"


def test_a_folder_that_only_can_be_read_is_left_alone(tmp_path, monkeypatch):
    """As root every folder can be written: the system's refusal is imitated."""
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    folder = tmp_path / "cases"
    folder.mkdir()
    really = tempfile.TemporaryFile

    def refuse(*, dir: Path) -> object:
        if dir == folder:
            raise PermissionError(13, "Permission denied", str(dir))
        return really(dir=dir)

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    path = Keeper(folder, "it").running(draw())
    assert elsewhere in path.parents
    assert not list(folder.iterdir())
