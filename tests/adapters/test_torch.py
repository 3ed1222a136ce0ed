"""torch.nn.RNN as an implementation: packed sequences, imposed dropout; weights move both ways."""

import networks
import numpy as np
import pytest

from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.implementations.manual import RNN
from rnncheck.implementations.references import reference
from rnncheck.oracles.envelope import envelope
from rnncheck.properties.registry import named_checks
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec

torch = pytest.importorskip("torch")

(FORWARD, GRADIENT) = named_checks(["forward_matches_truth", "gradient_matches_truth"])


def draw(spec: RNNSpec, T: int, lengths: list[int] | None = None, p: float = 0.0) -> Case:
    random = np.random.default_rng(0)
    B = len(lengths) if lengths else 3
    shapes = spec.array_shapes(T, B)
    arrays = {n: random.standard_normal(shapes[n]) for n in ("x", "h0", "d_output", "d_h_n")}
    parameters = {n: random.standard_normal(s) / 2 for n, s in spec.parameter_shapes().items()}
    masks = (random.random(shapes["dropout_masks"]) >= p) / (1 - p) if p else None
    given = None if lengths is None else np.array(lengths)
    return Case(spec, parameters, **arrays, lengths=given, dropout_masks=masks)


def verdicts(case: Case) -> list[str]:
    from rnncheck.adapters.torch import TorchRNN

    trial = Trial(TorchRNN(), PoolCase(case))
    return [judge(check, trial).word for check in (FORWARD, GRADIENT)]


@pytest.mark.parametrize("lengths", [[5, 3, 1], [1, 5, 3], [5, 5], [2, 2]], ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_sorted_or_not(lengths: list[int], bidirectional: bool) -> None:
    spec = RNNSpec(2, 3, 2, bidirectional=bidirectional)
    assert verdicts(draw(spec, 5, lengths)) == ["passed", "passed"]


def test_a_length_of_zero_is_refused_and_no_finding() -> None:
    assert verdicts(draw(RNNSpec(2, 3), 5, [0, 4])) == ["refused", "refused"]


@pytest.mark.parametrize("p", [0.25, 0.5])
@pytest.mark.parametrize("lengths", [None, [2, 5, 4]])
def test_dropout_masks_are_imposed(p: float, lengths: list[int] | None) -> None:
    case = draw(RNNSpec(2, 3, 3, bidirectional=True), 5, lengths, p)
    assert verdicts(case) == ["passed", "passed"]
    # Another mask is another network: were the masks not imposed, both could not pass.
    assert case.dropout_masks is not None
    other = case.replace(dropout_masks=case.dropout_masks[:, ::-1].copy())
    assert verdicts(other) == ["passed", "passed"]
    first, second = (reference("manual").forward(c).output for c in (case, other))
    assert (first != second).any()


def test_masks_that_are_no_dropout_are_named() -> None:
    from rnncheck.adapters.torch import TorchRNN

    case = draw(RNNSpec(2, 3, 2), 4, None, 0.5)
    assert case.dropout_masks is not None
    case.dropout_masks.flat[0] = 3.0
    with pytest.raises(ValueError, match="dropout_masks hold"):
        TorchRNN().forward(case)


def test_trained_in_torch_and_loaded_into_manual() -> None:
    """The same outputs within the envelope after some steps of training."""
    torch.manual_seed(0)
    module = torch.nn.RNN(2, 5, 2, bidirectional=True, dtype=torch.float64)
    head = torch.nn.Linear(10, 1, dtype=torch.float64)
    x = torch.randn(7, 4, 2, dtype=torch.float64)
    target = x.cumsum(dim=0).sum(dim=2, keepdim=True).tanh()
    optimizer = torch.optim.SGD([*module.parameters(), *head.parameters()], lr=0.1)
    losses = []
    for _ in range(20):
        loss = ((head(module(x)[0]) - target) ** 2).mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]

    rnn = RNN(2, 5, 2, bidirectional=True)
    rnn.load_state_dict({name: p.detach().numpy() for name, p in module.state_dict().items()})
    output, h_n = rnn(x.numpy())
    shapes = rnn.spec.array_shapes(7, 4)
    zeros = {name: np.zeros(shapes[name]) for name in ("h0", "d_output", "d_h_n")}
    allowed = envelope(Case(rnn.spec, rnn.parameters, x.numpy(), **zeros))
    theirs = module(x)
    for name, mine, other in (("output", output, theirs[0]), ("h_n", h_n, theirs[1])):
        # Two networks, each within one envelope of the truth.
        assert allowed[name].telling.all()
        assert (np.abs(mine - other.detach().numpy()) <= 2 * allowed[name].allowed).all()
    back = {name: torch.tensor(array) for name, array in rnn.state_dict().items()}
    module.load_state_dict(back)
    assert torch.equal(module(x)[0], theirs[0])


def test_torch_is_only_imported_when_it_is_used() -> None:
    import subprocess
    import sys

    code = "import sys, networks, rnncheck.engine, rnncheck.cli; print('torch' in sys.modules)"
    folder = networks.__file__.rpartition("networks.py")[0]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "False"
