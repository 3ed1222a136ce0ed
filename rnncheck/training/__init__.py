"""Training: losses, optimizers, learning-rate schedules, clipping, and what is trained with them.

Every part is a small frozen object without state of its own, in torch's terms: `losses`,
`optimizers`, `schedules`, `clipping`. Arrays are time-major, as everywhere: output `(T, B, O)`.
"""
