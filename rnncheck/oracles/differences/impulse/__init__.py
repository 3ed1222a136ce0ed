"""Every entry of a gradient from impulses on the pre-activations, of which there are T·B·H.

The loss depends on the weights only through a_t = W x_t + U h_{t-1} + b. So with δ_t = ∂L/∂a_t, an
impulse's effect on L, the rest is exact algebra (`assembly`). No derivative is carried backwards.

`own`: differences of a NumPy forward pass of ours. `tangents`: the same impulses, infinitely small.
`black_box`: differences of anybody's forward pass, which sees the impulses as inputs.
"""
