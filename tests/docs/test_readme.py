"""What the README shows is what the commands print (numbers aside: they depend on library versions)."""

import json
import re
import runpy
import shutil
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnncheck.cli import main

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def shown_after(command: str) -> list[str]:
    """The lines that the README shows after a command, its numbers blotted out."""
    block = README.split(command, 1)[1].split("```", 1)[0]
    return blotted(block)


def blotted(text: str) -> list[str]:
    lines = (NUMBER.sub("#", line) for line in text.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip() and line.strip() != "..."]


def printed(*arguments: str) -> list[str]:
    return blotted(CliRunner().invoke(main, list(arguments)).output)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_failure_in_the_readme_is_what_is_printed(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "my_rnn.py", tmp_path / "examples")
    command = "rnncheck check examples/my_rnn.py"
    assert printed("check", "examples/my_rnn.py") == shown_after(command)


def test_the_end_of_the_gate_is_what_is_printed() -> None:
    pytest.importorskip("torch")
    assert printed("check", "torch", "--profile", "quick") == shown_after("tox run -e gate")


def test_the_example_in_the_readme_is_the_end_of_the_file() -> None:
    code = README.split("```python\n", 1)[1].split("```", 1)[0]
    plain = re.sub(r"\s+#.*", "", code)
    assert plain.strip() in (ROOT / "examples" / "my_rnn.py").read_text(encoding="utf-8")


def test_a_kept_case_can_be_run_by_hand_as_the_documentation_has_it(tmp_path: Path) -> None:
    """The smallest failing case gives the wrong number that the report has told."""
    shutil.copy(ROOT / "examples" / "my_rnn.py", tmp_path)
    options = ("--profile", "quick", "--check", "gradient_matches_truth", "--json", "out.json")
    printed("check", "my_rnn.py", *options)
    (report,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["reports"]
    finding = report["checks"][0]["finding"]
    page = (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")
    code = textwrap.dedent(page.split("```python\n", 1)[1].split("```", 1)[0])
    names = runpy.run_path(str(tmp_path / "my_rnn.py"))
    exec(code, names)
    assert finding["place"]["array"] == "h0"
    wrong = names["gradients"]["h0"][(0, *finding["place"]["index"])]
    assert f"is {wrong:.9g};" in finding["message"]
    assert names["output"].shape[0] == names["case"].T


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
