"""The program: the command line, for ``moderation-ai`` and ``python -m moderation_ai``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; who interrupts it while it is still being loaded sees no traceback either."""
    _have_streams()
    try:
        from moderation_ai.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


def _have_streams() -> None:
    """Open nothing as a stream that we were started without: else a file gets its number, and what we print."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    main()
