"""`RNN`: the autodiff network behind the face of `torch.nn.RNN`."""

from rnncheck.implementations.autodiff.reference import backward, forward
from rnncheck.module import RecurrentModule


class RNN(RecurrentModule):
    """An Elman network whose gradients come from the tape; see `RecurrentModule` for its use."""

    _forward = staticmethod(forward)
    _backward = staticmethod(backward)
