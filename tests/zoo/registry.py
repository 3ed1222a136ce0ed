"""Every network of the zoo by name; a file `elman_*.py` or `loss_*.py` registers itself.

ELMAN: right networks, as `rnncheck.wrap` returns them. LOSSES: functions that return
`(loss_and_gradients, params)`, right ones. INEXACT_LOSSES: the same, but their gradient leaves out
an epsilon of the loss. WRONG_ELMAN, WRONG_LOSSES and the others of `zoo.faults`: the same with one
mistake planted in each.
"""

import importlib
from pathlib import Path

from zoo.faults import OTHER_NETWORKS, UNSEEN_BY_FLOATS, WRONG_ELMAN, WRONG_LOSSES

__all__ = [
    "ELMAN",
    "INEXACT_LOSSES",
    "LOSSES",
    "OTHER_NETWORKS",
    "UNSEEN_BY_FLOATS",
    "WRONG_ELMAN",
    "WRONG_LOSSES",
]

HERE = Path(__file__).parent


def _modules(prefix):
    for path in sorted(HERE.glob(f"{prefix}*.py")):
        yield path.stem.removeprefix(prefix), importlib.import_module(f"zoo.{path.stem}")


ELMAN = {name: module.rnn for name, module in _modules("elman_")}
LOSSES, INEXACT_LOSSES = {}, {}
for _, _module in _modules("loss_"):
    LOSSES |= _module.EXAMPLES
    INEXACT_LOSSES |= getattr(_module, "INEXACT", {})
