"""Files that the process may have open: each connection is one of them."""

from __future__ import annotations

import sys
from contextlib import suppress

MOST = 65_536
"""Open files that are asked for; more than one address of the internet can hold connections open."""


def allow_files() -> None:
    """Let this process open as many files as the system allows it, ``MOST`` at most.

    A login's usual limit is 1,024. Who opens that many connections and says nothing on them would shut everyone out,
    the store and the console included.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # Some systems have a lower bound of their own.
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
