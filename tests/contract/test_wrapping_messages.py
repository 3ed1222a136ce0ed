"""`wrap`: the message for words and functions from which no network can be read."""

import inspect
import re
from typing import Any

import numpy as np
import pytest
from contract.drawing import H, draw

from rnncheck.results import SubjectError
from rnncheck.wrapping import wrap

WORDS: dict[str, Any] = {
    "x": "time batch input",
    "h0": "batch hidden",
    "output": "time batch hidden",
    "params": {"U": "hidden input", "W": "hidden prev", "b": "hidden"},
}
READOUT: dict[str, Any] = {"output": "time batch output"}


def forward(params: Any, x: Any, *state: Any) -> Any:
    return np.zeros((*x.shape[:2], H))


def backward(params: Any, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Any:
    return {name: np.zeros_like(array) for name, array in params.items()}


def params(**changes: Any) -> dict[str, Any]:
    held = {**WORDS["params"], **changes}
    return {"params": {name: words for name, words in held.items() if words is not None}}


UNKNOWN = {
    "x": ["time batch", "time batch inputs", "time batch input input", "batch input", "", "time 2"],
    "h0": ["batch prev", "hidden hidden batch", ""],
    "output": ["time batch input", "time batch hidden output", "hidden"],
}
POSSIBLE = {
    "x": "'time batch input'",
    "h0": "'batch hidden'",
    "output": "'time batch hidden' or 'time batch output'",
    "params['W']": "'hidden input' or 'hidden prev' or 'output hidden' or 'hidden' or 'output'",
}


def told(error: type[Exception], says: str, **change: Any) -> None:
    arguments = {"forward": forward, "backward": backward, **WORDS, **change}
    with pytest.raises(error, match=f"^{re.escape(says)}"):
        wrap(**arguments)


@pytest.mark.parametrize(("name", "words"), [(n, w) for n in UNKNOWN for w in UNKNOWN[n]])
def test_words_that_name_no_array_are_told_with_those_that_do(name, words):
    says = f"{name}={words!r} is not understood; the words are those of {POSSIBLE[name]}, in the"
    told(ValueError, says, **{name: words})


@pytest.mark.parametrize("words", ["hidden hidden", "prev prev", "output input", "prev", "1", ""])
def test_words_that_name_no_parameter_are_told_with_those_that_do(words):
    name = "params['W']"
    hint = " (the second hidden is called prev)" if words == "hidden hidden" else ""
    says = f"{name}={words!r} is not understood{hint}; the words are those of {POSSIBLE[name]}, in"
    told(ValueError, says, **params(W=words))


@pytest.mark.parametrize("words", [0, ("time", "batch"), ["hidden"], b"hidden"])
@pytest.mark.parametrize("name", ["x", "h0", "output"])
def test_words_are_a_string(name, words):
    says = f"{name} must be a string of dimension words such as {POSSIBLE[name]}, not {words!r}"
    told(TypeError, says, **{name: words})
    name = "params['W']"
    says = f"{name} must be a string of dimension words such as {POSSIBLE[name]}, not {words!r}"
    told(TypeError, says, **params(W=words))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"x": "time input"}, "output"),
        ({"output": "time hidden"}, "output"),
        ({"h0": "hidden"}, "h0"),
        ({"x": "time input", "output": "time hidden"}, "h0"),
    ],
)
def test_either_every_array_has_a_batch_axis_or_none(change, name):
    told(ValueError, f"{name} and x must both have a batch axis, or neither", **change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (params(W=None), "params lacks the matrix 'hidden prev' (torch's weight_hh_l0)"),
        (params(U=None), "params lacks the matrix 'hidden input' (torch's weight_ih_l0)"),
        (READOUT, "params lacks the matrix 'output hidden' (torch's weight_ho)"),
        (
            READOUT | params(e="output"),
            "params lacks the matrix 'output hidden' (torch's weight_ho)",
        ),
        (params(V="output hidden"), "params has a readout, so output must be 'time batch output'"),
        (params(e="output"), "params has a readout, so output must be 'time batch output'"),
        (params(A="input hidden"), "params['A']='input hidden' is what params['U'] is already"),
        (params(A="prev hidden"), "params['A']='prev hidden' is what params['W'] is already"),
        (params(c="hidden", d="1 hidden"), "params['d']='1 hidden' is what params['c'] is already"),
        (params(x="hidden"), "params has 'x'; a name is a string, and not 'x' or 'h0'"),
        (params(h0="hidden"), "params has 'h0'; a name is a string, and not 'x' or 'h0'"),
        ({"params": {1: "hidden input"}}, "params has 1; a name is a string"),
    ],
)
def test_roles_that_are_missing_or_taken_are_told(change, says):
    told(ValueError, says, **change)


