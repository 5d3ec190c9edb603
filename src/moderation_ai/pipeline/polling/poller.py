"""Poller: the feeds of every account are read when they are due, by one process at a time for each account."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from moderation_ai.core.access import Watch
from moderation_ai.core.errors import ConfigurationError, ModerationError, PlatformUnavailable, StoreError
from moderation_ai.core.flows import Session
from moderation_ai.core.polling import Feed
from moderation_ai.pipeline.acting.driving import AsConfigured, Tokens
from moderation_ai.pipeline.acting.outcomes import USUAL_PAUSE, rest_after
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.polling.feeding import REFUSED_PAUSE, Feeder, FeedParts
from moderation_ai.pipeline.tally import Tally
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.stores.register import Cursor

logger = logging.getLogger(__name__)

LEASE = 60.0
"""Seconds after which another process may poll an account whose poller shows no sign of life."""
LOOK = 15.0
"""Seconds between two looks whether the account is still polled by another process, and between two signs of life."""
NO_FEED = "account"
"""Stands for a feed where there is none yet, because it is not known whose the token is."""
STORE_PAUSE = 5.0
"""Seconds until a store that failed is asked again."""
Silenced = Callable[[str, str], Awaitable[None]]
"""Is told the platform and the account of which push has gone silent."""


async def tell_nobody(platform: str, account: str) -> None:
    """Tell nobody that push has gone silent; the log and health say it."""


class Poller:
    """Poll ``watches``, each account by itself, until ``stop``.

    ``on_added`` is called when new events were stored, ``on_silent`` when an account's push tells nothing while polling
    sees new comments. ``tokens`` gives those that count now. Raises ``ConfigurationError`` for what cannot be
    watched.
    """

    def __init__(
        self,
        store: Store,
        watches: Iterable[Watch],
        clock: Clock,
        *,
        name: str,
        sender: Sender | None = None,
        tally: Tally | None = None,
        aliases: Mapping[str, str] | None = None,
        tokens: Tokens | None = None,
        on_added: Callable[[], None] = lambda: None,
        on_silent: Silenced = tell_nobody,
        chance: Callable[[], float] = lambda: 0.5,
    ) -> None:
        """Keep the parts; nothing is asked before ``run``. ``name`` must be no other worker's."""
        parts = FeedParts(
            store,
            clock,
            sender or Sender(),
            tally or Tally(),
            aliases or {},
            tokens or AsConfigured(),
            on_added,
            on_silent,
            chance,
        )
        self._store = store
        self._stop = asyncio.Event()
        self.accounts = [AccountPoller(watch, parts, name, self._stop) for watch in watches if feeds_of(watch)]

    async def note_repeats(self, platform: str, seqs: Sequence[int], when: datetime) -> None:
        """Keep that push told of what is stored, where that is compared with what was polled; raise ``StoreError``."""
        if any(each.watch.access.platform.name == platform and each.watch.pushes for each in self.accounts):
            await self._store.note_repeats(seqs, when)

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """Return which accounts are polled: platform and account."""
        accesses = [each.watch.access for each in self.accounts]
        return frozenset((access.platform.name, access.account) for access in accesses)

    async def run(self) -> None:
        """Poll until ``stop``; what fails of one account holds up no other."""
        await asyncio.gather(*(account.run() for account in self.accounts))

    def stop(self) -> None:
        """Ask for no further page."""
        self._stop.set()


def feeds_of(watch: Watch, session: Session | None = None) -> tuple[Feed, ...]:
    """Return what is polled with one access; raise ``ConfigurationError`` for what cannot be watched.

    Without a ``session`` that knows whose it is, the feeds are those of an account whose id is ``me``.
    """
    found = session or watch.access.session
    if session is None and found.access_token + (found.refresh_token or ""):
        found = replace(found, account_id=found.account_id or "me")
    try:
        return watch.access.platform.feeds(watch.watched, found, watch.spend_cap or 0.0)
    except ConfigurationError as error:
        raise ConfigurationError(f"platforms.{watch.access.platform.name}, watch: {error}") from error


def duty_of(watch: Watch) -> str:
    """Return the name of the duty to poll an account."""
    return f"poll:{watch.access.name}"


