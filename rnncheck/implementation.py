"""`Implementation`: whatever can run a case. What is tested, and each reference too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, get_args, runtime_checkable

from rnncheck.case import Array, Case
from rnncheck.spec import Nonlinearity, Outputs, Readout, RNNSpec

Validated = Literal["shapes", "dtypes", "lengths"]
Gradients = dict[str, Array]
"""By name: the parameters of the spec, `x` and `h0`, each of its array's shape."""


class Forward(NamedTuple):
    """The result of a forward pass: `output (T, B, ...)`, and `h_n (L·D, B, H)` if it is offered."""

    output: Array
    h_n: Array | None


@dataclass(frozen=True)
class Place:
    """An entry of an array: the name its author gave it, and the index in his orientation."""

    array: str
    index: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.array}[{', '.join(map(str, self.index))}]" if self.index else self.array


@dataclass(frozen=True)
class Capabilities:
    """What an implementation can do. What it cannot is reported as `not_applicable`.

    gradients: has a backward pass. second_order: has `hessian_vector` too (see `SecondOrder`).
    fleet: has `forward_fleet` too (see `Fleet`).
    bias_vectors: the numbers of bias vectors it can have (2 as torch, 1: `bias_hh` is zero, 0: none).
    readouts: nonlinearities of a readout, empty for a network without one; needs_readout: never
    without. initial_state: takes `h0` (else it starts from zeros). final_state: returns `h_n`.
    outputs, generation: what of `RNNSpec.outputs` and `RNNSpec.generated` it knows.
    batch_size: the only number of rows that it takes (1: unbatched; None: any number).
    dtypes: what it computes in. keeps_dtype: its results have the dtype of the case. validates: of what
    arguments it says that it raises an exception if they are wrong (see `Entry`).
    """

    gradients: bool = True
    second_order: bool = False
    fleet: bool = False
    nonlinearities: tuple[Nonlinearity, ...] = get_args(Nonlinearity)
    max_layers: int | None = None
    bidirectional: bool = True
    bias_vectors: tuple[int, ...] = (2, 0)
    readouts: tuple[Readout, ...] = get_args(Readout)
    needs_readout: bool = False
    readout_biases: tuple[bool, ...] = (True, False)
    initial_state: bool = True
    final_state: bool = True
    batch_size: int | None = None
    lengths: bool = True
    dropout: bool = True
    truncation: bool = True
    outputs: tuple[Outputs, ...] = get_args(Outputs)
    generation: bool = True
    dtypes: tuple[str, ...] = ("float64", "float32")
    keeps_dtype: bool = False
    validates: tuple[Validated, ...] = ()

    def missing(self, case: Case) -> str | None:
        """Why the implementation cannot run the case, in words; None if it can."""
        return self._missing_in_spec(case.spec) or self._missing_in_arrays(case)

    def _missing_in_spec(self, spec: RNNSpec) -> str | None:
        if spec.nonlinearity not in self.nonlinearities:
            return f"nonlinearity {spec.nonlinearity}"
        if self.max_layers is not None and spec.num_layers > self.max_layers:
            return f"{spec.num_layers} layers"
        if spec.bidirectional and not self.bidirectional:
            return "two directions"
        if not spec.bias and 0 not in self.bias_vectors:
            return "a network without biases"
        if spec.bias and not any(self.bias_vectors):
            return "biases"
        if spec.output_size is None and self.needs_readout:
            return "no readout"
        if spec.output_size is not None:
            if spec.readout not in self.readouts:
                return f"a readout with {spec.readout}"
            if spec.readout_bias not in self.readout_biases:
                return "a readout with a bias" if spec.readout_bias else "a readout without a bias"
        if spec.truncation is not None and not self.truncation:
            return "truncated BPTT"
        if spec.outputs not in self.outputs:
            return f"outputs={spec.outputs}"
        if spec.generated and not self.generation:
            return "generated steps"
        return None

    def _missing_in_arrays(self, case: Case) -> str | None:
        if case.spec.bias and 2 not in self.bias_vectors and _any_bias_hh(case):
            return "a second bias vector"
        if not self.initial_state and case.h0.any():
            return "an initial state"
        if not self.final_state and case.d_h_n.any():
            return "a cotangent of h_n"
        if self.batch_size is not None and self.batch_size != case.B:
            return f"{case.B} batch rows"
        if case.lengths is not None and not self.lengths:
            return "lengths"
        if case.dropout_masks is not None and not self.dropout:
            return "dropout masks"
        if case.dtype.name not in self.dtypes:
            return case.dtype.name
        return None


