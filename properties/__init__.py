"""Every check there is: one function each, a file a family, an equation in its first line."""
