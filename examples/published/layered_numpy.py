"""The layered NumPy network: layers with a forward and a backward pass each, and truncated BPTT.

rnncheck check layered_numpy.py                      # as it was published
rnncheck check layered_numpy.py:fixed                # without its defects
rnncheck check layered_numpy.py:softmax_diagonal     # with that one alone
python layered_numpy.py                              # its loss, apart and as a pair with softmax
"""

import numpy as np

import rnncheck
from rnncheck.implementation import Place

DEFECTS = frozenset(
    {
        "input_gradient_by_the_direct_path",
        "softmax_diagonal",
        "last_state_before_the_first",
        "backward_updates_the_weights",
        "method_of_another_name",
    }
)


class TanH:
    def __call__(self, a):
        return np.tanh(a)

    def gradient(self, a):
        return 1 - np.tanh(a) ** 2


class Sigmoid:
    def __call__(self, a):
        return 1 / (1 + np.exp(-a))

    def gradient(self, a):
        return self(a) * (1 - self(a))


class ReLU:
    def __call__(self, a):
        return np.where(a > 0, a, 0)

    def gradient(self, a):
        return np.where(a > 0, 1.0, 0.0)


class RNN:
    """a_t = x_t W_xh + h_{t-1} W_hh, h_t = act(a_t), y_t = h_t W_ho: no biases, as many outputs as inputs."""

    def __init__(self, W_xh, W_hh, W_ho, activation, bptt_trunc=5, rate=0.01, defects=DEFECTS):
        self.W_xh, self.W_hh, self.W_ho = W_xh, W_hh, W_ho
        self.activation, self.bptt_trunc, self.rate, self.defects = (
            activation,
            bptt_trunc,
            rate,
            defects,
        )

    def forward(self, X):
        batch, steps, _ = X.shape
        hidden = len(self.W_hh)
        # The state before the first step is read at index -1: one more than there are steps
        more = 0 if "last_state_before_the_first" in self.defects else 1
        self.X = X
        self.arguments = np.zeros((batch, steps, hidden), X.dtype)
        self.states = np.zeros((batch, steps + more, hidden), X.dtype)
        for t in range(steps):
            self.arguments[:, t] = X[:, t] @ self.W_xh + self.states[:, t - 1] @ self.W_hh
            self.states[:, t] = self.activation(self.arguments[:, t])
        return self.states[:, :steps] @ self.W_ho

    def slope(self, t):
        if "method_of_another_name" in self.defects:
            return self.activation.derivative(self.arguments[:, t])
        return self.activation.gradient(self.arguments[:, t])

    def backward(self, d_y):
        steps = self.X.shape[1]
        d = {name: np.zeros_like(getattr(self, name)) for name in ("W_xh", "W_hh", "W_ho")}
        d_x = np.zeros_like(self.X)
        for t in range(steps):
            d["W_ho"] += self.states[:, t].T @ d_y[:, t]
            delta = (d_y[:, t] @ self.W_ho.T) * self.slope(t)
            if "input_gradient_by_the_direct_path" in self.defects:
                d_x[:, t] = delta @ self.W_xh.T
            for s in reversed(range(max(0, t - self.bptt_trunc), t + 1)):
                d["W_xh"] += self.X[:, s].T @ delta
                d["W_hh"] += self.states[:, s - 1].T @ delta
                if "input_gradient_by_the_direct_path" not in self.defects:
                    d_x[:, s] += delta @ self.W_xh.T
                if s > 0:
                    delta = (delta @ self.W_hh.T) * self.slope(s - 1)
        if "backward_updates_the_weights" in self.defects:
            for name, gradient in d.items():
                getattr(self, name)[...] -= self.rate * gradient
            return {"x": d_x}
        return {**d, "x": d_x}