@runtime_checkable
class Implementation(Protocol):
    """Anything that runs a case.

    `forward` and `gradients` leave the arrays of the case as they are: that is checked (the case is
    nevertheless theirs alone). Where an implementation has names or orientations of its own, it may
    add a method `locate(array, index) -> Place` that says where an entry of a canonical array stands
    in them; where its author's code gets other arrays than the case's own, `handed(case, layout) -> Handed`.
    """

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def forward(self, case: Case) -> Forward:
        """The network's output and final state."""
        ...

    def gradients(self, case: Case) -> Gradients:
        """The gradient of `<d_output, output> + <d_h_n, h_n>` for every parameter, x and h0."""
        ...


@runtime_checkable
class SecondOrder(Implementation, Protocol):
    """An implementation that can differentiate its gradient once more."""

    def hessian_vector(self, case: Case, vectors: Gradients) -> Gradients:
        """∇<∇L, v>: how `gradients` change along v, which has the gradients' names and shapes."""
        ...


@runtime_checkable
class Fleet(Implementation, Protocol):
    """An implementation that runs K networks of one spec and size in one call: much less work each."""

    def forward_fleet(self, case: Case, moved: Mapping[str, Array]) -> Forward:
        """Output (K, ...) and final state (K, ...) of K networks.

        Each is the case's network, but for the arrays in `moved`: some of the parameters, `x` or `h0`,
        each (K, ...), of which the k-th is that of the k-th network.
        """
        ...


@runtime_checkable
class Entry(Implementation, Protocol):
    """An implementation that offers the entry its users call: no Case, which would validate, between.

    takes_unbatched: whether it also takes arrays without a batch axis.
    """

    takes_unbatched: bool

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        """`output`, `h_n` and, if there is a `d_output`, the gradients, by name.

        arrays: the parameters, `x`, `h0`, perhaps `lengths`, perhaps `d_output` and `d_h_n`, laid out as
        in a case but of whatever shape and dtype; an unbatched call has no batch axis in any of them.
        Raises whatever the implementation raises.
        """
        ...


Layout = Callable[[Array], Array]
"""The same numbers in a memory layout."""


@dataclass(frozen=True)
class Handed:
    """A call laid open: the very arrays that the author's code gets, under his names, and the code.

    Its results are handed on as they are. `gradients` goes back through the last `forward` where there
    is something (a tape) between the two; before any `forward`, it runs one.
    """

    arrays: tuple[tuple[str, Array], ...]
    forward: Callable[[], Forward]
    gradients: Callable[[], Gradients]


def laid_out(case: Case, layout: Layout) -> Case:
    """The case with every floating-point array in that layout, in memory of its own."""
    own = {n: array.copy() if n == "lengths" else layout(array) for n, array in case.arrays()}
    parameters = {name: own.pop(name) for name in case.spec.parameter_shapes()}
    return case.replace(parameters=parameters, **own)


def handed(implementation: Implementation, case: Case, layout: Layout) -> Handed:
    """The call laid open, its arrays in that layout (which must give memory of its own)."""
    own = getattr(implementation, "handed", None)
    if own:
        opened: Handed = own(case, layout)
        return opened
    held = laid_out(case, layout)
    return Handed(
        tuple(held.arrays()),
        lambda: implementation.forward(held),
        lambda: implementation.gradients(held),
    )


def locate(implementation: Implementation, array: str, index: tuple[int, ...]) -> Place:
    """Where an entry of a canonical array stands in the implementation's own names."""
    own = getattr(implementation, "locate", None)
    return own(array, index) if own else Place(array, index)


def _any_bias_hh(case: Case) -> bool:
    return any(a.any() for n, a in case.parameters.items() if n.startswith("bias_hh"))
