"""Moderators, by policy and by handlers as a user would write them: they do what a comment's first word asks for."""

from __future__ import annotations

from moderation_ai.core.events import WebhookEvent
from moderation_ai.pipeline.accounts import DESK, hide_comment
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.handling.standards import StandardsEngine
from moderation_ai.platforms import find_platform
from moderation_ai.policy.files import parse_policy
from moderation_ai.stores.ledger import Wanted

POLICY = r"""
schema: moderation-policy/1
id: proof
version: "1"
mode: enforce
patterns: {hide: '^hide [0-9]+$'}
rules:
  - {id: policy.hide, standard: policy, when: {signal: pattern.hide, is: true}, severity: high, action: hide}
"""


async def hide(event: WebhookEvent) -> None:
    """Hide a comment that asks for it, as the webhook patterns do."""
    if _wish(event) == "hide":
        await hide_comment(event)


async def answer(event: WebhookEvent) -> None:
    """Answer or ban, as the comment says."""
    wish = _wish(event)
    if wish == "answer":
        await _want(event, "reply", text=f"Thank you for {event.text}")
    elif wish == "ban":
        await _want(event, "ban")


def _wish(event: WebhookEvent) -> str:
    return (event.text or "").partition(" ")[0]


async def _want(event: WebhookEvent, action: str, text: str | None = None) -> None:
    outbox = DESK.outbox
    assert outbox is not None
    target = find_platform(event.platform).target(event)
    wanted = Wanted(platform=event.platform, action=action, target=target, text=text)
    await outbox.store.want(wanted, outbox.clock.now())
    outbox.wake()


def handlers(*, by_policy: bool) -> Handlers:
    """Return the handlers of a process that moderates; where it is ``by_policy``, they leave hiding to that."""
    found = Handlers()
    for function in (answer,) if by_policy else (answer, hide):
        found.add(function, ("comment.created", "comment.updated"), name=f"proof.{function.__name__}")
    return found


def standards(*, by_policy: bool) -> StandardsEngine | None:
    """Return what hides by policy, if that is meant."""
    return StandardsEngine(parse_policy(POLICY, name="proof.yaml")) if by_policy else None
