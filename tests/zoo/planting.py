"""One mistake planted in the text of a right network, and what it makes run as a module of its own."""

import linecache
import sys
from pathlib import Path
from types import ModuleType


def planted(name, module, *changes):
    """The module `zoo/<module>.py` with each `(old, new)` changed; every old stands in it once."""
    source = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{name}: {source.count(old)} times in {module}.py: {old!r}")
        source = source.replace(old, new)
    made = ModuleType(f"zoo.planted_{name}")
    made.__file__ = f"<{module}.py with {name}>"
    # So that tracebacks and inspect find its text, and dataclasses their module.
    linecache.cache[made.__file__] = (len(source), None, source.splitlines(True), made.__file__)
    sys.modules[made.__name__] = made
    exec(compile(source, made.__file__, "exec"), vars(made))
    return made
