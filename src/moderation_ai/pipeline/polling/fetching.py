"""Fetching: a comment that was pushed without its text is looked at before it is judged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.acts import GONE, Seen, Target
from moderation_ai.core.errors import ContentGone, PlatformUnavailable, RateLimited, Retry, UnsupportedAction
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.subjects import Comment
from moderation_ai.pipeline.acting.driving import AsConfigured, Drive, Tokens
from moderation_ai.pipeline.acting.outcomes import USUAL_PAUSE
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.polling.feeding import SHARE
from moderation_ai.pipeline.tally import Tally
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store

logger = logging.getLogger(__name__)

MOST_WAITING = 2000
"""Comments of one account that may wait for their texts; what comes then is tried again later."""
_Wanted = tuple[Target, "asyncio.Future[Seen | None]"]


class Fetcher:
    """Look at comments: what is wanted while a look is on its way goes into the next, as many as the platform takes.

    ``choose`` returns what an event's account is asked with, if anything is.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        choose: Callable[[WebhookEvent], Access | None],
        *,
        sender: Sender,
        tokens: Tokens | None = None,
        tally: Tally | None = None,
    ) -> None:
        """Keep the parts; see the class."""
        self._store = store
        self._clock = clock
        self._choose = choose
        self._tokens = tokens or AsConfigured()
        self._sender = sender
        self._tally = tally or Tally()
        self._waiting: dict[str, list[_Wanted]] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._rests: dict[str, datetime] = {}

    async def complete(self, event: WebhookEvent) -> WebhookEvent:
        """Return ``event`` with the text that its comment has now, or as it is where that cannot be had.

        It cannot where the platform has no call for it, where no token is configured, and where the comment is gone;
        what is not assessed for that reason is counted. Raises ``Retry`` or a ``PlatformError`` where it may be had
        later, and ``StoreError``.
        """
        comment, access = event.data.comment, self._choose(event)
        if comment is None or comment.text is not None:
            return event
        seen = await self._look(access, access.platform.target(event)) if access is not None else None
        if seen is None or seen.comment is None or not seen.comment.text:
            self._tally.lack_text(event.platform)
            return event
        found = replace(event.data, comment=_filled(comment, seen.comment))
        return replace(event, data=found)

    async def _look(self, access: Access, target: Target) -> Seen | None:
        if not access.platform.fetches or not target.id:
            return None
        rest = self._rests.get(access.name)
        if rest is not None and rest > self._clock.now():
            raise Retry("the account rests", after=(rest - self._clock.now()).total_seconds())
        waiting = self._waiting.setdefault(access.name, [])
        if len(waiting) >= MOST_WAITING:
            raise Retry("too many comments wait for their texts", after=USUAL_PAUSE)
        told: asyncio.Future[Seen | None] = asyncio.get_running_loop().create_future()
        waiting.append((target, told))
        if access.name not in self._looks:
            self._looks[access.name] = asyncio.get_running_loop().create_task(self._look_at_all(access))
        return await told

    async def _look_at_all(self, access: Access) -> None:
        """Look at what waits, until nothing does."""
        await asyncio.sleep(0)  # Events that are handled together are asked for together.
        waiting = self._waiting[access.name]
        try:
            while waiting:
                batch = waiting[: access.platform.fetches]
                del waiting[: len(batch)]
                await self._look_at(access, [each for each in batch if not each[1].done()])
        finally:
            del self._looks[access.name]

    async def _look_at(self, access: Access, batch: list[_Wanted]) -> None:
        if not batch:
            return
        found: Sequence[Seen | None] = ()
        failed: Exception = PlatformUnavailable("the look was broken off")
        try:
            found = await self._ask(access, [target for target, _ in batch])
        except Exception as error:  # noqa: BLE001  # it is raised where each of them is waited for
            failed = error
        finally:
            for number, (_, told) in enumerate(batch):
                if told.done():
                    continue
                if found:
                    told.set_result(found[number])
                else:
                    told.set_exception(failed)

    async def _ask(self, access: Access, targets: list[Target]) -> list[Seen | None]:
        share = replace(access, limits_factor=access.limits_factor * SHARE)
        drive = Drive(share, self._sender, self._store, self._clock.now)
        try:
            found = await self._tokens.using(access, lambda session: drive.run(access.platform.fetch(targets, session)))
        except (ContentGone, UnsupportedAction) as error:
            logger.info("%s does not show %d comments: %s", access.name, len(targets), error)
            return [None] * len(targets)
        except RateLimited as error:
            pause = USUAL_PAUSE if error.retry_after is None else error.retry_after
            self._rests[access.name] = self._clock.now() + timedelta(seconds=pause)
            raise Retry(str(error), after=pause) from error
        by_id: Mapping[str, Seen] = {one.target_id: one for one in found}
        return [None if one is None or GONE in one.states else one for one in map(by_id.get, [t.id for t in targets])]


def _filled(comment: Comment, seen: Comment) -> Comment:
    """Return a comment with what a look shows of it, where it said nothing itself."""
    names = ("text", "post_id", "parent_id", "author_id", "author_username", "created_at", "updated_at", "permalink")
    return replace(comment, **{name: getattr(seen, name) for name in names if getattr(comment, name) is None})
