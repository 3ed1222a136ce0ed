"""The scalar reference: a recurrent network in pure Python, one neuron at a time.

`value.py`: `Value`, reverse-mode differentiation of single numbers. `trace.py`: the same for all the
numbers of a network, without an object for each. `cell.py`, `network.py`: the network written with
it. `functional.py`: `forward` and `backward` on nested lists. `rnn.py`: `RNN`, the same with the
interface of `torch.nn.RNN`. Read them in this order.

The same network in another way, as objects to build and train one's own with: `value_array.py`,
`neuron.py`, `layer.py`, `recurrent_nn.py`. Of the files above they need the first alone.

`straight.py` (and `symbol.py` for it) is for speed: it has `forward` and `backward` once more, as
straight-line code written down from those above. Nothing else needs it.
"""

from rnncheck.implementations.scalar.functional import Tape, backward, forward
from rnncheck.implementations.scalar.layer import Layer, RecurrentLayer
from rnncheck.implementations.scalar.neuron import Neuron, RecurrentNeuron
from rnncheck.implementations.scalar.recurrent_nn import RecurrentNN
from rnncheck.implementations.scalar.rnn import RNN
from rnncheck.implementations.scalar.value import Value, dot
from rnncheck.implementations.scalar.value_array import ValueArray

__all__ = [
    "RNN",
    "Layer",
    "Neuron",
    "RecurrentLayer",
    "RecurrentNN",
    "RecurrentNeuron",
    "Tape",
    "Value",
    "ValueArray",
    "backward",
    "dot",
    "forward",
]
