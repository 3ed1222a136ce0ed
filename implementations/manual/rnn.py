"""`RNN`: the manual network behind the face of `torch.nn.RNN`."""

from rnncheck.implementations.manual.generation import backward, forward
from rnncheck.module import RecurrentModule


class RNN(RecurrentModule):
    """An Elman network with hand-derived gradients; see `RecurrentModule` for how to use it."""

    _forward = staticmethod(forward)
    _backward = staticmethod(backward)
