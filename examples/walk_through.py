# %% [markdown]
# # One recurrent network, four times
#
# A network small enough to follow every number: two units, one input, three steps, two sequences.
#
#     h_t = φ(W x_t + U h_{t-1} + b)        h_0 = 0
#
# It is computed, and differentiated, number by number; by hand; by automatic differentiation of arrays;
# and by torch. The weights are the same in all four, and so are the results. In the end a mistake is made,
# and found.
#
# `python walk_through.py` runs it all. An editor that knows `# %%` opens it as a notebook.

# %%
import numpy as np

import rnncheck
from rnncheck.implementations import autodiff, manual
from rnncheck.implementations.autodiff import operations
from rnncheck.implementations.scalar import Value
from rnncheck.oracles.envelope import envelope

# %% [markdown]
# All numbers are multiples of 1/4, and φ is ReLU to begin with. Every sum and product of them is a float
# again. Nothing is rounded, and so the results can be compared *exactly*.
#
# Arrays are time-major: (time, sequence, feature). The loss is Σ C·h, with a number in C for each state.
# Any other loss would do: what reaches the network of it is d loss / d h, and here that is C.

# %%
W = np.array([[1.0], [-0.5]])  # (hidden, input)
U = np.array([[0.5, -1.0], [0.75, 0.25]])  # (hidden, hidden before)
b = np.array([0.25, 0.75])
x = np.array([[[1.0], [-0.5]], [[-0.25], [1.5]], [[0.5], [2.0]]])
C = np.array([[[1.0, -0.5], [0.25, 2.0]], [[-1.0, 1.5], [0.5, 1.0]], [[2.0, -1.0], [1.0, -0.25]]])
params = {"W": W, "U": U, "b": b}


def show(results):
    """The loss, the states of the first sequence, and the gradients."""
    print("loss", np.sum(C * results["h"]), " h of the first sequence", results["h"][:, 0].tolist())
    for name in ("W", "U", "b", "x"):
        print(f"d loss / d {name}", results[name].ravel().tolist())


# %% [markdown]
# ## 1. Number by number
#
# A `Value` is a number that remembers what it was computed from, and by what operation. A neuron is a sum,
# and φ of it. From the loss, `backward` goes the way back through all the operations, each of which
# knows its own derivative, and adds up in each Value's `grad` what arrives there.


# %%
def neuron(weights, inputs, bias, phi):
    """φ(Σ weight·input + bias)."""
    total = bias
    for weight, number in zip(weights, inputs, strict=True):
        total = total + weight * number
    return phi(total)


def by_numbers(phi):
    """The states, and the gradients, of a network of Values."""
    v = {name: np.vectorize(Value, otypes="O")(array) for name, array in {**params, "x": x}.items()}
    h, loss = np.empty(C.shape, object), Value(0.0)
    for sequence in range(2):
        before = [Value(0.0), Value(0.0)]
        for t in range(3):
            inputs = [*v["x"][t, sequence], *before]
            before = [neuron([*v["W"][i], *v["U"][i]], inputs, v["b"][i], phi) for i in range(2)]
            h[t, sequence] = before
            loss = loss + sum(C[t, sequence, i] * before[i] for i in range(2))
    loss.backward()
    gradients = {name: np.vectorize(lambda value: value.grad)(array) for name, array in v.items()}
    return {"h": np.vectorize(lambda value: value.data)(h), **gradients}


numbers = by_numbers(Value.relu)
show(numbers)

# %% [markdown]
# ## 2. By hand
#
# In arrays a step takes all units and both sequences at once. An array has a row for each sequence, so that
# W x_t reads `x_t @ W.T`.
#
# The gradient is derived once. Let δ_t be d loss / d a_t, where h_t = φ(a_t). The state h_t
# is in the loss itself, with C_t, and in a_{t+1}, with U:
#
#     δ_t = φ'(a_t) (C_t + Uᵀ δ_{t+1})
#
# starting from the last step, which has nothing after it. Then, as a_t = W x_t + U h_{t-1} + b,
#
#     dW = Σ δ_t x_tᵀ    dU = Σ δ_t h_{t-1}ᵀ    db = Σ δ_t    dx_t = Wᵀ δ_t
#
# In rows, Uᵀ δ reads `delta @ U`: it is here that many a network has its first mistake.

# %%
PHI = {"relu": lambda a: np.maximum(a, 0.0), "tanh": np.tanh}
SLOPE = {"relu": lambda h: np.where(h > 0, 1.0, 0.0), "tanh": lambda h: 1.0 - h * h}


def forward(params, x, phi="tanh"):
    """The states h (time, sequence, hidden)."""
    h = [np.zeros((x.shape[1], len(params["b"])))]
    for x_t in x:
        h.append(PHI[phi](x_t @ params["W"].T + h[-1] @ params["U"].T + params["b"]))
    return np.array(h[1:]).reshape(len(x), *h[0].shape)


def backward(params, x, C, phi="tanh", back=lambda delta, U: delta @ U):
    """The gradients of Σ C·h. back: the way from δ_{t+1} to h_t."""
    h = forward(params, x, phi)
    g = {name: np.zeros_like(array) for name, array in {**params, "x": x}.items()}
    arriving = np.zeros((x.shape[1], len(params["b"])))
    for t in reversed(range(len(x))):
        delta = SLOPE[phi](h[t]) * (C[t] + arriving)
        g["W"] += delta.T @ x[t]
        g["U"] += delta.T @ (h[t - 1] if t > 0 else np.zeros_like(h[t]))
        g["b"] += delta.sum(axis=0)
        g["x"][t] = delta @ params["W"]
        arriving = back(delta, params["U"])
    return g


