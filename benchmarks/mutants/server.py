"""`python -m benchmarks.mutants.server SOCKET`: the judge, for one mutant after the other.

It judges the right `manual` once, on cases that it keeps with all that was worked out about them and does
not depend on the network: truth, envelopes, the cases that checks derive, the other references' results.
Then it forks for whoever connects: the child imports `manual` as its files say then, judges it, and ends,
so that no mutant leaves anything behind. What a client reads is what the judge prints, a zero byte, and
the exit status.
"""

import gc
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import NoReturn

from benchmarks.mutants import judge
from rnncheck.pool import Pools


def require_unchanged() -> None:
    """SystemExit if a file is not as it was committed: it might be a mutant."""
    if subprocess.run(["git", "diff", "--quiet", "HEAD"]).returncode:
        sys.exit("files differ from what was committed; `git diff` shows what, perhaps a mutant")


def prepared() -> Pools:
    """Cases and what is known of them, without anything of the right network, which must survive."""
    pools = Pools(keeps=True)
    verdict = judge.judge(pools, judge.Verdict("import"))
    if verdict.stage != "survived":
        sys.exit(f"the right network does not survive: {verdict}")
    judge.forget()
    gc.collect()
    left = [thing for thing in _at_hand(pools) if _is_of_manual(thing)]
    if left or threading.active_count() > 1:
        sys.exit(f"a fork would inherit {left or threading.enumerate()}")
    gc.freeze()
    return pools


def _at_hand(pools: Pools) -> Iterator[object]:
    """What can be reached from the pools and from the modules of rnncheck, by no other module's names."""
    ours = [vars(module) for name, module in sys.modules.items() if name.startswith("rnncheck")]
    seen: dict[int, object] = {}
    waiting: list[object] = [pools, *ours]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, ModuleType):
            continue
        seen[id(thing)] = thing
        yield thing
        if isinstance(thing, FunctionType):
            waiting += [thing.__closure__, thing.__defaults__, thing.__kwdefaults__]
        else:
            waiting += gc.get_referents(thing)


def _is_of_manual(thing: object) -> bool:
    return isinstance(thing, FunctionType) and f"{thing.__module__}.".startswith(f"{judge.MANUAL}.")


def serve(listener: socket.socket, pools: Pools) -> NoReturn:
    """A child for each connection, one at a time: there is only one set of files."""
    while True:
        connection, _ = listener.accept()
        with connection:
            child = os.fork()
            if not child:
                listener.close()
                _judge(connection, pools)
            code = _end_of(child, connection)
            try:
                connection.sendall(b"\0%d" % code)
            except OSError:
                print("a client has gone", file=sys.stderr)


def _judge(connection: socket.socket, pools: Pools) -> NoReturn:
    """The child: it prints into the connection."""
    code = 2
    try:
        os.dup2(connection.fileno(), sys.stdout.fileno())
        code = judge.report(pools)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _end_of(child: int, connection: socket.socket) -> int:
    """The child's exit status; it is killed if its client goes, as Cosmic Ray's does at a time-out."""
    ended = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([ended, connection.fileno()], [], [])
        if ended not in ready:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> NoReturn:
    """Say when it is ready; end when it is interrupted."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    judge.require_here()
    require_unchanged()
    pools = prepared()
    path = Path(sys.argv[1])
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        print(f"judging at {path}", flush=True)
        try:
            serve(listener, pools)
        finally:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
