"""Run as a process: one block of the brief, as it stands, in the current folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.blocks import run_block

if __name__ == "__main__":
    asyncio.run(run_block(Path(sys.argv[1]).read_text(encoding="utf-8"), {"__name__": "__main__"}, sys.argv[1]))
