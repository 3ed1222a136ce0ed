"""Derivatives from values alone. All but `exact` and `complex_step` work on any black box.

`exact`: central differences in ball arithmetic, every entry to some 45 digits; the root of trust.
`central`: float64, extrapolated, a step chosen for each entry, an error estimate with each value.
`ladder`: the same for whole arrays at once.
`impulse`: every entry of a gradient from differences by the arguments of φ; a few runs for each step.
`kinks`: whether f' jumps (or f does) at a point, so that a kink is told from a wrong gradient.
`complex_step`: Im f(x + ih)/h, for code that can be run on complex numbers.
`taylor`: the order at which the remainder of a claimed gradient vanishes.
`adjoint`: <g, J v> = <Jᵀ g, v> along fresh random directions.
"""
