"""`torch.nn.RNN` as an implementation. Importing this module imports torch."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.utils._python_dispatch import TorchDispatchMode

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.spec import RNNSpec

Build = Callable[[RNNSpec, float, torch.dtype], torch.nn.Module]


def build_rnn(spec: RNNSpec, dropout: float, dtype: torch.dtype) -> torch.nn.Module:
    """A `torch.nn.RNN` for the spec, time-major, with this probability of dropout."""
    return torch.nn.RNN(
        spec.input_size, spec.hidden_size, spec.num_layers, spec.nonlinearity, spec.bias,
        False, dropout, spec.bidirectional, dtype=dtype,
    )  # fmt: skip


class TorchRNN:
    """A module with the call and the parameters of `torch.nn.RNN`, loaded with each case's own.

    The gradients are those of torch's autograd. Lengths go through a `PackedSequence`, and dropout
    masks are imposed on torch's own dropout. torch knows neither sigmoid nor identity, no readout,
    no truncated BPTT, no generation, and refuses a length of 0.
    """

    capabilities = Capabilities(
        nonlinearities=("tanh", "relu"), readouts=(), truncation=False, outputs=("all",),
        generation=False, second_order=True, keeps_dtype=True, validates=("shapes", "dtypes"),
    )  # fmt: skip

    takes_unbatched = True

    def __init__(self, build: Build = build_rnn, name: str = "torch") -> None:
        self._build, self.name = build, name

    def forward(self, case: Case) -> Forward:
        """Output and final state of the module on the case."""
        with torch.no_grad():
            output, h_n = self._run(case, self._module(case), *_inputs(case))
        return Forward(output.numpy(), h_n.numpy())

    def gradients(self, case: Case) -> Gradients:
        """autograd's gradient of `<d_output, output> + <d_h_n, h_n>`."""
        leaves, found = self._gradients(case, create_graph=False)
        return _arrays(leaves, found, case)

    def hessian_vector(self, case: Case, vectors: Gradients) -> Gradients:
        """autograd's gradient of <gradients, v>."""
        leaves, found = self._gradients(case, create_graph=True)
        pairs = [(g, torch.tensor(vectors[n])) for n, g in zip(leaves, found, strict=True)]
        along = [(g * v).sum() for g, v in pairs if g is not None and g.requires_grad]
        if not along:
            return _arrays(leaves, (None,) * len(leaves), case)
        total = torch.stack(along).sum()
        return _arrays(
            leaves, torch.autograd.grad(total, list(leaves.values()), allow_unused=True), case
        )

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        """The module as its users call it. It knows no lengths: these are `pack_padded_sequence`'s."""
        tensors = {name: torch.tensor(array) for name, array in arrays.items()}
        parameters = {name: tensors[name] for name in spec.parameter_shapes()}
        module = self._build(spec, 0.0, next(iter(parameters.values())).dtype)
        module.load_state_dict(parameters)
        floats = [tensors[name] for name in ("x", "h0")]
        x, h0 = (t.requires_grad_() if t.is_floating_point() else t for t in floats)
        results = module(x, h0)
        named = {
            name: r.detach().numpy() for name, r in zip(("output", "h_n"), results, strict=True)
        }
        if "d_output" not in tensors:
            return named
        leaves = {**dict(module.named_parameters()), "x": x, "h0": h0}
        cotangents = (tensors["d_output"], tensors["d_h_n"])
        found = torch.autograd.grad(results, list(leaves.values()), cotangents)
        return named | {n: g.numpy() for n, g in zip(leaves, found, strict=True)}

    def _gradients(
        self, case: Case, create_graph: bool
    ) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor | None, ...]]:
        module = self._module(case)
        x, h0 = (array.requires_grad_() for array in _inputs(case))
        leaves = {**dict(module.named_parameters()), "x": x, "h0": h0}
        d_output = np.where(case.output_padding()[..., None], 0.0, case.d_output)
        cotangents = (torch.tensor(d_output, dtype=x.dtype), torch.tensor(case.d_h_n.copy()))
        results = self._run(case, module, x, h0)
        return leaves, torch.autograd.grad(
            results, list(leaves.values()), cotangents, allow_unused=True, create_graph=create_graph
        )

    def _module(self, case: Case) -> torch.nn.Module:
        dtype = getattr(torch, case.dtype.name)
        module = self._build(case.spec, _dropout_probability(case.dropout_masks), dtype)
        module.load_state_dict({n: torch.tensor(a.copy()) for n, a in case.parameters.items()})
        return module.train(case.dropout_masks is not None)

    def _run(
        self, case: Case, module: torch.nn.Module, x: torch.Tensor, h0: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with _imposed(case):
            output, h_n = module(_packed(x, case), h0)
        if isinstance(output, PackedSequence):
            output, _ = pad_packed_sequence(output, total_length=case.T)
        return output, h_n


def _arrays(
    leaves: dict[str, torch.Tensor], found: tuple[torch.Tensor | None, ...], case: Case
) -> Gradients:
    """What autograd found, by name; 0 for what the result does not depend on."""
    return {
        name: np.zeros(tuple(leaf.shape), case.dtype) if g is None else g.detach().numpy()
        for (name, leaf), g in zip(leaves.items(), found, strict=True)
    }


def _inputs(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """In memory of their own and in order: torch takes no negative strides."""
    return torch.tensor(case.x.copy()), torch.tensor(case.h0.copy())


def _packed(sequence: torch.Tensor, case: Case) -> torch.Tensor | PackedSequence:
    """The sequence itself, or packed by the lengths; those that are sorted are said to be."""
    if case.lengths is None:
        return sequence
    lengths = torch.tensor(case.lengths, dtype=torch.int64)
    in_order = bool((lengths[:-1] >= lengths[1:]).all())
    return pack_padded_sequence(sequence, lengths, enforce_sorted=in_order)


def _dropout_probability(masks: Array | None) -> float:
    """p of masks that hold 0 and 1/(1-p). ValueError if they hold anything else."""
    if masks is None:
        return 0.0
    kept = np.unique(masks[masks != 0])
    if kept.size > 1 or (kept < 1).any():
        raise ValueError(
            f"dropout_masks hold {kept.tolist()}; torch's dropout multiplies by 0 or by one 1/(1-p)"
        )
    return 1.0 - 1.0 / float(kept[0]) if kept.size else 0.5


def _imposed(case: Case) -> AbstractContextManager[object]:
    return nullcontext() if case.dropout_masks is None else _ImposedMasks(_masks(case))


def _masks(case: Case) -> Iterator[torch.Tensor]:
    """What each layer's dropout keeps, in the layout in which torch asks for it."""
    assert case.dropout_masks is not None
    for mask in case.dropout_masks:
        packed = _packed(torch.tensor(mask != 0), case)
        yield packed.data if isinstance(packed, PackedSequence) else packed


class _ImposedMasks(TorchDispatchMode):
    """torch draws its dropout by `bernoulli_`: it gets the case's masks instead, layer by layer."""

    def __init__(self, masks: Iterator[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._masks = masks

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401 - torch's signature
        if func is torch.ops.aten.bernoulli_.float:
            return args[0].copy_(next(self._masks))
        return func(*args, **(kwargs or {}))
