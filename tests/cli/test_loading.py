"""From what a user names to an implementation; what is wrong with it is told in one message."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnncheck.implementations.references import NAMES
from rnncheck.loading import BUILT_IN, as_implementation, built_in, load_file, parse_target
from rnncheck.results import UsageError

NETWORKS = "import networks\n"
RIGHT = "networks.wrap(networks.forward, networks.backward, name={!r})\n"


@pytest.fixture(autouse=True)
def _own_modules(folder: Path) -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def load(text: str, attribute: str = "", file: str = "net_of_a_user.py") -> list[object]:
    Path(file).write_text(text)
    return list(load_file(parse_target(f"{file}:{attribute}" if attribute else file)))


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_is_found_by_its_name(name: str) -> None:
    assert parse_target(name).file is None
    assert built_in(name).name == name
    assert as_implementation(name).name == name


@pytest.mark.parametrize("text", ["", "nosuch", "net", "net.txt", "net:rnn", "net.pyy", "torch2"])
def test_what_is_neither_a_name_nor_a_file_is_told_what_can_be_named(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_target(text)
    assert repr(text) in str(error.value)
    for word in (*BUILT_IN, "FILE.py", "FILE.py:OBJECT"):
        assert word in str(error.value)


@pytest.mark.parametrize("text", ["nosuch.py", "nosuch.py:rnn", "folder.py", "no/such.py"])
def test_a_file_that_is_not_there_is_named(text: str) -> None:
    Path("folder.py").mkdir()
    with pytest.raises(UsageError, match=f"^there is no file {text.partition(':')[0]}$"):
        parse_target(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nosuchmodule", "ModuleNotFoundError: No module named 'nosuchmodule' (line 1)"),
        ("x = 1\nx / 0", "ZeroDivisionError: division by zero (line 2)"),
        ("def f():\n    g\n\nf()\n", "NameError: name 'g' is not defined (line 2)"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye (line 2)"),
        ("x = 1\ndef f(:\n", "SyntaxError: invalid syntax (net_of_a_user.py, line 2)"),
        ("raise ValueError", "ValueError (line 1)"),
        ("\0", "SyntaxError: source code string cannot contain null bytes"),
        ("import networks as n\n\nn.wrap(n.forward, x='time')", "ValueError: x='time' is not"),
    ],
)
def test_an_import_that_raises_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        load(text)
    assert str(error.value).startswith(f"importing net_of_a_user.py raised {told}")


def test_what_is_no_text_at_all_is_told() -> None:
    Path("net_of_a_user.py").write_bytes(b"x = '\xff'\n")
    with pytest.raises(UsageError, match=r"^importing net_of_a_user.py raised SyntaxError"):
        load_file(parse_target("net_of_a_user.py"))


@pytest.mark.parametrize("text", ["", "x = 1", NETWORKS, "from rnncheck import wrap, Case"])
def test_a_file_without_networks_is_told_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match=r"^net_of_a_user.py has no network to check") as error:
        load(text)
    assert "rnncheck.wrap(...)" in str(error.value)


def test_an_object_that_is_missing_is_told_what_there_is() -> None:
    text = f"{NETWORKS}one = {RIGHT.format('1')}two = {RIGHT.format('2')}number = 3\n"
    with pytest.raises(UsageError) as error:
        load(text, "three")
    assert str(error.value) == "net_of_a_user.py has no object 'three'; it has one, two"


def test_an_object_that_is_missing_among_no_networks() -> None:
    with pytest.raises(UsageError, match=r"^net_of_a_user.py has no object 'rnn'$"):
        load("x = 1", "rnn")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("rnn = 3", "int 3"),
        ("rnn = None", "None"),
        ("rnn = [1, 2]", "a list of 2"),
        ("import math as rnn", "module"),
        ("class rnn: pass", "class"),
        ("def rnn(x): return x", "function"),
        ("from unittest.mock import MagicMock\nrnn = MagicMock()", "MagicMock"),
    ],
)
def test_an_object_of_the_wrong_kind_is_told_what_can_be_checked(text: str, what: str) -> None:
    with pytest.raises(UsageError) as error:
        load(text, "rnn")
    assert str(error.value).startswith("net_of_a_user.py:rnn: ")
    assert what in str(error.value)
    for word in ("rnncheck.wrap(...)", "torch.nn.RNN", "name, capabilities, forward", *BUILT_IN):
        assert word in str(error.value)


def test_all_networks_of_a_file_are_found_in_order_and_once() -> None:
    text = f"{NETWORKS}b = {RIGHT.format('first')}a = {RIGHT.format('second')}again = b\nx = 1\n"
    assert [subject.name for subject in load(text)] == ["first", "second"]  # type: ignore[attr-defined]
    (one,) = load(text, "a")
    assert one.name == "second"  # type: ignore[attr-defined]


def test_what_only_looks_like_a_network_is_not_taken_for_one() -> None:
    text = f"from unittest.mock import call\n{NETWORKS}rnn = {RIGHT.format('rnn')}"
    assert len(load(text)) == 1  # `call` has every attribute one asks for


def test_a_class_of_ours_is_checked_by_name() -> None:
    (subject,) = load("from rnncheck.implementations.manual import RNN", "RNN")
    assert hasattr(subject, "forward")
    assert subject.name.endswith(".RNN")  # type: ignore[attr-defined]


def test_the_class_of_torch_is_checked_by_name() -> None:
    pytest.importorskip("torch")
    (subject,) = load("from torch.nn import RNN", "RNN")
    assert subject.name == "torch"  # type: ignore[attr-defined]


def test_torch_that_is_missing_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "rnncheck.adapters.torch", raising=False)
    with pytest.raises(UsageError, match=r"^torch is not installed; pip install 'rnncheck\[torch"):
        built_in("torch")


def test_a_file_may_import_its_neighbours_and_define_dataclasses() -> None:
    Path("neighbour_of_net.py").write_text(f"{NETWORKS}rnn = {RIGHT.format('from next door')}")
    text = """
from __future__ import annotations
from dataclasses import dataclass
from neighbour_of_net import rnn
@dataclass
class Sizes:
    hidden: int = 3
"""
    (subject,) = load(text)
    assert subject.name == "from next door"  # type: ignore[attr-defined]


def test_a_file_does_not_take_the_place_of_a_module_of_its_name() -> None:
    import json

    load(f"{NETWORKS}rnn = {RIGHT.format('rnn')}", file="json.py")
    assert sys.modules["json"] is json
