"""The class `RNN` against `torch.nn.RNN`: results and gradients, in all three layouts.

The tolerance of every comparison: a correct network strays from the true value by no more than
the envelope allows on this very case; torch and ours are both correct, so that they lie at most
twice as far apart.
"""

import inspect
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from contract.drawing import assert_same_bits

from rnncheck.case import Case
from rnncheck.implementations import autodiff, manual, scalar
from rnncheck.oracles.envelope import Envelope, envelope
from rnncheck.spec import RNNSpec

T, B, I, H = 4, 3, 2, 5  # noqa: E741
LAYOUTS = ["time-major", "batch-first", "unbatched"]
SPECS = [
    RNNSpec(I, H),
    RNNSpec(I, H, 2, "tanh", True, True),
    RNNSpec(I, H, 3, "relu", False),
    RNNSpec(I, H, 2, "relu", True, True),
]


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def torch_network(torch: Any, spec: RNNSpec, layout: str, dtype: str) -> Any:
    torch.manual_seed(0)
    return torch.nn.RNN(
        spec.input_size, spec.hidden_size, spec.num_layers, spec.nonlinearity, spec.bias,
        layout == "batch-first", 0.0, spec.bidirectional, dtype=getattr(torch, dtype),
    )  # fmt: skip


def our_network(reference: Any, spec: RNNSpec, layout: str, dtype: str) -> Any:
    options = {} if reference is scalar else {"dtype": dtype}
    return reference.RNN(
        spec.input_size, spec.hidden_size, spec.num_layers, spec.nonlinearity, spec.bias,
        layout == "batch-first", 0.0, spec.bidirectional, **options,
    )  # fmt: skip


def laid_out(name: str, array: Any, layout: str) -> Any:
    """A time-major array of a case in the layout: only sequences are exchanged or cut."""
    if name in ("x", "output", "d_output"):
        if layout == "batch-first":
            return array.transpose(1, 0, 2)
        return array[:, 0] if layout == "unbatched" else array
    if name in ("h0", "h_n", "d_h_n") and layout == "unbatched":
        return array[:, 0]
    return array


@lru_cache
def case_of(torch: Any, spec: RNNSpec, layout: str, with_h0: bool, dtype: str) -> Any:
    """A case with torch's own first parameters, and its envelope."""
    random = np.random.default_rng(len(spec.parameter_shapes()))
    shapes = spec.array_shapes(T, 1 if layout == "unbatched" else B)
    arrays = {
        name: random.standard_normal(shapes[name]).astype(dtype)
        for name in ("x", "h0", "d_output", "d_h_n")
    }
    if not with_h0:
        arrays["h0"][...] = 0.0
    state = torch_network(torch, spec, layout, dtype).state_dict()
    case = Case(spec=spec, parameters={n: t.numpy() for n, t in state.items()}, **arrays)
    allowed = envelope(case)
    assert not allowed.chaotic
    assert allowed.near_kinks == 0, "at a kink of ReLU the derivative would be a convention"
    return case, allowed


def assert_equal_to_torch(found: Any, theirs: Any, name: str, allowed: Envelope, layout: str):
    expected = theirs.detach().numpy()
    assert found.shape == expected.shape, name
    allowance = allowed[name]
    assert allowance.telling.all(), name
    apart = np.abs(found.astype(np.float64) - expected)
    assert (apart <= 2 * laid_out(name, allowance.allowed, layout)).all(), name


@pytest.mark.parametrize("reference", [manual, autodiff, scalar], ids=["manual", "auto", "scalar"])
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("with_h0", [True, False], ids=["h0", "none"])
def test_it_is_the_network_of_torch(torch, reference, spec, layout, with_h0):
    compare(torch, reference, spec, layout, with_h0, "float64")


@pytest.mark.parametrize("reference", [manual, autodiff], ids=["manual", "auto"])
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_the_network_of_torch_in_float32(torch, reference, spec, layout):
    compare(torch, reference, spec, layout, True, "float32")


def compare(
    torch: Any, reference: Any, spec: RNNSpec, layout: str, with_h0: bool, dtype: str
) -> None:
    """Output, h_n and every gradient: ours after loading torch's state dict, and autograd's."""
    case, allowed = case_of(torch, spec, layout, with_h0, dtype)
    given = {
        name: laid_out(name, getattr(case, name), layout)
        for name in ("x", "h0", "d_output", "d_h_n")
    }
    theirs = torch_network(torch, spec, layout, dtype)
    leaves = dict(theirs.named_parameters())
    leaves |= {name: torch.tensor(given[name].copy(), requires_grad=True) for name in ("x", "h0")}
    results = theirs(leaves["x"], leaves["h0"])
    cotangents = [torch.tensor(given[name].copy()) for name in ("d_output", "d_h_n")]
    gradients = torch.autograd.grad(results, list(leaves.values()), cotangents)

    ours = our_network(reference, spec, layout, dtype)
    ours.load_state_dict(theirs.state_dict())
    found = [np.array(a) for a in (ours(given["x"], given["h0"]) if with_h0 else ours(given["x"]))]
    for name, ours_is, theirs_is in zip(("output", "h_n"), found, results, strict=True):
        assert_equal_to_torch(ours_is, theirs_is, name, allowed, layout)
    back = ours.backward(given["d_output"], given["d_h_n"])
    assert list(back) == list(leaves)
    for name, gradient in zip(leaves, gradients, strict=True):
        assert_equal_to_torch(np.array(back[name]), gradient, name, allowed, layout)


@pytest.mark.parametrize("reference", [manual, autodiff, scalar], ids=["manual", "auto", "scalar"])
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_torch_loads_our_state_dict(torch, reference, spec):
    """And gives it back bit for bit."""
    ours = our_network(reference, spec, "time-major", "float64")
    state = {name: np.array(array) for name, array in ours.state_dict().items()}
    theirs = torch_network(torch, spec, "time-major", "float64")
    theirs.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    ours.load_state_dict(theirs.state_dict())
    for name, array in ours.state_dict().items():
        assert_same_bits(np.array(array), state[name], name)


@pytest.mark.parametrize("reference", [manual, autodiff], ids=["manual", "auto"])
def test_the_constructor_takes_the_arguments_of_torch(torch, reference):
    """The eight that torch documents, in its order, with its defaults."""
    documented = [
        "input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first",
        "dropout", "bidirectional",
    ]  # fmt: skip
    signature = inspect.signature(reference.RNN).parameters
    positional = [p for p in signature.values() if p.kind is not p.KEYWORD_ONLY]
    assert [p.name for p in positional] == documented
    theirs, ours = torch.nn.RNN(I, H), reference.RNN(I, H)
    for name in ("num_layers", "nonlinearity", "bias", "dropout", "bidirectional"):
        assert getattr(ours.spec, name) == getattr(theirs, name), name
    assert ours.batch_first == theirs.batch_first
