"""Poller: the feeds of every account are read when they are due, by one process at a time for each account."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from moderation_ai.core.access import Watch
from moderation_ai.core.errors import StoreError
from moderation_ai.core.polling import Feed
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.driving import AsConfigured, Tokens
from moderation_ai.pipeline.feeding import Feeder, FeedParts
from moderation_ai.pipeline.tally import Tally
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store

logger = logging.getLogger(__name__)

LEASE = 60.0
"""Seconds after which another process may poll an account whose poller shows no sign of life."""
LOOK = 15.0
"""Seconds between two looks whether the account is still polled by another process, and between two signs of life."""
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
        self._stop = asyncio.Event()
        self.accounts = [
            AccountPoller(watch, feeds, parts, name, self._stop) for watch in watches if (feeds := feeds_of(watch))
        ]

    @property
    def keys(self) -> frozenset[tuple[str, str, str]]:
        """Return which feeds are polled: platform, account and the feed's key."""
        feeders = [feeder for account in self.accounts for feeder in account.feeders]
        return frozenset((each.cursor.platform, each.cursor.account, each.feed.key) for each in feeders)

    async def run(self) -> None:
        """Poll until ``stop``; what fails of one account holds up no other."""
        await asyncio.gather(*(account.run() for account in self.accounts))

    def stop(self) -> None:
        """Ask for no further page."""
        self._stop.set()


def feeds_of(watch: Watch) -> tuple[Feed, ...]:
    """Return what is polled with one access; raise ``ConfigurationError`` for what cannot be watched."""
    platform, session = watch.access.platform, watch.access.session
    return platform.feeds(watch.watched, session, watch.spend_cap or 0.0)


def duty_of(watch: Watch) -> str:
    """Return the name of the duty to poll an account."""
    return f"poll:{watch.access.name}"


class AccountPoller:
    """Poll the feeds of one account in turn, while this process has the duty."""

    def __init__(self, watch: Watch, feeds: Iterable[Feed], parts: FeedParts, name: str, stop: asyncio.Event) -> None:
        """Keep what is polled; ``name`` is who has the duty."""
        self.watch = watch
        self.feeders = [Feeder(watch, feed, parts, self._keep_duty) for feed in feeds]
        self._parts = parts
        self._name = name
        self._stop = stop
        self._has_duty = False

    async def run(self) -> None:
        """Poll what is due, until told to stop."""
        while not self._stop.is_set():
            try:
                pause = await self._go_on()
            except StoreError as error:
                logger.warning("%s cannot be polled, again in %.0f s: %s", self.watch.access.name, STORE_PAUSE, error)
                pause = STORE_PAUSE
            except Exception:  # A defect of ours must not end polling for ever.
                logger.exception("polling %s broke off", self.watch.access.name)
                pause = LEASE
            if pause:
                await self._parts.clock.wait(self._stop, pause)
        await self._leave()

    async def _go_on(self) -> float:
        """Poll the feed that has waited longest, if one is due; return the seconds until there is more to do."""
        had_duty = self._has_duty
        if not await self._keep_duty():
            return LOOK
        if not had_duty:
            for feeder in self.feeders:
                await feeder.load()
        feeder = min(self.feeders, key=lambda each: each.due_at)
        wait = feeder.seconds_left(self._parts.clock.now())
        if wait > 0:
            return min(wait, LOOK)
        rest = await feeder.poll()
        if rest is not None:
            for each in self.feeders:
                each.rest_until(rest)
        return 0.0

    async def _keep_duty(self) -> bool:
        now = self._parts.clock.now()
        self._has_duty = await self._parts.store.take_duty(duty_of(self.watch), self._name, now, LEASE)
        return self._has_duty

    async def _leave(self) -> None:
        try:
            await self._parts.store.drop_duty(duty_of(self.watch), self._name)
        except StoreError as error:
            logger.warning("the duty to poll %s could not be given back: %s", self.watch.access.name, error)
