"""The other routes that laws take: cases changed, cut, reordered or put together, and their results."""