class AccountPoller:
    """Poll the feeds of one account in turn, while this process has the duty."""

    def __init__(self, watch: Watch, parts: FeedParts, name: str, stop: asyncio.Event) -> None:
        """Keep what is polled; ``name`` is who has the duty."""
        self.watch = watch
        self.feeders: list[Feeder] = []
        self._parts = parts
        self._name = name
        self._stop = stop
        self._has_begun = False
        self._failing_since: datetime | None = None

    async def run(self) -> None:
        """Poll what is due, until told to stop."""
        while not self._stop.is_set():
            try:
                pause = await self._go_on()
            except StoreError as error:
                logger.warning("%s cannot be polled, again in %.0f s: %s", self.watch.access.name, STORE_PAUSE, error)
                pause = STORE_PAUSE
            except ModerationError as error:
                pause = await self._failed(error)
            except Exception:  # A defect of ours must not end polling for ever.
                logger.exception("polling %s broke off", self.watch.access.name)
                pause = LEASE
            if pause:
                await self._parts.clock.wait(self._stop, pause)
        await self._leave()

    async def _go_on(self) -> float:
        """Poll the feed that has waited longest, if one is due; return the seconds until there is more to do."""
        if not await self._keep_duty():
            return LOOK
        if not self._has_begun:
            await self._begin()
        feeder = min(self.feeders, key=lambda each: each.due_at)
        wait = feeder.seconds_left(self._parts.clock.now())
        if wait > 0:
            return min(wait, LOOK)
        rest = await feeder.poll()
        if rest is not None:
            for each in self.feeders:
                each.rest_until(rest)
        return 0.0

    async def _begin(self) -> None:
        """Find out which feeds there are, for that may need the account's id, and where each was left."""
        session = await self._parts.tokens.using(self.watch.access, _as_it_is)
        feeds = feeds_of(self.watch, session)
        if not feeds:
            raise PlatformUnavailable("nobody tells yet whose the token is: configure the account's id")
        self.feeders = [Feeder(self.watch, feed, self._parts, self._keep_duty) for feed in feeds]
        for feeder in self.feeders:
            await feeder.load()
        await self._retire({feeder.feed.key for feeder in self.feeders})
        self._has_begun, self._failing_since = True, None

    async def _retire(self, polled: Collection[str]) -> None:
        """Have nobody wait any more for feeds that were polled once and are not now."""
        for cursor in await self._parts.store.cursors():
            is_ours = (cursor.platform, cursor.account) == self._key
            if is_ours and cursor.feed not in polled and cursor.next_at is not None:
                gone = replace(cursor, next_at=None, error=None, cause=None, failing_since=None)
                await self._parts.store.save_cursor(gone)

    @property
    def _key(self) -> tuple[str, str]:
        return self.watch.access.platform.name, self.watch.access.account

    async def _failed(self, error: ModerationError) -> float:
        """Say that the account cannot even be begun with; return the seconds until it is tried again."""
        now, pause = self._parts.clock.now(), _pause_after(error)
        self._failing_since = self._failing_since or now
        logger.warning("%s cannot be polled, again in %.0f s: %s", self.watch.access.name, pause, error)
        platform, account = self._key
        failed = Cursor(
            platform=platform,
            account=account,
            feed=NO_FEED,
            error=str(error),
            cause=type(error).__name__,
            failing_since=self._failing_since,
            next_at=now + timedelta(seconds=pause),
        )
        try:
            await self._parts.store.save_cursor(failed)
        except StoreError as failure:
            logger.warning("%s", failure)
        return pause

    async def _keep_duty(self) -> bool:
        now = self._parts.clock.now()
        has_duty = await self._parts.store.take_duty(duty_of(self.watch), self._name, now, LEASE)
        # Whoever has it meanwhile reads on from where we stopped.
        self._has_begun = self._has_begun and has_duty
        return has_duty

    async def _leave(self) -> None:
        try:
            await self._parts.store.drop_duty(duty_of(self.watch), self._name)
        except StoreError as error:
            logger.warning("the duty to poll %s could not be given back: %s", self.watch.access.name, error)


async def _as_it_is(session: Session) -> Session:
    return session


def _pause_after(error: ModerationError) -> float:
    return rest_after(error) or (REFUSED_PAUSE if not isinstance(error, PlatformUnavailable) else USUAL_PAUSE)
