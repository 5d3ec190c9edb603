"""Run as a process: a gateway whose handler writes down what it handled, on a store with the sync that is asked for."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.webhooks.handler import WebhookHandler


def main(path: str, synchronous: str, handled: str, secret: str) -> None:
    """Serve on a free port and print the addresses; each handled event's id is appended to ``handled``."""
    handler = WebhookHandler(secret=secret, store=SqliteStore(path, synchronous=synchronous))
    ledger = os.open(handled, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @handler.on("*", name="proof")
    async def write_down(event: WebhookEvent) -> None:
        await asyncio.sleep(0.005)
        os.write(ledger, f"{event.event_id}\n".encode())

    def ready(addresses: dict[str, object]) -> None:
        print(json.dumps({"status": "ready", "pid": os.getpid(), **addresses}), flush=True)  # the parent reads it

    asyncio.run(handler.start(port=0, ready=ready))


if __name__ == "__main__":
    main(*sys.argv[1:])
