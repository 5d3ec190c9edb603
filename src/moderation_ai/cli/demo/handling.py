"""The demo's handler beside its policy, and the sender that takes its fakes for the platforms."""

from __future__ import annotations

import os

import msgspec

from moderation_ai.cli.demo.playing import STAND_INS
from moderation_ai.core.events import WebhookEvent
from moderation_ai.sender import Sender
from moderation_ai.webhooks.handler import WebhookHandler

stand_ins = msgspec.json.decode(os.environ.get(STAND_INS, "{}"), type=dict[str, str])
handler = WebhookHandler(sender=Sender(stand_ins=stand_ins))


@handler.on("*", name="demo.count")
async def count(event: WebhookEvent) -> None:
    """Take every event, so that none is left unhandled."""
