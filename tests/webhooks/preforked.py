"""A Flask app for a pre-fork server; ``note`` writes down which process handled what."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from flask import Flask, request

from moderation_ai.core.events import WebhookEvent
from moderation_ai.utils import WebhookHandler
from tests.webhooks.events import made

app = Flask(__name__)
handler = WebhookHandler(secret="s")


@handler.on("comment.*", name="note")
async def note(event: WebhookEvent) -> None:
    await asyncio.sleep(0.01)
    with Path("handled.txt").open("a") as file:
        file.write(f"{event.data.comment.id}:{os.getpid()}\n")


@app.post("/handle/<platform>")
def handle(platform: str) -> dict[str, object]:
    handled = handler.handle(handler.parse_event(request.get_data(), platform))
    return {"pid": os.getpid(), "statuses": handled.result().statuses}


@app.post("/receive/<platform>")
def receive(platform: str):  # type: ignore[no-untyped-def]  # whatever Flask takes
    return tuple(handler.receive(request))


if os.environ.get("HANDLE_BEFORE_FORKING"):
    handler.handle(made("before-forking"))
