"""A process that gets an account's next tokens and stops just before, or just after, it has saved them.

Its arguments: the store's file, the fake's address, the platform, the refresh token, ``before`` or ``after``.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from moderation_ai.core.access import Access
from moderation_ai.core.flows import Client, Session
from moderation_ai.pipeline.clock import SystemClock
from moderation_ai.platforms import find_platform
from moderation_ai.sender import Sender
from moderation_ai.stores.register import SavedSession
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.webhooks.parts import credentials_here


class Stopping(SqliteStore):
    """A store that says when it is asked to save what was got, and never goes on."""

    stops = ""

    async def save_session(self, session: SavedSession) -> bool:
        if session.version and self.stops == "before":
            await self._stop()
        is_saved = await super().save_session(session)
        if session.version and self.stops == "after":
            await self._stop()
        return is_saved

    async def _stop(self) -> None:
        sys.stdout.write("here\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def main(file: str, url: str, name: str, refresh_token: str, stops: str) -> None:
    platform = find_platform(name)
    store: Any = Stopping(file)
    store.stops = stops
    session = Session(access_token=f"{name}-access-1", refresh_token=refresh_token, account_id="1")
    access = Access(platform=platform, session=session, client=Client(id="app", secret="the app's secret"))
    sender = Sender(stand_ins=dict.fromkeys(platform.hosts, url), timeout=60)
    await store.open()
    await credentials_here(store, [access], SystemClock(), keys=(), sender=sender).refresh(access)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
