"""The demo's handlers, as a user would write them, and the sender that takes its fakes for the platforms."""

from __future__ import annotations

import os

import msgspec

from moderation_ai.cli.demo.playing import STAND_INS
from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.moderation import standards_engine
from moderation_ai.sender import Sender
from moderation_ai.webhooks.handler import WebhookHandler

stand_ins = msgspec.json.decode(os.environ.get(STAND_INS, "{}"), type=dict[str, str])
handler = WebhookHandler(sender=Sender(stand_ins=stand_ins))
standards_engine.judge("")  # reads the policy now, so that the first comment does not wait for it


@handler.on("comment.created", "comment.updated", "mention.created", name="demo.judge")
async def judge(event: WebhookEvent) -> None:
    """Ask the standards engine about a comment, as the brief's Pattern 1 does."""
    await standards_engine.validate(event.text)


@handler.on("*", name="demo.count")
async def count(event: WebhookEvent) -> None:
    """Take every event, so that none is left unhandled."""
