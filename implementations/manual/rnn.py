"""`RNN`: the manual network behind the face of `torch.nn.RNN`."""

from rnncheck.case import Array, IntArray
from rnncheck.implementations.manual.generation import AnyTape, backward, forward
from rnncheck.implementations.manual.plan import Plan
from rnncheck.module import RecurrentModule
from rnncheck.spec import RNNSpec


class RNN(RecurrentModule):
    """An Elman network with hand-derived gradients; see `RecurrentModule` for how to use it.

    Every call returns new arrays. What `backward` needs of a call is kept until the next, and then
    the next call writes its own over it.
    """

    _forward = staticmethod(forward)
    _backward = staticmethod(backward)

    def _apply(
        self, spec: RNNSpec, x: Array, h0: Array, lengths: IntArray | None, masks: Array | None
    ) -> tuple[Array, Array, AnyTape]:
        last, self._run = self._run, None
        used = None if last is None else last.tape
        return forward(spec, self.parameters, x, h0, lengths, masks, used)

    def __copy__(self) -> "RNN":
        """It has not been called yet: two networks must not write into the same arrays."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self), _run=None)
        return other

    def plan(self, T: int, B: int) -> Plan:
        """The network for x (T, B, I) alone, faster: each call overwrites the results of the last."""
        return Plan(self, T, B)
