"""Measurements. `python -m benchmarks NAME ...` runs them and writes docs/benchmarks.md."""
