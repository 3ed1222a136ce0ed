"""The complex step on somebody's own network: nothing stays behind, and what drops parts is no finding."""

from typing import Any

import networks
import numpy as np
from altered_networks import fails, trials, verdicts

from rnncheck.case import Array
from rnncheck.implementation import Implementation
from rnncheck.properties.gradients import gradient_matches_complex_step
from rnncheck.properties.outcome import NotApplicable


class Remembering:
    """A right network that keeps its last states, and takes numbers of any kind."""

    def forward(self, params: Any, x: Array, h0: Array) -> Any:
        h, self.states = h0, [h0]
        for step in x:
            h = np.tanh(step @ params["W_ih"].T + h @ params["W_hh"].T + params["b"])
            self.states.append(h)
        return np.array(self.states[1:]), h


def test_complex_numbers_are_forgotten() -> None:
    network = Remembering()
    subject = networks.wrap(network.forward, networks.backward, "remembering")
    words = set()
    for trial in trials(subject, 12):
        _ = trial.forward, trial.gradients
        before = [state.copy() for state in network.states]
        try:
            words.add(gradient_matches_complex_step(trial).failed)
        except NotApplicable:
            continue
        assert [state.dtype for state in network.states] == [state.dtype for state in before]
        np.testing.assert_array_equal(network.states, before)
    assert words == {False}


def reasons(subject: Implementation) -> set[str]:
    found = verdicts("gradient_matches_complex_step", subject, 40)
    words = {(verdict.word, verdict.message.partition(":")[0]) for _, verdict in found}
    return {message for word, message in words if word != "passed"}


def test_a_buffer_of_floats_is_a_reason() -> None:
    assert "its code does not run on complex numbers" in reasons(networks.right)


def test_a_function_that_drops_the_imaginary_part_is_no_finding() -> None:
    def absolute(a: Array) -> Array:
        return np.where(a >= 0, np.tanh(np.abs(a)), -np.tanh(np.abs(a)))

    def forward(params: Any, x: Array, h0: Array) -> Any:
        h, states = h0, []
        for step in x:
            a = step @ params["W_ih"].T + h @ params["W_hh"].T + params["b"]
            h = absolute(a) + 0 * a
            states.append(h)
        return np.array(states), h

    subject = networks.wrap(forward, networks.backward, "absolute")
    assert "its code drops imaginary parts, as far as differences can tell" in reasons(subject)
    assert not fails("gradient_matches_complex_step", subject, 40)