class Softmax:
    def __init__(self, defects=DEFECTS):
        self.defects = defects

    def forward(self, q):
        e = np.exp(q - q.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p

    def backward(self, d_p):
        p = self.p
        if "softmax_diagonal" in self.defects:
            return d_p * p * (1 - p)
        return p * (d_p - (p * d_p).sum(axis=-1, keepdims=True))


class BinaryCrossEntropy:
    """The published loss: every class by itself, -y log p - (1 - y) log(1 - p)."""

    def loss(self, y, p):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum()

    def gradient(self, y, p):
        return -y / p + (1 - y) / (1 - p)


class CrossEntropy:
    """What belongs to a softmax: -y log p."""

    def loss(self, y, p):
        return -(y * np.log(p)).sum()

    def gradient(self, y, p):
        return -y / p


def published_accuracy(y, p):
    """Axis 1 of (samples, steps, classes) is the time."""
    return np.mean(np.argmax(y, axis=1) == np.argmax(p, axis=1))


def accuracy(y, p):
    return np.mean(np.argmax(y, axis=-1) == np.argmax(p, axis=-1))


# What rnncheck asks for

NAMES = {"weight_ih_l0": "W_xh", "weight_hh_l0": "W_hh", "weight_ho": "W_ho"}
ACTIVATIONS = {"tanh": TanH, "sigmoid": Sigmoid, "relu": ReLU}


class Network:
    """RNN and softmax, as an rnncheck.Implementation: batch first, matrices on the right."""

    name = "the layered NumPy network"
    capabilities = rnncheck.Capabilities(
        nonlinearities=tuple(ACTIVATIONS),
        max_layers=1,
        bidirectional=False,
        bias_vectors=(0,),
        readouts=("identity", "softmax"),
        needs_readout=True,
        readout_biases=(False,),
        initial_state=False,
        final_state=False,
        lengths=False,
        dropout=False,
        outputs=("all",),
        generation=False,
    )

    def __init__(self, defects=DEFECTS):
        self.defects = defects

    def layers(self, case):
        weights = [np.array(case.parameters[name].T) for name in NAMES]
        activation = ACTIVATIONS[case.spec.nonlinearity]()
        steps = case.T if case.spec.truncation is None else case.spec.truncation
        layers = [RNN(*weights, activation, steps, defects=self.defects)]
        return layers + [Softmax(self.defects)] * (case.spec.readout == "softmax")

    def forward(self, case):
        return self.run(self.layers(case), case)

    def run(self, layers, case):
        X = case.x.swapaxes(0, 1)
        for layer in layers:
            X = layer.forward(X)
        return rnncheck.Forward(X.swapaxes(0, 1), None)

    def gradients(self, case):
        layers = self.layers(case)
        self.run(layers, case)
        d = case.d_output.swapaxes(0, 1)
        for layer in reversed(layers):
            d = layer.backward(d)
        found = {name: d[own].T for name, own in NAMES.items() if own in d}
        return {**found, "x": d["x"].swapaxes(0, 1)}

    def locate(self, array, index):
        own = NAMES.get(array, array)
        turned = index[::-1] if array in NAMES else (index[1::-1] + index[2:])
        return Place(own, turned)


def network(defects=DEFECTS):
    """The network with some of its defects, for rnncheck to run."""
    return Network(defects)


published = network()


def __getattr__(name):
    """FILE.py:fixed has no defect, FILE.py:DEFECT that one, FILE.py:DEFECT+DEFECT those two."""
    if name != "fixed" and not set(name.split("+")) <= DEFECTS:
        raise AttributeError(name)
    return network(DEFECTS & set(name.split("+")))


# Its loss and its softmax, apart and as a pair: gradients of no network, for rnncheck.gradcheck


def alone(defects=DEFECTS):
    """The softmax: L = <c, softmax(q)> for a fixed c."""
    c = np.random.default_rng(1).normal(size=5)

    def loss_and_gradients(q):
        softmax = Softmax(defects)
        return c @ softmax.forward(q["q"]), {"q": softmax.backward(c)}

    return loss_and_gradients


def against(loss, softmax=None, gradient=None):
    """A loss of probabilities, or of a softmax's; gradient: the loss whose gradient is taken, if another."""
    y = np.eye(5)[2]

    def loss_and_gradients(given):
        p = given["q"] if softmax is None else softmax.forward(given["q"])
        d = (gradient or loss).gradient(y, p)
        return loss.loss(y, p), {"q": d if softmax is None else softmax.backward(d)}

    return loss_and_gradients


def checks():
    """By what is checked: a function for gradcheck, and its argument."""
    q, p = np.array([0.3, -0.8, 0.5, 1.1, -0.2]), np.array([0.1, 0.3, 0.2, 0.25, 0.15])
    binary, categorical, diagonal = BinaryCrossEntropy(), CrossEntropy(), Softmax(DEFECTS)
    return {
        "the softmax alone": (alone(), q),
        "the softmax alone, fixed": (alone(frozenset()), q),
        "the loss alone, as cross-entropy": (against(categorical, gradient=binary), p),
        "the pair, as cross-entropy": (against(categorical, diagonal, binary), q),
        "the pair, as the loss that it prints": (against(binary, diagonal), q),
        "the pair, fixed": (against(categorical, Softmax(frozenset())), q),
    }


if __name__ == "__main__":
    for name, (function, argument) in checks().items():
        result = rnncheck.gradcheck(function, {"q": argument}, raise_exception=False)
        print(f"{name}: {'right' if result.passed else 'WRONG'}")
    target = np.eye(3)[[[0, 1, 0]]]
    guess = np.array([[[0.25, 0.2, 0.55], [0.2, 0.25, 0.55], [0.2, 0.2, 0.6]]])
    print(f"accuracy of a network that is never right: {accuracy(target, guess):.2f}")
    print(f"the published accuracy of the same: {published_accuracy(target, guess):.2f}")
