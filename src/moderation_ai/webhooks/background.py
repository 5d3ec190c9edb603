"""Background: what goes on beside the doors, from the opening of the parts to their closing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context


class Background:
    """Work by name, on one event loop; what was not begun can be ended all the same."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, name: str) -> bool:
        """Say whether the work of that name was begun and not ended."""
        return name in self._tasks

    def begin(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Begin ``work``, in a context of its own: the first caller's request is not what later events are about."""
        self._tasks[name] = asyncio.get_running_loop().create_task(work, context=Context())

    async def finish(self, name: str) -> None:
        """Wait until the work of that name, which was told to stop, has ended; raise what it raised."""
        task = self._tasks.pop(name, None)
        if task is not None:
            await task

    async def cancel(self, name: str, deadline: float) -> None:
        """Wait ``deadline`` seconds for work that was told to stop and can be done again, then end it."""
        task = self._tasks.pop(name, None)
        if task is not None:
            await asyncio.wait([task], timeout=max(deadline, 0.0))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
