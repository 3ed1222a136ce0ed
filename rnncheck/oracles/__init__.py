"""Sources of truth: ball arithmetic, the rounding envelope, finite differences, proof."""
