"""`wrap`: whatever the orientation of an array, the canonical results are the same, bit for bit.

The user's network here is the manual reference behind arrays turned by `np.einsum`, so that it
computes the same from the same numbers, and anything else is the wrapping's doing.
"""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from contract.drawing import B, H, I, O, T, assert_same_bits, draw

from rnncheck.case import Case
from rnncheck.implementations import manual
from rnncheck.spec import RNNSpec
from rnncheck.wrapping import Wrapped, wrap

SIZES = {"time": T, "batch": B, "input": I, "hidden": H, "prev": H, "output": O, "1": 1}
ROLES = {
    "U": "weight_ih_l0", "W": "weight_hh_l0", "b": "bias_ih_l0", "c": "bias_hh_l0",
    "V": "weight_ho", "e": "bias_o",
}  # fmt: skip
CANONICAL = {
    "x": "time batch input", "h0": "batch hidden", "output": "time batch hidden",
    "U": "hidden input", "W": "hidden prev", "b": "hidden", "c": "hidden",
    "V": "output hidden", "e": "output",
}  # fmt: skip
TURNED = {
    "x": "batch 1 input time", "h0": "hidden batch", "output": "hidden batch time",
    "U": "input hidden", "W": "prev hidden", "b": "1 hidden", "c": "hidden 1",
    "V": "hidden output", "e": "1 output",
}  # fmt: skip


def subscripts(words: str) -> str:
    return "".join(word[0] for word in words.split() if word != "1")


def turned(array: Any, canonical: str, words: str) -> Any:
    """A canonical array as one with these words; an axis that they leave out has size 1."""
    given = np.einsum(f"{subscripts(canonical)}->{subscripts(words)}", array)
    for i, word in enumerate(words.split()):
        given = np.expand_dims(given, i) if word == "1" else given
    return given


def turned_back(array: Any, canonical: str, words: str) -> Any:
    given = array[tuple(0 if word == "1" else slice(None) for word in words.split())]
    kept = [word for word in canonical.split() if word in words.split()]
    given = np.einsum(f"{subscripts(words)}->{subscripts(' '.join(kept))}", given)
    for i, word in enumerate(canonical.split()):
        given = given if word in kept else np.expand_dims(given, i)
    return given


class User:
    """A network that keeps every array as its words say; `seen` holds what it was given or gave."""

    def __init__(
        self, words: dict[str, str], params: str = "UWb", h0: bool = True, h_n: bool = True
    ) -> None:
        self.words, self.params, self.takes_h0, self.gives_h_n = words, params, h0, h_n
        self.canonical = CANONICAL | {
            "output": f"time batch {'output' if 'V' in params else 'hidden'}"
        }
        self.spec = RNNSpec(
            I, H, bias="b" in params, output_size=O if "V" in params else None,
            readout_bias="e" in params,
        )  # fmt: skip
        self.seen: dict[str, Any] = {}

    def wrap(self) -> Wrapped:
        return wrap(
            self.forward, self.backward if self.gives_h_n else self.backward_without_d_h_n,
            x=self.words["x"], h0=self.words["h0"] if self.takes_h0 else None,
            output=self.words["output"], params={name: self.words[name] for name in self.params},
        )  # fmt: skip

    def case(self, **options: Any) -> Case:
        """A case that it can run."""
        case = draw(self.spec, b=B if "batch" in self.words["x"] else 1, **options)
        parameters = dict(case.parameters)
        if "c" not in self.params and self.spec.bias:
            parameters["bias_hh_l0"] = np.zeros(H)
        h0 = case.h0 if self.takes_h0 else np.zeros_like(case.h0)
        d_h_n = case.d_h_n if self.gives_h_n else np.zeros_like(case.d_h_n)
        return case.replace(parameters=parameters, h0=h0, d_h_n=d_h_n)

    def back(self, name: str, array: Any) -> Any:
        expected = tuple(SIZES[word] for word in self.words[name].split())
        assert array.shape == expected, f"{name} has another shape than its words say"
        self.seen[name] = array.copy()
        return turned_back(array, self.canonical[name], self.words[name])

    def out(self, name: str, array: Any) -> Any:
        return turned(array, self.canonical[name], self.words[name])

    def run(self, params: Any, x: Any, *state: Any) -> Any:
        assert list(params) == list(self.params)
        assert len(state) == self.takes_h0
        parameters = {ROLES[name]: self.back(name, array) for name, array in params.items()}
        if "c" not in params and self.spec.bias:
            parameters["bias_hh_l0"] = np.zeros(H)
        x = self.back("x", x)
        h0 = self.back("h0", state[0]) if state else np.zeros((x.shape[1], H))
        return manual.forward(self.spec, parameters, x, h0[None])

    def forward(self, params: Any, x: Any, *state: Any) -> Any:
        output, h_n, _ = self.run(params, x, *state)
        self.seen["output"] = self.out("output", output)
        if not self.gives_h_n:
            return self.seen["output"]
        self.seen["h_n"] = self.out("h0", h_n[0])
        return self.seen["output"], self.seen["h_n"]

    def backward(self, params: Any, x: Any, *rest: Any) -> Any:
        *state, d_output, d_h_n = rest
        _, _, tape = self.run(params, x, *state)
        gradients = manual.backward(
            tape, self.back("output", d_output), self.back("h0", d_h_n)[None]
        )
        found = {name: self.out(name, gradients[ROLES[name]]) for name in params}
        found["x"] = self.out("x", gradients["x"])
        return found | ({"h0": self.out("h0", gradients["h0"][0])} if state else {})

    def backward_without_d_h_n(self, params: Any, x: Any, h0: Any, d_output: Any) -> Any:
        return self.backward(params, x, h0, d_output, np.zeros_like(h0))


