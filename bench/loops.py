"""The event loop that everything here runs on: the one that ``moderation-ai serve`` runs on."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None  # it has no wheel for every system


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop of uvloop's, or asyncio's own where there is no uvloop."""
    if _HAS_UVLOOP:
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end on a new loop and return its result."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)
