"""The demo's handlers, as a user would write them: judge every comment, remember what was deleted."""

from __future__ import annotations

from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.moderation import standards_engine
from moderation_ai.webhooks.handler import WebhookHandler

handler = WebhookHandler()
standards_engine.judge("")  # reads the policy now, so that the first comment does not wait for it


@handler.on("comment.created", "comment.updated", "mention.created", name="demo.judge")
async def judge(event: WebhookEvent) -> None:
    """Ask the standards engine about a comment, as the brief's Pattern 1 does."""
    await standards_engine.validate(event.text)


@handler.on("*", name="demo.count")
async def count(event: WebhookEvent) -> None:
    """Take every event, so that none is left unhandled."""