def assert_equal_to_manual(user: User) -> None:
    case, wrapped = user.case(), user.wrap()
    assert wrapped.capabilities.missing(case) is None
    output, h_n, tape = manual.forward(case.spec, case.parameters, case.x, case.h0)
    found = wrapped.forward(case)
    assert_same_bits(found.output, output)
    if user.gives_h_n:
        assert_same_bits(found.h_n, h_n)
    else:
        assert found.h_n is None
    expected = manual.backward(tape, case.d_output, case.d_h_n)
    gradients = wrapped.gradients(case)
    names = [ROLES[name] for name in user.params]
    assert list(gradients) == [*names, "x", *(["h0"] if user.takes_h0 else [])]
    for name, gradient in gradients.items():
        assert_same_bits(gradient, expected[name], name)


def orders(words: str, ones: int = 0) -> list[str]:
    """Every order of the words, with so many axes of size one anywhere among them."""
    return sorted({" ".join(order) for order in permutations([*words.split(), *["1"] * ones])})


BATCHED = [
    *[("x", words) for words in orders("time batch input") + orders("time batch input", 1)],
    *[("h0", words) for words in orders("batch hidden") + orders("batch hidden", 1)],
    *[("output", words) for words in orders("time batch output")],
    *[("U", words) for words in orders("hidden input") + orders("hidden input", 1)],
    *[("W", words) for words in orders("hidden prev") + orders("hidden prev", 2)],
    *[("b", words) for words in orders("hidden", 1)],
    *[("c", words) for words in orders("hidden", 2)],
    *[("V", words) for words in orders("output hidden")],
    *[("e", words) for words in orders("output", 1)],
]


@pytest.mark.parametrize(("name", "words"), BATCHED)
@pytest.mark.parametrize("others", [CANONICAL, TURNED], ids=["torch's", "turned"])
def test_one_array_in_every_orientation(name, words, others):
    output = {"output": others["output"].replace("hidden", "output")}
    assert_equal_to_manual(User({**others, **output, name: words}, "UWbcVe"))


@pytest.mark.parametrize("x", orders("time input") + orders("time input", 1))
@pytest.mark.parametrize("h0", ["hidden", "hidden 1", "1 hidden"])
@pytest.mark.parametrize("output", [*orders("time hidden"), "time hidden 1"])
def test_unbatched_in_every_orientation(x, h0, output):
    assert_equal_to_manual(User({**CANONICAL, "x": x, "h0": h0, "output": output, "b": h0}))


@pytest.mark.parametrize("words", [CANONICAL, TURNED], ids=["torch's", "turned"])
@pytest.mark.parametrize("params", ["UW", "WU", "UWb", "bWU", "UWbc", "UWV", "UWbVe", "eVbcWU"])
@pytest.mark.parametrize("h0", [True, False], ids=["h0", "zeros"])
def test_no_bias_one_or_two_and_a_readout(words, params, h0):
    """And whatever the order of the parameters, and whether or not it takes an initial state.

    Without one, `h_n` has the axes of the output without time."""
    output = words["output"].replace("hidden", "output") if "V" in params else words["output"]
    assert_equal_to_manual(User({**words, "output": output}, params, h0))


