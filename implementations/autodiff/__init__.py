"""Reference `autodiff`: reverse-mode differentiation of NumPy arrays, and a network written in it.

Read `tensor` (an array that remembers its origin), `sweep` (the gradient), `shares` (what it sums
at once), `operations` (the functions), `network` (the equations of the RNN), and `reference` (the
same on plain arrays).
No derivative of the network is written down anywhere: each operation knows its own, and the
sweep chains them.
"""

from .network import network
from .reference import Tape, backward, forward, hessian_vector
from .rnn import RNN
from .sweep import gradient, gradients
from .tensor import Array, Tensor

__all__ = [
    "RNN",
    "Array",
    "Tape",
    "Tensor",
    "backward",
    "forward",
    "gradient",
    "gradients",
    "hessian_vector",
    "network",
]
