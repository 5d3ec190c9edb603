"""Account: a platform through which we act; what ``get_platform`` returns."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Platform
from moderation_ai.core.subjects import Data
from moderation_ai.pipeline.calling import current_event
from moderation_ai.platforms import find_platform

logger = logging.getLogger(__name__)

ACTIONS = ("approve", "flag", "hide", "unhide", "remove")


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an action: ``done``, ``not_needed`` or ``not_sent``, and why."""

    platform: str
    action: str
    target_id: str
    status: str
    reason: str | None = None


class Account:
    """A platform and our credentials there."""

    def __init__(self, platform: Platform) -> None:
        """Keep the platform."""
        self.platform = platform
        self.name = platform.name

    async def moderate_comment(self, comment_id: str, action: str) -> Receipt:
        """Carry out ``action`` (approve, flag, hide, unhide, remove) on a comment; return the receipt.

        ``flag`` concerns us alone. This version sends nothing to platforms yet: every other action comes back as
        ``not_sent``, with a warning in the log, and never as done. Raises ``UnsupportedAction`` where the platform
        cannot do it at all.
        """
        if action == "flag":
            return self._receipt(comment_id, action, "not_needed", "a flag asks for a review and changes nothing there")
        self.platform.require(action)
        reason = "actions are not sent to platforms by this version: do it there by hand"
        logger.warning("%s of %s on %s was not sent: %s", action, comment_id, self.name, reason)
        return self._receipt(comment_id, action, "not_sent", reason)

    def _receipt(self, comment_id: str, action: str, status: str, reason: str) -> Receipt:
        return Receipt(platform=self.name, action=action, target_id=comment_id, status=status, reason=reason)


def get_platform(name: str) -> Account:
    """Return the account through which we act on the platform called ``name``; raise ``UnknownPlatform``."""
    return Account(find_platform(name))


async def hide_comment(comment: Any, platform: str | None = None) -> Receipt:
    """Hide a comment, given as an event, as its data or comment, or by its id.

    ``platform`` is needed outside a handler, where nothing says which one is meant. Returns the receipt; raises
    ``UnsupportedAction`` where the platform cannot hide, ``UnknownPlatform``, and ``ConfigurationError`` for what
    names no comment.
    """
    comment_id = _id_of(comment)
    return await get_platform(platform or _platform_of(comment)).moderate_comment(comment_id, "hide")


def _id_of(comment: Any) -> str:
    data = comment.data if isinstance(comment, WebhookEvent) else comment
    subject = data.comment if isinstance(data, Data) else data
    comment_id = subject if isinstance(subject, str) else getattr(subject, "id", None)
    if not isinstance(comment_id, str) or not comment_id:
        raise ConfigurationError(f"there is no comment to hide in this {type(comment).__name__}")
    return comment_id


def _platform_of(comment: Any) -> str:
    """Return the platform of an event, or of the event whose handler asks: a comment alone does not say."""
    event = comment if isinstance(comment, WebhookEvent) else current_event.get()
    if event is None:
        raise ConfigurationError("outside a handler, say where the comment is: hide_comment(comment, platform=...)")
    return event.platform
