"""Account: a platform through which we act; what ``get_platform`` returns."""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import Any

import msgspec
from msgspec.structs import replace

from moderation_ai.core.access import Access, choose_access
from moderation_ai.core.acts import Act, Target
from moderation_ai.core.errors import ConfigurationError, PlatformError, UnsupportedAction
from moderation_ai.core.events import WebhookEvent, object_id_of
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Platform
from moderation_ai.core.subjects import Data
from moderation_ai.core.things import text_hash_of
from moderation_ai.pipeline.acting.outbox import Outbox
from moderation_ai.pipeline.acting.undoing import newest_event, undo
from moderation_ai.pipeline.handling.calling import current_event
from moderation_ai.platforms import find_platform
from moderation_ai.stores.ledger import OPEN, Action, Wanted

logger = logging.getLogger(__name__)

ACTIONS = ("approve", "flag", "hide", "unhide", "remove")
PATIENCE = 5.0
"""Seconds that a caller waits for what comes of an action; it goes on without them."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an action, and why.

    ``done``; ``not_needed`` (it was so already); ``gone``; ``no_effect`` (the platform said yes and changed nothing);
    ``pending`` (it is stored and will be done); ``overtaken`` (by a later one); ``uncertain`` (it may have been done, a
    person has to look); ``dead`` (it was refused, or failed too often); ``not_sent`` (no token to send it with).
    ``action_id`` is what it is undone by; None where nothing is stored.
    """

    platform: str
    action: str
    target_id: str
    status: str
    reason: str | None = None
    action_id: int | None = None


class _Desk:
    """The outbox of this process that was opened last: what ``get_platform`` acts through."""

    def __init__(self) -> None:
        self._opened: weakref.ref[Outbox] | None = None

    def use(self, outbox: Outbox) -> None:
        """Act through ``outbox`` from now on."""
        self._opened = weakref.ref(outbox)

    def leave(self, outbox: Outbox) -> None:
        """Act no more through ``outbox``."""
        if self.outbox is outbox:
            self._opened = None

    @property
    def outbox(self) -> Outbox | None:
        """Return it, or None where none is open."""
        return self._opened() if self._opened is not None else None


DESK = _Desk()


class Account:
    """A platform and our credentials there."""

    def __init__(self, platform: Platform, outbox: Outbox | None = None) -> None:
        """Keep the platform, and the outbox to act through."""
        self.platform = platform
        self.name = platform.name
        self._outbox = outbox

    async def moderate_comment(self, comment_id: str, action: str) -> Receipt:
        """Carry out ``action`` (approve, flag, hide, unhide, remove) on a comment; return the receipt.

        The action is stored before it is sent, so a restart does not forget it; the same action on the same text of a
        comment is carried out once, whoever asks how often. It waits a few seconds for what comes of it: ``pending`` is
        what goes on. ``flag`` concerns us alone. Where no access token is configured, the receipt says ``not_sent``,
        with a warning in the log. Raises ``UnsupportedAction`` where the platform cannot do it, or not without more
        than is known of the comment.
        """
        if action == "flag":
            return self._receipt(comment_id, action, "not_needed", "a flag asks for a review and changes nothing there")
        self.platform.require(action)
        event = await self._event_of(comment_id)
        access = self._access(event.account if event else None)
        if self._outbox is None or access is None:
            reason = f"no access token is configured for {self.name}: set platforms.{self.name}.access_token"
            logger.warning("%s of %s on %s was not sent: %s", action, comment_id, self.name, reason)
            return self._receipt(comment_id, action, "not_sent", reason)
        return await self._carry_out(self._outbox, access, action, comment_id, event)

    async def _carry_out(
        self, outbox: Outbox, access: Access, action: str, comment_id: str, event: WebhookEvent | None
    ) -> Receipt:
        target = replace(self.platform.target(event), id=comment_id) if event else Target(id=comment_id)
        before = await outbox.store.actions_on(self.name, comment_id)
        done = [each.action for each in before if each.status in ("done", "not_needed")]
        target = replace(target, last_action=done[-1] if done else None)
        session = await _session_of(outbox, access)
        self.platform.check(Act(action=action, targets=(target,)), session)
        wanted = Wanted(
            platform=self.name,
            account=access.account,
            action=action,
            target=target,
            version=(text_hash_of(event) if event else None) or "",
            # A handler may run twice, and what it repeats is no new wish. Whoever else asks again means it.
            again=current_event.get() is None,
        )
        return await self._wait(outbox, await outbox.store.want(wanted, outbox.clock.now()))

    async def _wait(self, outbox: Outbox, action: Action) -> Receipt:
        if action.status == OPEN and outbox.is_running:
            settled = asyncio.wrap_future(outbox.expect(action.id))
            outbox.wake()
            # It may have been settled between the two.
            latest = await outbox.store.action(action.id) or action
            if latest.status == OPEN:
                await asyncio.wait([settled], timeout=PATIENCE)
            settled.cancel()
            action = await outbox.store.action(action.id) or action
        status = "pending" if action.status == OPEN else action.status
        return Receipt(
            platform=self.name,
            action=action.action,
            target_id=action.target.id,
            status=status,
            reason=action.reason,
            action_id=action.id,
        )

    async def undo(self, done: Receipt | int) -> Receipt:
        """Take back an action, given by its receipt or its id, for a person; return the receipt of that.

        What is not sent yet is not sent any more: the receipt says ``overtaken``. The same text is not hidden again by
        a policy. Raises ``UnsupportedAction`` where the platform cannot take it back or no token is configured, and
        ``ModerationError`` for what was never done.
        """
        action_id = done.action_id if isinstance(done, Receipt) else done
        if self._outbox is None or action_id is None:
            raise UnsupportedAction("nothing was stored of this, so there is nothing to take back")
        store, now = self._outbox.store, self._outbox.clock.now()
        return await self._wait(self._outbox, await undo(store, self._outbox.accesses, action_id, now, by="a handler"))

    async def _event_of(self, comment_id: str) -> WebhookEvent | None:
        """Return the newest event that shows the comment: the one in hand, else a stored one."""
        here = current_event.get()
        if here is not None and here.platform == self.name and object_id_of(here) == comment_id:
            return here
        if self._outbox is None:
            return None
        return await newest_event(self._outbox.store, self.name, comment_id)

    def _access(self, account: str | None) -> Access | None:
        return choose_access(self._outbox.accesses, self.name, account) if self._outbox is not None else None

    def _receipt(self, comment_id: str, action: str, status: str, reason: str) -> Receipt:
        return Receipt(platform=self.name, action=action, target_id=comment_id, status=status, reason=reason)


async def _session_of(outbox: Outbox, access: Access) -> Session:
    """Return what we act with, or what is configured: the action is stored also where that cannot be had now."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await outbox.session(access)
    except (PlatformError, ConfigurationError, TimeoutError) as error:
        logger.warning("%s: there is no token to act with now: %s", access.name, error)
        return access.session


def get_platform(name: str) -> Account:
    """Return the account through which we act on the platform called ``name``; raise ``UnknownPlatform``."""
    return Account(find_platform(name), DESK.outbox)


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
