"""The laws of purity hold for right networks; each finds what writes, remembers or shares."""

from typing import Any

import networks
import numpy as np
import pytest
from families import RIGHT_ONES, failures, laws, require_kept, verdicts, wrong_arrays

from rnncheck.properties.registry import Check

LAWS = {law.id: law for law in laws("purity")}
Arrays = dict[str, Any]


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(("name", "count"), RIGHT_ONES)
def test_right_networks_keep_the_laws(name: str, count: int, law: Check) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    require_kept(name, count, law)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_network_of_ones_own_keeps_the_laws(law: Check) -> None:
    found = [v for _, v in verdicts(law, networks.right, 20)]
    assert {v.word for v in found} <= {"passed", "not_applicable", "refused"}
    assert sum(v.outcome is not None and v.outcome.witness for v in found) > len(found) / 3


def forward_into_x(params: Arrays, x: Any, h0: Any) -> Any:
    result = networks.forward(params, x, h0)
    x -= x.mean()
    return result


def forward_into_h0(params: Arrays, x: Any, h0: Any) -> Any:
    states, h = networks.forward(params, x, h0)
    h0[...] = h
    return states, h0


def forward_into_W_hh(params: Arrays, x: Any, h0: Any) -> Any:
    params["W_hh"] *= 0.99
    return networks.forward(params, x, h0)


