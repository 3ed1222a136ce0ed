"""The reference networks: three independent ones, and the fault catalogue.

`scalar`, `manual` and `autodiff` share no mathematics: each is written from the equations alone.
"""