@pytest.mark.parametrize("words", [CANONICAL, TURNED], ids=["torch's", "turned"])
def test_a_forward_without_h_n_and_a_backward_without_its_cotangent(words):
    assert_equal_to_manual(User(words, h_n=False))


@pytest.mark.parametrize("h0", [True, False], ids=["h0", "zeros"])
def test_capabilities_say_what_the_words_say(h0):
    def capabilities(words: dict[str, str], params: str, **options: Any) -> Any:
        return User(words, params, h0, **options).wrap().capabilities

    for params, biases in (("UW", (0,)), ("UWb", (1,)), ("UWbc", (2,))):
        can = capabilities(CANONICAL, params)
        assert (can.bias_vectors, can.needs_readout, can.readouts) == (biases, False, ())
        assert (can.initial_state, can.batch_size, can.gradients) == (h0, None, True)
        assert (can.max_layers, can.bidirectional, can.lengths) == (1, False, False)
    readout = {**CANONICAL, "output": "time batch output"}
    for params, bias in (("UWbV", False), ("UWbVe", True)):
        can = capabilities(readout, params)
        assert (can.needs_readout, can.readouts, can.readout_biases) == (
            True, ("identity",), (bias,),
        )  # fmt: skip
    alone = {**CANONICAL, "x": "time input", "h0": "hidden", "output": "time hidden"}
    assert capabilities(alone, "UW").batch_size == 1


LOCATED = [
    (CANONICAL, "UWbc"),
    (TURNED, "UWbc"),
    ({**TURNED, "output": "output 1 batch time"}, "UWbcVe"),
    ({**TURNED, "x": "1 input time", "h0": "hidden 1", "output": "hidden time"}, "UWbc"),
]


@pytest.mark.parametrize(("words", "params"), LOCATED)
def test_an_entry_stands_where_locate_says(words, params):
    """The number at the user's index of the user's array is the number at ours."""
    user = User(words, params)
    case, wrapped = user.case(), user.wrap()
    output, h_n = wrapped.forward(case)
    canonical = {**case.parameters, "x": case.x, "h0": case.h0, "output": output, "h_n": h_n}
    own = {role: name for name, role in ROLES.items()}
    for array, values in canonical.items():
        assert wrapped.locate(array, ()).array == own.get(array, array)
        assert wrapped.locate(array, ()).index == ()
        for index in np.ndindex(values.shape):
            place = wrapped.locate(array, index)
            assert place.array == own.get(array, array)
            assert user.seen[place.array][place.index] == values[index]


def test_a_place_reads_as_the_user_writes_it():
    wrapped = User({**TURNED, "b": "hidden 1"}).wrap()
    assert str(wrapped.locate("weight_hh_l0", (1, 4))) == "W[4, 1]"
    assert str(wrapped.locate("bias_ih_l0", (3,))) == "b[3, 0]"
    assert str(wrapped.locate("x", (2, 1, 3))) == "x[1, 0, 3, 2]"
    assert str(wrapped.locate("weight_ih_l0", ())) == "U"


@pytest.mark.parametrize("words", [CANONICAL, TURNED], ids=["torch's", "turned"])
def test_the_arrays_are_the_users_own(words):
    """Whatever he writes into them, the case keeps its numbers."""
    user = User(words, "UWbc")
    case = user.case()
    before = case.copy()

    def scribble(params: Any, *arrays: Any) -> Any:
        for array in (*params.values(), *arrays):
            assert array.flags.writeable
            array[...] = np.nan
        raise KeyboardInterrupt

    params = {name: words[name] for name in user.params}
    wrapped = wrap(
        scribble, scribble, x=words["x"], h0=words["h0"], output=words["output"], params=params
    )
    for call in (wrapped.forward, wrapped.gradients):
        with pytest.raises(KeyboardInterrupt):
            call(case)
    for (name, array), (_, kept) in zip(case.arrays(), before.arrays(), strict=True):
        assert_same_bits(array, kept, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_arrays_have_the_dtype_of_the_case(dtype):
    user = User(TURNED)
    user.wrap().forward(user.case().astype(dtype))
    assert {array.dtype.name for array in user.seen.values()} == {dtype}
