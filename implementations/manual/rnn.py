"""`RNN`: the manual network behind the face of `torch.nn.RNN`."""

from rnncheck.implementations.manual.generation import backward, forward
from rnncheck.implementations.manual.plan import Plan
from rnncheck.module import RecurrentModule


class RNN(RecurrentModule):
    """An Elman network with hand-derived gradients; see `RecurrentModule` for how to use it."""

    _forward = staticmethod(forward)
    _backward = staticmethod(backward)

    def plan(self, T: int, B: int) -> Plan:
        """The network for x (T, B, I) alone, faster: each call overwrites the results of the last."""
        return Plan(self, T, B)
