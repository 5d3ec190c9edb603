"""One gateway's address for all tests of what is subscribed: to close a server takes a while."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from moderation_ai.stores.base import Store
from tests.web.stage import Served, served

PATIENCE = 120.0
"""Seconds for what asks a fake over HTTP many times, on however slow a machine."""


class _Changing:
    """What is served: the gateway of the test that runs."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Gates:
    """The address, opened when it is first needed."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._changing = _Changing()
        self._served: Served | None = None

    @contextmanager
    def of(self, app: ASGIApp, store: Store) -> Iterator[Served]:
        """Serve ``app`` in place of the one before, with ``store`` open on its loop."""
        if self._served is None:
            self._served = self._stack.enter_context(served(self._changing))
        self._changing.app = app
        on_loop(self._served, store.open())
        try:
            yield self._served
        finally:
            on_loop(self._served, store.close())

    def close(self) -> None:
        self._stack.close()


GATES = Gates()


def on_loop(gateway: Served, work: Any) -> Any:
    """Run a coroutine on the gateway's loop, and return its result."""
    return asyncio.run_coroutine_threadsafe(work, gateway.loop).result(PATIENCE)
