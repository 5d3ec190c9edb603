"""Run as a process: a gateway whose handler says that it has begun, and ends when it is told to."""

from __future__ import annotations

import asyncio
import json
import sys

from moderation_ai.core.events import WebhookEvent
from moderation_ai.webhooks.handler import WebhookHandler


def main(path: str, secret: str) -> None:
    """Serve on a free port; speak to the parent by lines."""
    handler = WebhookHandler(secret=secret, store=f"sqlite:///{path}")

    @handler.on("*", name="waiting")
    def wait(event: WebhookEvent) -> None:
        print("handling", flush=True)
        sys.stdin.readline()
        print("handled", flush=True)

    asyncio.run(handler.start(port=0, ready=lambda addresses: print(json.dumps(addresses), flush=True)))
    print("stopped", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
