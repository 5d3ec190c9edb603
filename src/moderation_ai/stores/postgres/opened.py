"""What an open store has in this process: its thread, its connections, and what gathers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from moderation_ai.stores.postgres.adding import add_all
from moderation_ai.stores.postgres.connection import connect, upgrade
from moderation_ai.stores.postgres.failing import is_gone
from moderation_ai.stores.postgres.gathering import Gatherer, Job
from moderation_ai.stores.postgres.register import count_ignored
from moderation_ai.stores.postgres.thread import StoreThread

T = TypeVar("T")
CLOSE_SECONDS = 10.0
_forked: list[Opened] = []
"""What a parent had open: a child must neither use nor close it, since the connections are its parent's."""


class Opened:
    """The thread and the connections of one process to one store."""

    def __init__(self, url: str, *, by_caller: bool, max_waiting: int) -> None:
        """Connect and bring the schema up to date; raise ``StoreError`` if that fails. It blocks until it is done."""
        self._pid = os.getpid()
        self.thread = StoreThread()
        try:
            self._pool = self.thread.run(_connect(url))
        except BaseException:
            self.thread.close(_nothing(), 0.0)
            raise
        add = partial(add_all, by_caller=by_caller)
        self.additions = Gatherer(self.thread, partial(self._in_batch, add), max_jobs=max_waiting)
        self.ignored = Gatherer(self.thread, partial(self._in_batch, count_ignored), max_jobs=max_waiting)

    async def _in_batch(self, work: Callable[[Any, Sequence[Job]], Awaitable[None]], jobs: Sequence[Job]) -> None:
        async with self._pool.acquire() as connection:
            await work(connection, jobs)

    async def once(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Return what ``work`` does with a connection; to be awaited on the store's loop."""
        async with self._pool.acquire() as connection:
            return await work(connection)

    async def again(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Return what ``work`` does, tried once more where the connection was lost: for work that may be done twice."""
        try:
            return await self.once(work)
        except Exception as error:
            if not is_gone(error) or isinstance(error, TimeoutError):
                raise
        return await self.once(work)

    @property
    def was_forked(self) -> bool:
        """Say whether this is a child of the process that opened it."""
        return self._pid != os.getpid()

    def leave_to_parent(self) -> None:
        """Keep it from ever being closed here."""
        _forked.append(self)

    def close(self) -> None:
        """Finish what is waiting and close."""
        self.thread.close(self._close_pool(), CLOSE_SECONDS)

    async def _close_pool(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
        except TimeoutError:
            self._pool.terminate()


async def _connect(url: str) -> Any:
    pool = await connect(url)
    try:
        async with pool.acquire() as connection:
            await upgrade(connection)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _nothing() -> None:
    """Do nothing."""