def backward_into_d_h_n(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    gradients = networks.backward(params, x, h0, d_output, d_h_n)
    d_h_n += d_output[-1]
    return gradients


def backward_into_d_output(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    gradients = networks.backward(params, x, h0, d_output, d_h_n)
    d_output[-1] += d_h_n
    return gradients


class Noisy:
    """Dropout left on, or any other noise."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def forward(self, params: Arrays, x: Any, h0: Any) -> Any:
        states, h = networks.forward(params, x, h0)
        return states * (self.random.random(states.shape) > 0.1), h


class Accumulating:
    """Gradients added to those of the call before."""

    def __init__(self) -> None:
        self.sums: Arrays = {}

    def backward(self, params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
        found = networks.backward(params, x, h0, d_output, d_h_n)
        for name, array in found.items():
            before = self.sums.get(name)
            fits = before is not None and before.shape == array.shape
            self.sums[name] = before + array if fits else array
        return dict(self.sums)


class Stateful:
    """Goes on from the last state of the call before, if that fits."""

    def __init__(self) -> None:
        self.h: Any = np.zeros((0, 0))

    def forward(self, params: Arrays, x: Any, h0: Any) -> Any:
        start = self.h if self.h.shape == h0.shape else h0
        states, self.h = networks.forward(params, x, start)
        return states, self.h.copy()


class Taped:
    """Backward reads what the last forward left, whichever that was."""

    def __init__(self, copied: bool) -> None:
        self.states, self.copied = np.zeros(0), copied

    def forward(self, params: Arrays, x: Any, h0: Any) -> Any:
        self.states, h = networks.forward(params, x, h0)
        return (self.states.copy(), h) if self.copied else (self.states, h.copy())

    def backward(self, params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
        if self.states.shape[:1] != x.shape[:1]:
            self.forward(params, x, h0)
        gradients = networks.backward(params, x, h0, d_output, d_h_n)
        delta = d_output + self.states  # what it reads of the forward pass
        return gradients | {"b": gradients["b"] + delta.sum(axis=(0, 1))}


class Buffered:
    """Results in one buffer for each shape."""

    def __init__(self) -> None:
        self.buffers: dict[Any, Any] = {}

    def forward(self, params: Arrays, x: Any, h0: Any) -> Any:
        states, h = networks.forward(params, x, h0)
        buffer = self.buffers.setdefault(states.shape, states)
        buffer[...] = states
        return buffer, h


class Remembering:
    """Looks a result up where it gave it before; what was done to that meanwhile counts."""

    def __init__(self) -> None:
        self.results: dict[bytes, Any] = {}

    def forward(self, params: Arrays, x: Any, h0: Any) -> Any:
        key = x.tobytes() + h0.tobytes() + params["W_hh"].tobytes()
        if key not in self.results:
            self.results[key] = networks.forward(params, x, h0)
        states, h = self.results[key]
        return states.copy(), h


def forward_by_memory_order(params: Arrays, x: Any, h0: Any) -> Any:
    """As code in C does that takes every array for contiguous."""
    return networks.forward(params, x.ravel(order="K").reshape(x.shape), h0)


def forward_reshaping_in_place(params: Arrays, x: Any, h0: Any) -> Any:
    x[...] = 1.0 * x
    return networks.forward(params, x, h0)


def backward_shifting_in_place(
    params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any
) -> Arrays:
    d_output[-1] += d_h_n
    gradients = networks.backward(params, x, h0, d_output, np.zeros_like(d_h_n))
    d_output[-1] -= d_h_n
    return gradients


ARGUMENTS = [
    (networks.wrap(forward_into_x, networks.backward), "x after forward"),
    (networks.wrap(forward_into_h0, networks.backward), "h0 after forward"),
    (networks.wrap(forward_into_W_hh, networks.backward), "W_hh after forward"),
    (networks.wrap(networks.forward, backward_into_d_h_n), "d_h_n after backward"),
    (networks.wrap(networks.forward, backward_into_d_output), "d_output after backward"),
]


@pytest.mark.parametrize(("subject", "array"), ARGUMENTS)
def test_an_argument_that_is_written_into_is_named(subject: Any, array: str) -> None:
    names = wrong_arrays(failures(LAWS["arguments_stay_as_they_are"], subject))
    assert array in names
    assert not any(name.startswith(("b ", "W_ih ")) for name in names)


def test_noise_and_sums_that_go_on_are_found() -> None:
    law = LAWS["a_second_call_gives_the_same"]
    noisy = networks.wrap(Noisy().forward, networks.backward)
    assert wrong_arrays(failures(law, noisy)) == {"output in a second call"}
    sums = networks.wrap(networks.forward, Accumulating().backward)
    assert "the gradient for b in a second backward" in wrong_arrays(failures(law, sums))


@pytest.mark.parametrize("tape", [Stateful(), Taped(copied=True)], ids=["state", "tape"])
def test_what_one_call_leaves_for_another_is_found(tape: Any) -> None:
    backward = getattr(tape, "backward", networks.backward)
    subject = networks.wrap(tape.forward, backward)
    found = [v for v in failures(LAWS["calls_do_not_disturb_each_other"], subject) if v.outcome]
    names = wrong_arrays(found)
    wanted = "the gradient for b" if isinstance(tape, Taped) else "output"
    assert f"{wanted} with another call in between" in names


def messages(law: str, subject: Any) -> set[str]:
    return {verdict.message for verdict in failures(LAWS[law], subject)}


def test_results_in_the_memory_of_others_are_named() -> None:
    law = "results_are_memory_of_their_own"
    (buffer,) = messages(law, networks.wrap(Buffered().forward, networks.backward))
    assert buffer.startswith("output lies in the memory of output of the next call")
    (argument,) = messages(law, networks.wrap(forward_into_h0, networks.backward))
    assert argument.startswith("h_n lies in the memory of the argument h0")
    (result,) = messages(law, networks.wrap(Remembering().forward, networks.backward))
    assert result.startswith("h_n lies in the memory of h_n of the next call")


def test_a_backward_that_reads_the_callers_output_is_found() -> None:
    law = LAWS["backward_does_not_read_the_output"]
    found = failures(law, networks.wrap(*vars_of(Taped(copied=False))))
    name = "the gradient for b after NaN was written into the output"
    assert wrong_arrays(found) == {name}
    assert not failures(law, networks.wrap(*vars_of(Taped(copied=True))))


def vars_of(tape: Any) -> tuple[Any, Any]:
    return tape.forward, tape.backward


def test_an_assumed_memory_order_is_found() -> None:
    law = LAWS["memory_layout_does_not_matter"]
    found = failures(law, networks.wrap(forward_by_memory_order, networks.backward))
    assert wrong_arrays(found) & {"output", "h_n"}


def test_a_write_that_changes_nothing_is_found_by_read_only_arrays() -> None:
    law = "memory_layout_does_not_matter"
    found = messages(law, networks.wrap(forward_reshaping_in_place, networks.backward))
    assert all("read-only arrays with swapped axes, forward raised" in text for text in found)
    assert found
    broadcast_law = "broadcast_arguments_are_taken"
    subject = networks.wrap(networks.forward, backward_shifting_in_place)
    assert all("given broadcast arrays, backward" in t for t in messages(broadcast_law, subject))
    assert messages(broadcast_law, subject)


def forward_of_contiguous(params: Arrays, x: Any, h0: Any) -> Any:
    if not (x.flags.c_contiguous and all(p.flags.c_contiguous for p in params.values())):
        raise ValueError("ndarray is not C-contiguous")
    return networks.forward(params, x, h0)


def test_to_refuse_a_layout_in_words_is_no_fault() -> None:
    subject = networks.wrap(forward_of_contiguous, networks.backward)
    for law in ("memory_layout_does_not_matter", "broadcast_arguments_are_taken"):
        assert not failures(LAWS[law], subject)
