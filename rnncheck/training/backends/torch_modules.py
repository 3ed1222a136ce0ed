"""The layers as torch modules, `torch.nn.RNN` and `torch.nn.Linear` wherever torch knows the layer.

Their state dict has the names of `Sequential.parameters`. A single network is tanh or ReLU with its
whole gradient; for the sigmoid, the identity and a truncated gradient, which torch's RNN does not
know, and for rows without steps, which it refuses, `Recurrent` writes the steps out in torch's operations.
"""

from collections.abc import Callable, Mapping

import torch
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncheck.spec import RNNSpec
from rnncheck.training.chain import Link
from rnncheck.training.layers import RNN, Iterated, Linear

Tensor = torch.Tensor
States = dict[str, Tensor]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda a: a,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda a: torch.softmax(a, dim=-1),
}


class Recurrent(torch.nn.RNN):
    """`torch.nn.RNN` with a readout, single outputs and generated steps around it."""

    def __init__(self, layer: RNN, spec: RNNSpec, dtype: torch.dtype) -> None:
        known = spec.nonlinearity if spec.nonlinearity in ("tanh", "relu") else "tanh"
        super().__init__(
            spec.input_size, spec.hidden_size, spec.num_layers, known, spec.bias,
            bidirectional=spec.bidirectional, dtype=dtype,
        )  # fmt: skip
        self.spec, self.known = spec, known == spec.nonlinearity and spec.truncation is None
        for name, shape in spec.parameter_shapes().items():
            if name in ("weight_ho", "bias_o"):
                self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape, dtype=dtype)))
            if layer.biases == 1 and name.startswith("bias_hh"):
                torch.nn.init.zeros_(getattr(self, name))

    def run(self, x: Tensor, h: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """`output` and `h_n`, of x (T, B, I) and the states h (L·D, B, H)."""
        output, h = self._given(x, h, lengths)
        outputs = [output]
        for _ in range(self.spec.generated):
            output, h = self._given(outputs[-1][-1:], h, None)
            outputs.append(output)
        return torch.cat(outputs), h

    def _given(self, x: Tensor, h0: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """The steps that have an x, read out."""
        n = torch.full((x.shape[1],), len(x)) if lengths is None else lengths
        refused = 0 in x.shape or bool((n == 0).any())
        if refused or not self.known:
            states, h_n = self._written_out(x, h0, n)
        elif lengths is None:
            states, h_n = self(x, h0)
        else:
            packed, h_n = self(pack_padded_sequence(x, n, enforce_sorted=False), h0)
            states, _ = pad_packed_sequence(packed, total_length=len(x))
        if self.spec.outputs == "final":
            return self._read(torch.cat(list(h_n[-self.spec.num_directions :]), dim=-1)[None]), h_n
        valid = torch.arange(len(x))[:, None] < n
        if self.spec.outputs == "last":
            last = torch.arange(len(x))[:, None] == n - 1
            states = torch.where(last[..., None], states, 0.0).sum(0, keepdim=True)
            valid = (n > 0)[None]
        return torch.where(valid[..., None], self._read(states), 0.0), h_n

    def _read(self, states: Tensor) -> Tensor:
        if self.spec.output_size is None:
            return states
        a = linear(states, self._weight("weight_ho"), self._bias("bias_o"))
        return ACTIVATIONS[self.spec.readout](a)

    def _written_out(self, z: Tensor, h0: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        """What `torch.nn.RNN` computes, one layer, direction and step at a time; truncated if asked for."""
        finals: list[Tensor] = []
        for layer in range(self.spec.num_layers):
            halves = []
            for direction in range(self.spec.num_directions):
                suffix = self.spec.suffix(layer, direction)
                states, last = self._cell(suffix, z, h0[len(finals)], n, bool(direction))
                halves.append(states)
                finals.append(last)
            z = torch.cat(halves, dim=-1)
        return z, torch.stack(finals)

    def _cell(
        self, suffix: str, z: Tensor, h0: Tensor, n: Tensor, reverse: bool
    ) -> tuple[Tensor, Tensor]:
        """The states (T, B, H), 0 in the padding, and the last one."""
        order = range(len(z))[::-1] if reverse else range(len(z))
        carried, k = [h0], self.spec.truncation  # carried[s]: the state before the s-th step taken
        cut = [h0]
        for s, t in enumerate(order):
            carried.append(self._step(suffix, z[t], carried[s], t < n))
            if k is None or s <= k:
                cut.append(carried[-1])
                continue
            h = carried[s - k].detach()
            for r in order[s - k : s + 1]:
                h = self._step(suffix, z[r], h, r < n)
            cut.append(torch.where((t < n)[:, None], h, cut[-1]))
        states = cut[:0:-1] if reverse else cut[1:]
        valid = torch.arange(len(z))[:, None] < n
        if not states:
            return z.new_zeros((0, *h0.shape)), cut[-1]
        return torch.where(valid[..., None], torch.stack(states), 0.0), cut[-1]

    def _step(self, suffix: str, z: Tensor, h: Tensor, valid: Tensor) -> Tensor:
        """The next state of the rows that have the step; the others keep theirs."""
        a = linear(z, self._weight(f"weight_ih_{suffix}"), self._bias(f"bias_ih_{suffix}"))
        b = linear(h, self._weight(f"weight_hh_{suffix}"), self._bias(f"bias_hh_{suffix}"))
        return torch.where(valid[:, None], ACTIVATIONS[self.spec.nonlinearity](a + b), h)

    def _weight(self, name: str) -> Tensor:
        weight: Tensor = getattr(self, name)
        return weight

    def _bias(self, name: str) -> Tensor | None:
        return getattr(self, name, None)


class Row(torch.nn.Module):
    """Layers one after the other, under the names "0", "1", ..., as in a `torch.nn.Sequential`."""

    def __init__(self, links: tuple[Link, ...], dtype: torch.dtype) -> None:
        super().__init__()
        self.links = links
        for index, link in enumerate(links):
            match link.layer:
                case RNN() as layer:
                    module: torch.nn.Module = Recurrent(layer, layer.spec(link.in_features), dtype)
                case Linear() as layer:
                    module = torch.nn.Linear(
                        link.in_features, layer.out_features, layer.bias, dtype=dtype
                    )
                case Iterated():
                    module = Row(link.links, dtype)
            self.add_module(str(index), module)

    def run(
        self, x: Tensor, lengths: Tensor | None, states: Mapping[str, Tensor]
    ) -> tuple[Tensor, States]:
        """The output of the last layer, and each `RNN`'s final state by place."""
        z, final = _masked(x, lengths), {}
        for link, module in zip(self.links, self.children(), strict=True):
            match module:
                case Recurrent():
                    spec = module.spec
                    zero = z.new_zeros((spec.num_states, z.shape[1], spec.hidden_size))
                    z, final[link.prefix] = module.run(z, states.get(link.prefix, zero), lengths)
                    lengths = lengths if spec.outputs == "all" else None
                case torch.nn.Linear():
                    assert isinstance(link.layer, Linear)
                    z = _masked(ACTIVATIONS[link.layer.activation](module(z)), lengths)
                case Row():
                    z = self._iterate(link, module, z)
        return z, final

    def _iterate(self, link: Link, row: "Row", z: Tensor) -> Tensor:
        assert isinstance(link.layer, Iterated)
        outputs = []
        for _ in range(link.layer.times):
            z, _ = row.run(z, None, {})
            outputs.append(z)
        return torch.cat(outputs)


def _masked(z: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return z
    return torch.where((torch.arange(len(z))[:, None] < lengths)[..., None], z, 0.0)
