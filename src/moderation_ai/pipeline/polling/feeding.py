"""Feeding: one feed is asked for its next page, the page is kept, and only then the cursor moves on."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from moderation_ai.core.access import Watch
from moderation_ai.core.errors import CredentialsRejected, ModerationError, PlatformUnavailable, RateLimited, StoreError
from moderation_ai.core.flows import Flow, Session
from moderation_ai.core.polling import Feed, Page
from moderation_ai.pipeline.acting.driving import Drive, Tokens
from moderation_ai.pipeline.acting.outcomes import LOCKED_OUT, USUAL_PAUSE
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.polling.pages import keep_page, unread_page
from moderation_ai.pipeline.polling.reconciling import Reconciling
from moderation_ai.pipeline.tally import Tally
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.register import Cursor

logger = logging.getLogger(__name__)

SHARE = 0.8
"""How much of an allowance polling may use up: the rest is kept for acting."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds until a feed is asked again whose platform failed: the first time, and after many times."""
REFUSED_PAUSE = 3600.0
"""Seconds until a feed is asked again that the platform refused: somebody has to mend it."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class FeedParts(NamedTuple):
    """What all feeds need."""

    store: Store
    clock: Clock
    sender: Sender
    tally: Tally
    aliases: Mapping[str, str]
    tokens: Tokens
    on_added: Callable[[], None]
    on_silent: Callable[[str, str], Awaitable[None]]
    chance: Callable[[], float]


class Feeder:
    """One feed of one account: when it is due, what its next page brings, and how it stands."""

    def __init__(self, watch: Watch, feed: Feed, parts: FeedParts, keep_duty: Callable[[], Awaitable[bool]]) -> None:
        """Keep what is asked; ``keep_duty`` says whether this process may still move the cursor."""
        access = watch.access
        self.feed = feed
        self.interval = watch.interval or feed.interval
        self.cursor = Cursor(platform=access.platform.name, account=access.account, feed=feed.key)
        self.due_at = _LONG_AGO
        self._asked_at = _LONG_AGO
        self._watch = watch
        self._parts = parts
        self._keep_duty = keep_duty
        self._failures = 0
        self._reconciling: Reconciling | None = None

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"{self.feed.key} of {self._watch.access.name}"

    async def load(self) -> None:
        """Go on where whoever polled it last has stopped."""
        known = await self._parts.store.cursor(self.cursor.platform, self.cursor.account, self.cursor.feed)
        self.cursor = known or self.cursor
        self.due_at = self._due_after_start()
        self._asked_at = self.cursor.polled_at or _LONG_AGO
        self._failures = 0
        self._reconciling = None

    def _due_after_start(self) -> datetime:
        """Return when it is due: at once where somebody may have mended what was wrong, or shortened the interval."""
        cursor = self.cursor
        if cursor.next_at is None or cursor.cause not in (None, RateLimited.__name__):
            return _LONG_AGO
        if cursor.cause is None and cursor.polled_at is not None:
            return min(cursor.next_at, cursor.polled_at + timedelta(seconds=self.interval))
        return cursor.next_at

    def seconds_left(self, now: datetime) -> float:
        """Return the seconds until it is due; a clock that was set back holds up nothing."""
        return (self.due_at - now).total_seconds() if now >= self._asked_at else 0.0

    def rest_until(self, when: datetime) -> None:
        """Ask for nothing before then."""
        self.due_at = max(self.due_at, when)

    async def poll(self) -> datetime | None:
        """Ask for the next page and keep it; return until when the whole account must rest, or None.

        Raises ``StoreError``: the cursor stands where it stood then, and what was stored is known the next time.
        """
        self._asked_at = self._parts.clock.now()
        access = self._watch.access
        # Of every allowance a part stays for acting.
        drive = Drive(
            replace(access, limits_factor=access.limits_factor * SHARE),
            self._parts.sender,
            self._parts.store,
            self._parts.clock.now,
        )
        try:
            page = await self._parts.tokens.using(access, lambda session: drive.run(self._flow(session)))
        except StoreError:
            raise
        except (CredentialsRejected, RateLimited) as error:
            return await self._failed(error, _rest_after(error))
        except PlatformUnavailable as error:
            await self._failed(error, max(error.retry_after or 0.0, self._backed_off()))
            return None
        except ModerationError as error:
            await self._failed(error, REFUSED_PAUSE)
            return None
        except Exception as error:
            logger.exception("the answer to %s could not be read", self.name)
            await self._unread(drive, error)
            return None
        await self._keep(page)
        return drive.pause

    def _flow(self, session: Session) -> Flow[Page]:
        return self._watch.access.platform.ask_feed(self.feed, self.cursor.cursor, session, self._asked_at)

    async def _keep(self, page: Page) -> None:
        """Store what a page tells, then move the cursor on."""
        parts, now = self._parts, self._parts.clock.now()
        new = await self._store(page, now)
        self._failures = 0
        goes_on = page.more and page.cursor != self.cursor.cursor
        pause = 0.0 if goes_on else max(0.0, self.interval - (now - self._asked_at).total_seconds())
        await self._move(
            replace(
                self.cursor,
                cursor=page.cursor,
                polled_at=now,
                error=None,
                cause=None,
                failing_since=None,
                events=self.cursor.events + new,
                gap_at=now if page.gap else self.cursor.gap_at,
                coverage=self._reconciling.coverage if self._reconciling else None,
            ),
            now + timedelta(seconds=pause),
        )
        if page.gap:
            logger.warning("%s: more was written than can be asked for; some of it was never seen", self.name)
        if new:
            parts.on_added()

    async def _store(self, page: Page, now: datetime) -> int:
        """Return how many events of a page are new, once they are on disk."""
        parts, platform = self._parts, self.cursor.platform
        stored = await keep_page(parts.store, self._watch, page, now, parts.aliases)
        parts.tally.poll(platform, stored.added.new, stored.added.duplicates)
        if self.feed.reconciles and self._watch.pushes:
            self._reconciling = self._reconciling or Reconciling(self.cursor.coverage, now)
            was_silent = self._reconciling.coverage.is_silent(now)
            await self._reconciling.compare(parts.store, stored, now)
            if self._reconciling.coverage.is_silent(now) and not was_silent:
                await self._tell_silence()
        return stored.added.new

    async def _tell_silence(self) -> None:
        logger.warning("%s: push tells nothing while comments are written", self._watch.access.name)
        try:
            await self._parts.on_silent(self.cursor.platform, self.cursor.account)
        except StoreError as error:  # Whoever keeps the subscription looks at it sooner or later.
            logger.warning("the keeper could not be told: %s", error)

    async def _unread(self, drive: Drive, error: Exception) -> None:
        """Keep an answer that a defect of ours kept from being read; the feed is asked on."""
        if drive.answer is not None and drive.answer.body:
            page = unread_page(drive.answer.body, f"a defect kept this page of {self.feed.key} from being read")
            await self._store(page, self._parts.clock.now())
        await self._failed(error, self._backed_off())

    async def _failed(self, error: Exception, pause: float) -> datetime:
        """Write down what went wrong; return when it is asked again."""
        self._failures += 1
        now = self._parts.clock.now()
        due_at = now + timedelta(seconds=pause)
        # Once for each time that it begins to fail: six feeds of an account would fill the log, and health tells on.
        level = logging.WARNING if self.cursor.failing_since is None else logging.DEBUG
        logger.log(level, "%s was not read, again in %.0f s: %s", self.name, pause, error)
        self._parts.tally.fail_poll(self.cursor.platform, type(error).__name__)
        said = str(error) if isinstance(error, ModerationError) else type(error).__name__
        since = self.cursor.failing_since or now
        await self._move(replace(self.cursor, error=said, cause=type(error).__name__, failing_since=since), due_at)
        return due_at

    def _backed_off(self) -> float:
        longest = max(LONGEST_PAUSE, self.interval)
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failures, 20), longest)
        return pause * (0.8 + 0.4 * self._parts.chance())

    async def _move(self, cursor: Cursor, due_at: datetime) -> None:
        """Save how the feed stands, unless another process polls it by now."""
        self.due_at = due_at
        if await self._keep_duty():
            self.cursor = replace(cursor, next_at=due_at)
            await self._parts.store.save_cursor(self.cursor)


def _rest_after(error: CredentialsRejected | RateLimited) -> float:
    if isinstance(error, CredentialsRejected):
        return LOCKED_OUT
    return USUAL_PAUSE if error.retry_after is None else max(error.retry_after, 1.0)
