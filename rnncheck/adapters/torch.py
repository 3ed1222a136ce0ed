"""`torch.nn.RNN` as an implementation. Importing this module imports torch."""

from collections.abc import Callable

import numpy as np
import torch

from rnncheck.case import Case
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.spec import RNNSpec

Build = Callable[[RNNSpec, torch.dtype], torch.nn.Module]


def build_rnn(spec: RNNSpec, dtype: torch.dtype) -> torch.nn.Module:
    """A `torch.nn.RNN` for the spec, time-major."""
    return torch.nn.RNN(
        spec.input_size, spec.hidden_size, spec.num_layers, spec.nonlinearity, spec.bias,
        False, 0.0, spec.bidirectional, dtype=dtype,
    )  # fmt: skip


class TorchRNN:
    """A module with the call and the parameters of `torch.nn.RNN`, loaded with each case's own.

    The gradients are those of torch's autograd. Packed sequences and dropout are not given to it
    yet; torch knows neither sigmoid nor identity, no readout and no truncated BPTT.
    """

    name = "torch"
    capabilities = Capabilities(
        nonlinearities=("tanh", "relu"), readouts=(), lengths=False, dropout=False,
        truncation=False,
    )  # fmt: skip

    def __init__(self, build: Build = build_rnn, name: str = "torch") -> None:
        self._build, self.name = build, name

    def forward(self, case: Case) -> Forward:
        """Output and final state of the module on the case."""
        with torch.no_grad():
            output, h_n = self._module(case)(torch.tensor(case.x), torch.tensor(case.h0))
        return Forward(output.numpy(), h_n.numpy())

    def gradients(self, case: Case) -> Gradients:
        """autograd's gradient of `<d_output, output> + <d_h_n, h_n>`."""
        module = self._module(case)
        x = torch.tensor(case.x, requires_grad=True)
        h0 = torch.tensor(case.h0, requires_grad=True)
        leaves = {**dict(module.named_parameters()), "x": x, "h0": h0}
        cotangents = (torch.tensor(case.d_output), torch.tensor(case.d_h_n))
        found = torch.autograd.grad(
            module(x, h0), list(leaves.values()), cotangents, allow_unused=True
        )
        return {
            name: np.zeros(tuple(leaf.shape), case.dtype) if g is None else g.numpy()
            for (name, leaf), g in zip(leaves.items(), found, strict=True)
        }

    def _module(self, case: Case) -> torch.nn.Module:
        module = self._build(case.spec, getattr(torch, case.dtype.name))
        module.load_state_dict({n: torch.tensor(a) for n, a in case.parameters.items()})
        return module
