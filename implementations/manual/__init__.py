"""A recurrent network in NumPy whose gradients are derived by hand.

Read the files in this order; each derives in its docstring what it computes.

`activations`: φ and ψ, each value beside its derivative.
`padding`: rows of different lengths in one array.
`cell`: one direction of one layer, forward and backward through time; the heart of it all.
`readout`: which states are read, and ψ of them.
`network`: layers, directions and dropout around the cells.
`generation`: steps whose input is the output of the step before.
`straight`, with its `memory`: plain networks once more, fast, by layers that are `small` or `large`;
    `plan` and `fleet` are of it.
`rnn`: the class `RNN`, which has the face of torch's.

The method. Fix the cotangents d_output and d_h_n, and let the loss be the number

    loss = sum(d_output * output) + sum(d_h_n * h_n)

Write `d_v` for ∂loss/∂v, an array of v's shape. For `v = f(u)` a small change of u moves the loss
by ⟨d_v, f'(u) du⟩ = ⟨f'(u)ᵀ d_v, du⟩, so that step contributes `d_u = f'(u)ᵀ d_v`. If u is used in
several places, the contributions add up. Both rules, applied from the last step to the first:

    v = W u + b        d_u = Wᵀ d_v,    d_W = d_v uᵀ,    d_b = d_v
    v = φ(u)           d_u = φ'(u) ⊙ d_v
    v = m ⊙ u          d_u = m ⊙ d_v                     (dropout's multipliers m)
    v = concat(u, w)   d_u, d_w = the two parts of d_v

An array holds one batch row per row: `W u` for a whole batch reads `u @ W.T` here, and `Wᵀ d_v`
reads `d_v @ W`; d_W and d_b are summed over the batch.

    output, h_n, tape = forward(spec, parameters, x, h0, lengths, dropout_masks)
    gradients = backward(tape, d_output, d_h_n)
"""

from rnncheck.implementations.manual.fleet import forward as forward_fleet
from rnncheck.implementations.manual.generation import Tape, backward, forward
from rnncheck.implementations.manual.rnn import RNN

__all__ = ["RNN", "Tape", "backward", "forward", "forward_fleet"]
