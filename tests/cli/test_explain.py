"""`rnncheck explain`: the law of a check, and for a kept case where its allowance comes from."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from cli.running import rnncheck
from oracles.drawing import draw

from rnncheck.case import Case
from rnncheck.oracles.envelope import envelope
from rnncheck.properties.registry import Check, all_checks
from rnncheck.properties.strategies import LONG
from rnncheck.report import ExitCode
from rnncheck.reporting.text import WIDTH
from rnncheck.spec import RNNSpec

OPERATIONS = (
    "pre-activation",
    "activation",
    "derivative",
    "carry",
    "sumovertime",
    "readout",
    "result",
)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept.npz"


def explained(case: Case, kept: Path) -> str:
    result = rnncheck("explain", str(case.save(kept)))
    assert result.exit_code == ExitCode.CONFORMANT, result.output
    return result.stdout


def rows(text: str) -> dict[str, list[str]]:
    """The lines of the table, by array."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("array "))
    return {line.split()[0]: line.split()[1:] for line in lines[start + 1 :]}


def headings(text: str) -> list[str]:
    """The columns' headings, of which parts may stand above each other; without blanks."""
    lines = text.splitlines()
    last = next(i for i, line in enumerate(lines) if line.startswith("array "))
    first = max(i for i in range(last) if not lines[i].strip()) + 1
    width = max(map(len, lines[first : last + 1]))
    block = [line.ljust(width) for line in lines[first : last + 1]]
    found, start = [], 0
    for i in range(1, width + 1):
        if i == width or all(line[i] == " " for line in block):
            word = "".join(line[start:i].strip() for line in block)
            found += [word] if word else []
            start = i
    return found


@pytest.mark.parametrize("check", all_checks(), ids=lambda c: c.id)
def test_a_check_is_explained_by_its_docstring(check: Check) -> None:
    result = rnncheck("explain", check.id)
    assert result.exit_code == ExitCode.CONFORMANT
    law = inspect.getdoc(check.law)
    assert result.stdout == f"{check.id} ({check.family})\n\n{law}\n"


def test_every_array_has_a_row_with_its_largest_allowance_and_what_it_tells(kept: Path) -> None:
    spec = RNNSpec(2, 3, 3, bidirectional=True, output_size=2, readout="softmax")
    case = draw(spec, 4, 2)
    text, allowed = explained(case, kept), envelope(case)
    found = rows(text)
    assert list(found) == list(allowed.arrays)  # none is cut short: two would look alike
    assert headings(text) == ["array", "allowed", *OPERATIONS, "sayssomething"]
    for name, row in found.items():
        size = allowed[name].allowed.size
        assert row[0] == f"{allowed[name].allowed.max():.2g}"
        assert row[-3:] == [str(size), "of", str(size)]
        shares = [int(word.removesuffix("%")) for word in row[1:-3]]
        assert len(shares) == len(OPERATIONS)
        # To first order a sample's deviation is the sum of what the operations did to it.
        assert sum(shares) >= 50
    assert text.splitlines()[0] == f"{case.sizes()} (drawn)"
    assert "float64 may (u = 1.1e-16)" in text


def test_the_widest_table_of_a_pool_is_not_cut(kept: Path) -> None:
    """The longest names, every operation, and counts of four digits."""
    spec = RNNSpec(5, 7, 3, bidirectional=True, output_size=4, readout="softmax")
    text = explained(draw(spec, LONG[1], 4), kept)
    parameters = spec.parameter_shapes()
    assert list(rows(text)) == ["output", "h_n", *parameters, "x", "h0"]
    assert rows(text)["x"][-3:] == ["1600", "of", "1600"]
    assert max(map(len, text.splitlines()[2:])) <= WIDTH


def test_the_result_alone_is_the_rounding_of_the_largest_entry(kept: Path) -> None:
    """4·u·|v| of what is allowed altogether, in percent: h0 of a network without steps is d_h_n."""
    case = draw(RNNSpec(1, 2), 0, 1)
    found = rows(explained(case, kept))
    assert found["h0"][0] == f"{4 * 2.0**-53 * np.abs(case.d_h_n).max():.2g}"
    assert found["h0"][-4] == "100%"
    assert "x" not in found  # there is nothing in it


@pytest.mark.parametrize(
    ("spec", "unused"),
    [
        (RNNSpec(2, 3), {"readout"}),
        (RNNSpec(2, 3, nonlinearity="relu"), {"readout", "activation"}),
        (RNNSpec(2, 3, nonlinearity="identity", output_size=1), {"activation"}),
    ],
)
def test_operations_that_add_nothing_have_no_column(
    kept: Path, spec: RNNSpec, unused: set[str]
) -> None:
    text = explained(draw(spec, 4, 2), kept)
    assert headings(text)[2:-1] == [name for name in OPERATIONS if name not in unused]


def test_chaos_overflow_and_kinks_are_told(kept: Path) -> None:
    calm = draw(RNNSpec(2, 3), 4, 2)
    chaos = draw(RNNSpec(2, 24, bias=False), 400, 1, weights=4.0, inputs=0.1)
    kinks = draw(RNNSpec(1, 2, nonlinearity="relu", bias=False), 4, 1, inputs=0.0)
    huge = draw(RNNSpec(1, 2, nonlinearity="identity"), 3, 1, inputs=1e38, weights=100.0)
    words: dict[str, Case] = {
        "Chaos": chaos,
        "8 of its arguments": kinks,
        "may leave the range of float32": huge.astype("f4"),
    }
    for word, case in words.items():
        text = explained(case, kept)
        assert [other in text for other in words] == [other == word for other in words]
    assert not any(word in explained(calm, kept) for word in words)
    row = rows(explained(chaos, kept))["output"]
    telling = envelope(chaos)["output"].telling
    assert row[-3:] == [str(telling.sum()), "of", str(telling.size)]


def test_what_cannot_be_explained_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "garbage.npz").write_bytes(b"no zip file")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    for what, words in (
        ("nope", "no fault or check is called nope"),
        (str(tmp_path / "gone.npz"), "gone.npz"),
        (str(tmp_path / "garbage.npz"), "garbage.npz does not hold a case"),
        (str(tmp_path / "other.npz"), "other.npz does not hold a case"),
    ):
        result = rnncheck("explain", what)
        assert result.exit_code == ExitCode.USAGE
        assert words in result.stderr
        assert "Traceback" not in result.stderr
