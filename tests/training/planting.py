"""Wrong implementations for lockstep, right up to the step at which their fault begins."""

from dataclasses import replace

import numpy as np

from rnncheck.implementations.faulty.plain import Plain
from rnncheck.training.backends.autodiff import Autodiff


class Planted(Autodiff):
    """`autodiff`, which goes wrong at the step `begins`, counted from 1."""

    begins = 1

    def __init__(self, links, dtype="float64"):
        super().__init__(links, dtype)
        self.steps = 0

    def train_step(self, parameters, trained, batch, rule, states):
        self.steps += 1
        if self.steps < self.begins:
            return super().train_step(parameters, trained, batch, rule, states)
        return self.wrong_step(parameters, trained, batch, rule, states)

    def wrong_step(self, *arguments):
        return super().train_step(*arguments)

    @property
    def is_wrong(self):
        return self.steps >= self.begins


class WrongNetwork(Planted):
    """A fault of the catalogue in the recurrent layers."""

    network = Plain()

    def run_rnn(self, *arguments):
        run = self.network.run if self.is_wrong else super().run_rnn
        return run(*arguments)

    def rnn_back(self, tape, *cotangents):
        back = self.network.run_backward if self.is_wrong else super().rnn_back
        return back(tape, *cotangents)


class WrongLinear(Planted):
    """The weights of linear layers get a gradient that is off by 1e-9 of itself."""

    def linear_back(self, tape, d_output):
        found = super().linear_back(tape, d_output)
        if not self.is_wrong:
            return found
        return {**found, "weight": found["weight"] * (1 + 1e-9)}


class AltersTheStep(Planted):
    """Something of what comes of a right step is another one."""

    def wrong_step(self, *arguments):
        return self.altered(super().wrong_step(*arguments))


class WrongLoss(AltersTheStep):
    def altered(self, step):
        return replace(step, loss=step.loss * (1 + 1e-9))


class WrongOptimizer(AltersTheStep):
    def altered(self, step):
        return replace(step, parameters={n: a * (1 + 1e-9) for n, a in step.parameters.items()})


class ForgetsItsState(AltersTheStep):
    def altered(self, step):
        name = next(iter(step.states))
        return replace(step, states={**step.states, name: {
            key: np.zeros_like(array) for key, array in step.states[name].items()
        }})  # fmt: skip


class NotANumber(AltersTheStep):
    def altered(self, step):
        return replace(step, output=np.full_like(step.output, np.nan))


class WrongShape(AltersTheStep):
    def altered(self, step):
        name = next(iter(step.parameters))
        return replace(step, gradients={**step.gradients, name: step.gradients[name].T})


class LacksAGradient(AltersTheStep):
    def altered(self, step):
        return replace(step, gradients={n: g for n, g in step.gradients.items() if n != "x"})


class Raises(Planted):
    def wrong_step(self, *arguments):
        raise ZeroDivisionError("no gradient today")


class WritesIntoItsArguments(Planted):
    def wrong_step(self, parameters, trained, batch, rule, states):
        step = super().wrong_step(parameters, trained, batch, rule, states)
        for array in (*parameters.values(), batch.x, batch.target):
            array[...] = 7.0
        return step
