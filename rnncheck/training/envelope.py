"""The envelope of one whole training step: how far each number may be off that comes of it.

The step is computed as it stands, and again `noise.SAMPLES` times with every operation off by as much as
it may be, from the first layer to the updated parameters: recurrent layers by `oracles.sampled`, linear
layers, loss, clipping and optimizer by `oracles.noisy`. As in `oracles.envelope` what is allowed
is `SAFETY` times the largest deviation, plus rounding of the result; where it is inf, nothing can be said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import numpy as np

from rnncheck.case import Array, Case, IntArray
from rnncheck.oracles.envelope import chaotic_from
from rnncheck.oracles.noise import Noise, Samples
from rnncheck.oracles.noisy import Noisy, allowance, samples_of
from rnncheck.oracles.sampled import SampledNetwork
from rnncheck.training.chain import Link, masked
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.linear import Activated, linear, linear_back
from rnncheck.training.optimizers import State, updated
from rnncheck.training.step import Batch, Rule, clipped


class StepEnvelope(NamedTuple):
    """Of every array of a step, by the names of `step_arrays`: its value, and how far it may be off.

    cases: each recurrent layer alone, by place, with the x and the cotangent that reach it in this step.
    chaotic: rounding fills some row's state, so that the step says nothing. overflowed: so does
    a value beyond the dtype's range.
    """

    values: dict[str, Array]
    allowed: dict[str, Array]
    cases: dict[str, Case]
    chaotic: bool
    overflowed: bool


def step_arrays(
    loss: Array, output: Array, gradients: Mapping[str, Array], parameters: Mapping[str, Array],
    states: Mapping[str, State],
) -> dict[str, Array]:  # fmt: skip
    """All that comes of a step, in the order in which one follows from the other."""
    found = {"output": output, "loss": loss}
    found |= {f"gradient of {name}": array for name, array in gradients.items()}
    found |= {f"updated {name}": array for name, array in parameters.items()}
    for name, state in states.items():
        found |= {f"{key} of {name}": array for key, array in state.items()}
    return found


def step_envelope(
    links: tuple[Link, ...],
    parameters: Mapping[str, Array],
    trained: tuple[str, ...],
    batch: Batch,
    rule: Rule,
    states: Mapping[str, State],
) -> StepEnvelope:
    """The envelope of `Backend.train_step` with these arguments, in the dtype of the parameters."""
    dtype = next(iter(parameters.values())).dtype
    plain, erring = _Step(dtype, quiet=True), _Step(dtype, quiet=False)
    with np.errstate(all="ignore"):
        exact, found = (
            step.run(links, parameters, trained, batch, rule, states) for step in (plain, erring)
        )
        values = {name: samples_of(array)[0] for name, array in exact.items()}
        noise = Noise(dtype)
        allowed = {name: allowance(found[name], values[name], noise) for name in values}
    pairs = zip(plain.networks.values(), erring.networks.values(), strict=True)
    chaotic = any(
        bool((start < one.T).any())
        for one, other in pairs
        for start in chaotic_from(one, other).values()
    )
    overflowed = any(noise.overflowed for noise in erring.noises)
    return StepEnvelope(values, allowed, plain.cases(links), chaotic, overflowed)


@dataclass
class _Step:
    """One run of a step, all of its samples at once; quiet: without errors, as one sample.

    networks, arriving: each application of a recurrent layer, and the cotangent that it got.
    """

    dtype: np.dtype[Any]
    quiet: bool
    noises: list[Noise] = field(default_factory=list)
    networks: dict[str, SampledNetwork] = field(default_factory=dict)
    arriving: dict[str, Samples] = field(default_factory=dict)

    def run(
        self, links: tuple[Link, ...], parameters: Mapping[str, Array], trained: tuple[str, ...],
        batch: Batch, rule: Rule, states: Mapping[str, State],
    ) -> dict[str, Array]:  # fmt: skip
        """Every array of the step, a `Noisy` each."""
        noise = self._noise()
        x = self._noisy(np.broadcast_to(batch.x, (noise.samples, *batch.x.shape)), noise)
        output, tape = self._forward(links, parameters, x, batch.lengths, "")
        loss = rule.loss.value(output, batch.target, batch.output_lengths)
        d_output = rule.loss.cotangent(output, batch.target, batch.output_lengths)
        d_x, gradients = self._backward(tape, d_output, parameters)
        used = clipped(rule, gradients, trained)
        own = {name: parameters[name] for name in trained}
        new, after = updated(rule.optimizer, own, used, states, rule.lr)
        return step_arrays(
            cast(Array, loss), output, {**gradients, "x": d_x}, {**parameters, **new}, after
        )

    def cases(self, links: tuple[Link, ...]) -> dict[str, Case]:
        """By place, each recurrent layer alone; of one that is iterated, its last time."""
        return {
            place.partition("#")[0]: network.case.replace(
                x=network.x[0].astype(self.dtype),
                d_output=self.arriving[place][0].astype(self.dtype),
            )
            for place, network in self.networks.items()
        }

    def _noise(self) -> Noise:
        """Every part errs in its own way, the same in every run of the same step."""
        self.noises.append(Noise(self.dtype, seed=len(self.noises), quiet=self.quiet))
        return self.noises[-1]

    def _noisy(self, samples: Samples, noise: Noise) -> Array:
        return cast(Array, Noisy(samples.astype(np.float64), noise))

    def _forward(
        self, links: tuple[Link, ...], parameters: Mapping[str, Array], z: Array,
        lengths: IntArray | None, time: str,
    ) -> tuple[Array, list[tuple[Link, IntArray | None, Any]]]:  # fmt: skip
        tape: list[tuple[Link, IntArray | None, Any]] = []
        for link in links:
            z = _masked(z, lengths)
            own: Any
            match link.layer:
                case RNN() as layer:
                    own = link.prefix + time
                    z = self._recurrent(own, link, layer, parameters, z, lengths)
                case Linear() as layer:
                    own = linear(link.own(parameters), z, layer.activation)
                    z = own.y
                case Iterated() as layer:
                    z, own = self._iterate(link, layer.times, parameters, z)
            lengths = link.lengths_after(lengths)
            z = _masked(z, lengths)
            tape.append((link, lengths, own))
        return z, tape

    def _recurrent(
        self, place: str, link: Link, layer: RNN, parameters: Mapping[str, Array], z: Array,
        lengths: IntArray | None,
    ) -> Array:  # fmt: skip
        noise, spec = self._noise(), layer.spec(link.in_features)
        shapes = spec.array_shapes(*z.shape[:2])
        zeros = {
            name: np.zeros(shapes[name], self.dtype) for name in ("x", "h0", "d_output", "d_h_n")
        }
        case = Case(
            spec, link.own(parameters), **zeros, lengths=lengths,
            origin=f"layer {link.prefix} in a step of training",
        )  # fmt: skip
        self.networks[place] = SampledNetwork(case, noise, x=samples_of(z))
        return self._noisy(self.networks[place].forward()[0], noise)

    def _iterate(
        self, link: Link, times: int, parameters: Mapping[str, Array], z: Array
    ) -> tuple[Array, list[Any]]:
        outputs, tapes = [], []
        for time in range(times):
            z, tape = self._forward(link.links, parameters, z, None, f"#{time}")
            outputs.append(z)
            tapes.append(tape)
        return np.concatenate(outputs), tapes

    def _backward(
        self,
        tape: list[tuple[Link, IntArray | None, Any]],
        d: Array,
        parameters: Mapping[str, Array],
    ) -> tuple[Array, dict[str, Array]]:
        found: dict[str, Array] = {}
        for link, lengths, own in reversed(tape):
            d = _masked(d, lengths)
            match link.layer:
                case RNN():
                    gradients = self._recurrent_back(own, d)
                    d, new = gradients["x"], link.named(gradients)
                case Linear():
                    assert isinstance(own, Activated)
                    gradients = linear_back(own, d)
                    d, new = gradients["x"], link.named(gradients)
                case Iterated():
                    d, new = self._iterate_back(own, d, parameters)
            found = new | found
        return d, found

    def _recurrent_back(self, place: str, d: Array) -> dict[str, Array]:
        network = self.networks[place]
        self.arriving[place] = samples_of(d)
        gradients = network.backward(self.arriving[place])
        return {name: self._noisy(samples, network.noise) for name, samples in gradients.items()}

    def _iterate_back(
        self, tapes: list[Any], d: Array, parameters: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        d_x, total = self._backward(tapes[-1], d[-1:], parameters)
        for index in reversed(range(len(tapes) - 1)):
            d_x, found = self._backward(tapes[index], d[index : index + 1] + d_x, parameters)
            total = {name: total[name] + found[name] for name in total}
        return d_x, total


def _masked(z: Array, lengths: IntArray | None) -> Array:
    return z if lengths is None else masked(z, lengths)
