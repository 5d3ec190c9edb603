"""Run as a process of its own: print the id and status of every stored event after a given place, and end."""

from __future__ import annotations

import asyncio
import os
import sys

import msgspec

from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.opening import open_store


async def main(url: str, after_seq: int) -> None:
    """Print one JSON pair a line: event id, status."""
    store = open_store(url)
    await store.open()
    for event in await store.events(EventFilter(after_seq=after_seq), newest_first=False):
        sys.stdout.write(msgspec.json.encode([event.event_id, event.status]).decode() + "\n")
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(os.environ["MODERATION_AI_STORE__URL"], int(sys.argv[1])))
