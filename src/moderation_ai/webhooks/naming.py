"""Naming: what a process calls its worker, and whether the one of that name is still there."""

from __future__ import annotations

import os
import secrets
import socket


def name_here() -> str:
    """Return a worker's name that is no other's: machine, process, and something random."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_gone(worker: str) -> bool:
    """Say whether a worker's process ran on this machine and is gone."""
    host, _, rest = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there and not ours
        return False
    return False
