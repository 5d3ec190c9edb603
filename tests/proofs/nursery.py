"""Run as a process: load a module that serves once, then fork it for every line of arguments that comes."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module


def fork_gateways(main: Callable[..., None]) -> None:
    """Fork until there are no more lines; each gateway prints its ready line, or null where it could not start."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # The kernel buries what was killed, so that it is seen to be gone.
    while line := sys.stdin.readline():
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                main(*json.loads(line))
            except BaseException:
                print("null", flush=True)  # the parent waits for a line
                raise
            os._exit(0)


if __name__ == "__main__":
    fork_gateways(import_module(sys.argv[1]).main)
