"""The scalar-autodiff network: neurons of single numbers, each of which knows its gradient.

rnncheck check scalar_autodiff.py                                    # as it was published
rnncheck check scalar_autodiff.py:fixed                              # without its defects
rnncheck check scalar_autodiff.py:zero_state_on_generated_steps      # with that one alone
"""

import math

import numpy as np

import rnncheck
from rnncheck.implementation import Place

DEFECTS = frozenset({"zero_state_on_generated_steps", "another_variable_zeroed"})


class Value:
    """A number, the numbers that it was made of, and the slope for each."""

    def __init__(self, data, sources=()):
        self.data, self.sources, self.grad = data, sources, 0.0

    def __add__(self, other):
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))


def tanh(v):
    out = math.tanh(v.data)
    return Value(out, ((v, 1 - out * out),))


def sigmoid(v):
    out = 1 / (1 + math.exp(-v.data)) if v.data > -700 else math.exp(v.data)
    return Value(out, ((v, out * (1 - out)),))


def relu(v):
    return Value(max(v.data, 0.0), ((v, float(v.data > 0)),))


def linear(v):
    return v


def backward(ends):
    """From the numbers in which a graph ends, whose gradients are set, to all the others."""
    order, seen = [], set()
    for end in ends:
        todo = [(end, False)]
        while todo:
            value, done = todo.pop()
            if done:
                order.append(value)
            elif id(value) not in seen:
                seen.add(id(value))
                todo.append((value, True))
                todo.extend((source, False) for source, _ in value.sources)
    for value in reversed(order):
        for source, slope in value.sources:
            source.grad += slope * value.grad


def values(*shape):
    """Zeros in nested lists."""
    if not shape:
        return Value(0.0)
    return [values(*shape[1:]) for _ in range(shape[0])]


def flat(nested):
    return [v for one in nested for v in flat(one)] if isinstance(nested, list) else [nested]


class Neuron:
    """f(Σ w · x + b), over all that it is given."""

    def __init__(self, w, b, activation):
        self.w, self.b, self.activation = w, b, activation

    def __call__(self, inputs):
        total = self.b
        for weight, value in zip(self.w, inputs, strict=True):
            total = total + weight * value
        return self.activation(total)


class RecurrentLayer:
    def __init__(self, num_inputs, hidden_size, activation):
        self.wx, self.wa = values(hidden_size, num_inputs), values(hidden_size, hidden_size)
        self.ba = values(hidden_size)
        self.neurons = [
            Neuron(wx + wa, b, activation)
            for wx, wa, b in zip(self.wx, self.wa, self.ba, strict=True)
        ]

    def zeros(self):
        return values(len(self.ba))

    def __call__(self, x, a):
        return [neuron(x + a) for neuron in self.neurons]


class Layer:
    def __init__(self, num_inputs, num_outputs, activation):
        self.w, self.b = values(num_outputs, num_inputs), values(num_outputs)
        self.neurons = [Neuron(w, b, activation) for w, b in zip(self.w, self.b, strict=True)]

    def __call__(self, x):
        return [neuron(x) for neuron in self.neurons]


class RecurrentNN:
    """A recurrent layer and one that reads it out; each output may be the next input."""

    def __init__(self, recurrent, out, defects=DEFECTS):
        self.recurrent, self.out, self.defects = recurrent, out, defects
        self.named = {"wx": recurrent.wx, "wa": recurrent.wa, "ba": recurrent.ba}
        self.named |= {"wy": out.w, "by": out.b}

    def parameters(self):
        return flat(list(self.named.values()))

    def zero_grad(self, x):
        """Before each backward pass. The published loop named the inputs here, not the parameters."""
        wrong = "another_variable_zeroed" in self.defects
        for value in flat(x) if wrong else self.parameters():
            value.grad = 0.0

    def __call__(self, x, generated=0):
        a, ys = self.recurrent.zeros(), []
        for x_t in x:
            a = self.recurrent(x_t, a)
            ys.append(self.out(a))
        for _ in range(generated):
            if "zero_state_on_generated_steps" in self.defects:
                a = self.recurrent.zeros()
            a = self.recurrent(ys[-1], a)
            ys.append(self.out(a))
        return ys


# What rnncheck asks for

NAMES = {
    "weight_ih_l0": "wx",
    "weight_hh_l0": "wa",
    "bias_ih_l0": "ba",
    "weight_ho": "wy",
    "bias_o": "by",
}
ACTIVATIONS = {"tanh": tanh, "sigmoid": sigmoid, "relu": relu, "identity": linear}


class Network:
    """The network as an rnncheck.Implementation: one sequence, of any length, at a time."""

    name = "the scalar-autodiff network"
    capabilities = rnncheck.Capabilities(
        nonlinearities=tuple(ACTIVATIONS),
        max_layers=1,
        bidirectional=False,
        bias_vectors=(1,),
        readouts=("identity", "sigmoid"),
        needs_readout=True,
        readout_biases=(True,),
        initial_state=False,
        final_state=False,
        batch_size=1,
        lengths=False,
        dropout=False,
        truncation=False,
        outputs=("all",),
        dtypes=("float64",),
    )

    def __init__(self, defects=DEFECTS):
        self.defects, self.networks = defects, {}

    def network(self, case):
        """The network of that kind, which stays from call to call, with the case's weights."""
        s = case.spec
        if s not in self.networks:
            recurrent = RecurrentLayer(s.input_size, s.hidden_size, ACTIVATIONS[s.nonlinearity])
            out = Layer(s.hidden_size, s.output_size, ACTIVATIONS[s.readout])
            self.networks[s] = RecurrentNN(recurrent, out, self.defects)
        network = self.networks[s]
        for canonical, own in NAMES.items():
            numbers = case.parameters[canonical].ravel()
            for value, number in zip(flat(network.named[own]), numbers, strict=True):
                value.data = float(number)
        return network

    def forward(self, case):
        return self.run(self.network(case), case)[0]

    def run(self, network, case):
        x = [[Value(float(n)) for n in x_t] for x_t in case.x[:, 0]]
        y = network(x, case.spec.generated)
        output = np.array([v.data for v in flat(y)]).reshape(case.d_output.shape)
        return rnncheck.Forward(output, None), x, y

    def gradients(self, case):
        network = self.network(case)
        _, x, y = self.run(network, case)
        network.zero_grad(x)
        for value, number in zip(flat(y), case.d_output.ravel(), strict=True):
            value.grad = float(number)
        backward(flat(y))
        found = {name: network.named[own] for name, own in NAMES.items()}
        shapes = {name: array.shape for name, array in case.parameters.items()}
        return {
            name: np.array([v.grad for v in flat(nested)]).reshape(shape)
            for name, nested, shape in [
                *((name, nested, shapes[name]) for name, nested in found.items()),
                ("x", x, case.x.shape),
            ]
        }

    def locate(self, array, index):
        return Place(NAMES.get(array, array), index)


def network(defects=DEFECTS):
    """The network with some of its defects, for rnncheck to run."""
    return Network(defects)


published = network()


def __getattr__(name):
    """FILE.py:fixed has no defect, FILE.py:DEFECT that one, FILE.py:DEFECT+DEFECT those two."""
    if name != "fixed" and not set(name.split("+")) <= DEFECTS:
        raise AttributeError(name)
    return network(DEFECTS & set(name.split("+")))
