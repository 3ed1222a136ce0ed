"""The scalar reference: a recurrent network in pure Python, one neuron at a time.

`value.py`: `Value`, reverse-mode differentiation of single numbers. `cell.py`, `network.py`: the
network written with it. `functional.py`: `forward` and `backward` on nested lists.
`rnn.py`: `RNN`, the same with the interface of `torch.nn.RNN`. Read them in this order.
"""

from rnncheck.implementations.scalar.functional import Tape, backward, forward
from rnncheck.implementations.scalar.rnn import RNN
from rnncheck.implementations.scalar.value import Value, dot

__all__ = ["RNN", "Tape", "Value", "backward", "dot", "forward"]