def by_hand(phi):
    """The states, and the gradients as derived above."""
    return {"h": forward(params, x, phi), **backward(params, x, C, phi)}


def compare(name, results):
    """Whether every number is the same as number by number."""
    same = all(np.array_equal(results[key], numbers[key]) for key in numbers)
    print(f"{name}: {'the same numbers, every one' if same else 'OTHER NUMBERS'}")


show(by_hand("relu"))
compare("by hand", by_hand("relu"))

# %% [markdown]
# ## 3. Automatic differentiation of arrays
#
# A `Tensor` does for arrays what a Value does for numbers. The forward pass is written as before; nobody
# derives a gradient.


# %%
def by_autodiff(phi):
    """The states, and the gradients that the operations know."""
    t = {name: autodiff.Tensor(array) for name, array in {**params, "x": x}.items()}
    h = [autodiff.Tensor(np.zeros((2, 2)))]
    for step in range(3):
        h.append(phi(t["x"][step] @ t["W"].T + h[-1] @ t["U"].T + t["b"]))
    states = operations.stack(h[1:])
    found = autodiff.gradient(states, list(t.values()), cotangent=C)
    return {"h": states.value, **{name: g.value for name, g in zip(t, found, strict=True)}}


show(by_autodiff(operations.relu))
compare("autodiff", by_autodiff(operations.relu))

# %% [markdown]
# ## 4. Torch
#
# `torch.nn.RNN` has a second bias, which is 0 here. Without torch this part is left out.

# %%
state = {"weight_ih_l0": W, "weight_hh_l0": U, "bias_ih_l0": b, "bias_hh_l0": np.zeros(2)}


def by_torch(phi):
    """The states, and the gradients that torch finds."""
    rnn = torch.nn.RNN(1, 2, nonlinearity=phi, dtype=torch.float64)
    rnn.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    inputs = torch.tensor(x, requires_grad=True)
    output, _ = rnn(inputs)
    output.backward(torch.tensor(C))
    W, U, b, _ = (parameter.grad.numpy() for parameter in rnn.parameters())
    return {"h": output.detach().numpy(), "W": W, "U": U, "b": b, "x": inputs.grad.numpy()}


try:
    import torch
except ImportError:
    print("torch is not installed")
else:
    show(by_torch("relu"))
    compare("torch", by_torch("relu"))

# %% [markdown]
# ## 5. Where there is rounding
#
# A tanh is rounded, and with it all that follows. Right networks now differ in the last places: in which,
# and by how much at most, depends on the case; the *envelope* is what rounding can do on this one, found
# by letting every operation err by as much as it may. Two right networks are within two envelopes of each
# other. No tolerance is chosen by anyone.
#
# (Each of the ways above is in `rnncheck.implementations`, for any depth and direction. One is used here.)

# %%
spec, zeros = rnncheck.RNNSpec(input_size=1, hidden_size=2), np.zeros((1, 2, 2))
allowed = envelope(rnncheck.Case(spec, state, x, h0=zeros, d_output=C, d_h_n=zeros))
names = {"h": "output", "W": "weight_ih_l0", "U": "weight_hh_l0", "b": "bias_ih_l0", "x": "x"}

rnn = manual.RNN(1, 2)
rnn.load_state_dict(state)
output, _ = rnn(x)
found = rnn.backward(C)
ready_made = {key: output if key == "h" else found[name] for key, name in names.items()}

numbers = by_numbers(Value.tanh)
others = {
    "by hand": by_hand("tanh"),
    "autodiff": by_autodiff(operations.tanh),
    "ready made": ready_made,
}
if "torch" in globals():
    others["torch"] = by_torch("tanh")
for key, name in names.items():
    two = 2 * allowed[name].allowed
    print(f"{key}: two may differ by {two.max():.0e};", end=" ")
    apart = {
        who: np.max(np.abs(results[key] - numbers[key]) / two) for who, results in others.items()
    }
    print("of that is used:", ", ".join(f"{used:.2f} {who}" for who, used in apart.items()))

# %% [markdown]
# ## 6. A mistake
#
# The transpose is forgotten, or put in where it does not belong: `delta @ U.T`. The shapes fit, the states
# and the loss are the same. The network will learn, for what the last step sends back is right.


# %%
def careless(params, x, C):
    """As `backward`, but for the transpose."""
    return backward(params, x, C, back=lambda delta, U: delta @ U.T)


for name, gradient in careless(params, x, C).items():
    print(f"d loss / d {name} is off by {np.abs(gradient - numbers[name]).max():.2g}")

# %% [markdown]
# Here there were others to compare it with. A network of one's own is alone. `rnncheck.check` puts it to
# its checks, on cases made for that, and says what is wrong. All that it has to be told is which array
# is which. One check is run here, the comparison with exact truth; without `checks` it is all of them.

# %%
layout = {"x": "time batch input", "h0": None, "output": "time batch hidden"}
layout["params"] = {"W": "hidden input", "U": "hidden prev", "b": "hidden"}
for name, way_back in {"careless": careless, "by hand": backward}.items():
    network = rnncheck.wrap(forward, way_back, **layout, name=name)
    report = rnncheck.check(network, profile="quick", checks=("gradient_matches_truth",))
    print(f"\n{name}: {'RIGHT' if report.passed else 'WRONG'}")
    for finding in report.findings:
        print(finding.message, finding.diagnosis, sep="\n")