@pytest.mark.parametrize("value", [{}, [], ["U", "W"], "hidden prev", None])
def test_params_map_names_to_words(value):
    told(TypeError, "params must map each parameter's name to its words", params=value)


@pytest.mark.parametrize("value", ["elu", "Tanh", None, np.tanh])
def test_the_nonlinearity_is_one_of_four(value):
    says = f"nonlinearity: {value!r} is none of tanh, relu, sigmoid, identity"
    told(ValueError, says, nonlinearity=value)


def test_the_dtypes_are_a_tuple_of_names():
    told(ValueError, "dtypes: 'int8' is none of float64, float32", dtypes=("float64", "int8"))
    told(ValueError, "dtypes: 'f4' is none of float64, float32", dtypes=["f4"])
    for value in ("float64", (), None, np.float32):
        told(TypeError, f"dtypes must be a tuple of words such as ('float64',), not {value!r}",
             dtypes=value)  # fmt: skip


@pytest.mark.parametrize("value", ["forward", 3, np.zeros(3)])
@pytest.mark.parametrize("name", ["forward", "backward"])
def test_functions_are_called(name, value):
    told(TypeError, f"{name} must be a function, not {value!r}", **{name: value})


def test_a_backward_may_be_left_out_but_no_forward():
    told(TypeError, "forward must be a function, not None", forward=None)
    wrapped = wrap(forward, **WORDS)
    assert not wrapped.capabilities.gradients
    with pytest.raises(SubjectError, match="there is no backward to call"):
        wrapped.gradients(draw())


def test_its_name_is_given_or_that_of_the_function():
    class Callable:
        def __call__(self, *arguments: Any) -> Any:
            return forward(*arguments)

    assert wrap(forward, **WORDS).name == "forward"
    assert wrap(forward, **WORDS, name="my rnn").name == "my rnn"
    assert wrap(Callable(), **WORDS).name == "wrapped"


FOUR = "params, x, h0, d_output"
ARGUMENTS: list[tuple[Any, bool | None]] = [
    (lambda p, x, h0, d_output, d_h_n: {}, True),
    (lambda p, x, h0, d_output: {}, False),
    (lambda p, x, h0, d_output, d_h_n=None: {}, True),
    (lambda p, x, h0, d_output, d_h_n, tolerance=1e-8: {}, True),
    (lambda p, x, h0, d_output, epsilon=1e-8: {}, False),
    (lambda p, x, h0, d_output, *, epsilon=1e-8: {}, False),
    (lambda *arguments: {}, True),
    (lambda p, *rest: {}, True),
    (lambda p, x, h0: {}, None),
    (lambda p: {}, None),
    (lambda p, x, h0, d_output, d_h_n, more: {}, None),
]


@pytest.mark.parametrize(("function", "takes"), ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_whether_backward_takes_the_cotangent_of_h_n_stands_in_its_signature(function, takes):
    """None: it can be called neither way, and that is told before anything runs."""
    if takes is None:
        count = function.__code__.co_argcount
        says = f"backward takes {count} arguments; it is called with {FOUR}, d_h_n"
        with pytest.raises(TypeError, match=f"^{re.escape(says)}"):
            wrap(forward, function, **WORDS)
        return
    called: list[tuple[Any, ...]] = []

    def spy(*arguments: Any) -> Any:
        called.append(arguments)
        return {name: np.zeros_like(array) for name, array in arguments[0].items()}

    spy.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    wrapped = wrap(forward, spy, **WORDS)
    assert wrapped.capabilities.final_state == takes
    wrapped.gradients(draw())
    assert [len(arguments) for arguments in called] == [4 + takes]


def test_without_h0_neither_function_is_given_one():
    says = "backward takes 5 arguments; it is called with params, x, d_output, d_h_n"
    with pytest.raises(TypeError, match=f"^{re.escape(says)}$"):
        wrap(forward, backward, **{**WORDS, "h0": None})
    wrapped = wrap(forward, lambda p, x, d_output, d_h_n: {}, **{**WORDS, "h0": None})
    assert wrapped.capabilities.final_state
