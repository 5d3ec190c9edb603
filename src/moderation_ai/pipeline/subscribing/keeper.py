"""Keeper: subscriptions are kept alive for as long as it runs; what ends, fails or is denied is asked for again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from moderation_ai.core.errors import ConfigurationError, ModerationError, PlatformError, StoreBusy, StoreError
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import ACTIVE, INVALID, LEAVING, PENDING, REGISTERED, Subscription
from moderation_ai.pipeline.subscribing import terms
from moderation_ai.pipeline.subscribing.speakers import find_site, find_speaker
from moderation_ai.pipeline.subscribing.subscriber import Subscriber, wish_of
from moderation_ai.pipeline.tally import Tally

logger = logging.getLogger(__name__)

ROUND = 60.0
"""Seconds between two looks into the register, at most: others register and delete too."""
SOONEST = 1.0
FIRST = 10.0
"""Seconds before the first look: whoever starts has other work to do."""
RECENT, MISMATCHES = timedelta(minutes=10), 3
"""So many wrong signatures in so long, and no right one, after which a hub seems to sign with another secret."""
LEASE = 600.0
"""Seconds for which one process alone keeps an account's subscriptions."""


class Keeper:
    """Keep the subscriptions of the register.

    Any number may run on one store: each account is kept by one of them at a time, under a lease by name. ``tally``
    tells when something came last. Where ``works`` is false only that is written down, and others keep them.
    """

    def __init__(self, subscriber: Subscriber, tally: Tally, *, name: str, works: bool = True) -> None:
        """Keep the parts; ``name`` must be no other worker's."""
        self._subscriber = subscriber
        self._store = subscriber.store
        self._clock = subscriber.clock
        self._tally = tally
        self._name = name
        self._works = works
        self._duties: set[str] = set()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Keep them until ``stop``; a store that fails is asked again."""
        pause = FIRST
        while True:
            await self._clock.wait(self._stop, pause)
            if self._stop.is_set():
                break
            pause = await self._round()
        await self._give_back()

    def stop(self) -> None:
        """Begin nothing new. Call it on the loop that runs this."""
        self._stop.set()

    async def suspect(self, platform: str, account: str) -> None:
        """Have an account's subscriptions looked at in the next round: they seem to deliver nothing any more.

        ``account`` is empty for a platform's own. Raises ``StoreError``.
        """
        now = self._clock.now()
        for row in await self._store.subscriptions(platform):
            if account in ("", row.account or ""):
                await self._subscriber.change(row, partial(terms.suspected, now=now))

    async def keep(self) -> float:
        """Do once what is due, and return after how many seconds to look again; raises ``StoreError``."""
        rows = await self._store.subscriptions()
        await self._note_events(rows)
        await self._note_mismatches(rows)
        if not self._works:
            return ROUND
        # What nothing is configured for here, another process may keep.
        able = [row for row in rows if self._can_keep(row)]
        for platform, account in dict.fromkeys((row.platform, row.account) for row in able):
            mine = [row for row in able if (row.platform, row.account) == (platform, account)]
            if any(self._is_due(row) for row in mine) and await self._has_duty(platform, account):
                await self._keep(mine)
        return self._pause(await self._store.subscriptions())

    async def _round(self) -> float:
        try:
            return await self.keep()
        except StoreBusy as error:
            logger.info("subscriptions are not looked at while the store is busy: %s", error)
        except StoreError as error:
            logger.warning("subscriptions cannot be looked at: %s", error)
        except Exception:  # What ended here would let every subscription run out, unseen.
            logger.exception("subscriptions cannot be kept")
        return ROUND

    def _pause(self, rows: Sequence[Subscription]) -> float:
        now = self._clock.now()
        dues = [row.due_at for row in rows if row.due_at is not None and self._can_keep(row)]
        soonest = min(((due - now).total_seconds() for due in dues), default=ROUND)
        return min(max(soonest, SOONEST), ROUND)

    def _can_keep(self, row: Subscription) -> bool:
        return find_speaker(self._subscriber.sites, row) is not None or terms.is_over(row, self._clock.now())

    def _is_due(self, row: Subscription) -> bool:
        now = self._clock.now()
        is_over = row.expires_at is not None and row.expires_at <= now and row.status == ACTIVE
        return row.status != REGISTERED and (is_over or row.due_at is None or row.due_at <= now)

    async def _has_duty(self, platform: str, account: str | None) -> bool:
        duty = f"webhooks:{platform}/{account}" if account else f"webhooks:{platform}"
        has = await self._store.take_duty(duty, self._name, self._clock.now(), LEASE)
        if has:
            self._duties.add(duty)
        return has

    async def _give_back(self) -> None:
        try:
            for duty in self._duties:
                await self._store.drop_duty(duty, self._name)
        except StoreError as error:
            logger.warning("the keeper's leases could not be given back; they end by themselves: %s", error)

    # --- what is due ---

    async def _keep(self, rows: Sequence[Subscription]) -> None:
        """Do what is due for the subscriptions of one account."""
        listed = [row for row in rows if self._is_due(row) and row.status == ACTIVE and not _has_lease(row)]
        site = find_speaker(self._subscriber.sites, listed[0]) if listed else None
        if site is not None:
            await self._look(site, listed)
        for row in rows:
            if self._stop.is_set():
                return
            fresh = await self._fresh(row)
            if fresh is not None and self._is_due(fresh) and (fresh.status != ACTIVE or _has_lease(fresh)):
                await self._act(fresh)

    async def _look(self, site: Site, rows: Sequence[Subscription]) -> None:
        """Ask the platform what it has; a subscription that is not well there is due at once then."""
        try:
            await self._subscriber.look(site)
        except PlatformError as error:
            logger.warning("%s does not tell what it posts to: %s", site.access.name, error)
            for row in rows:
                await self._put_off(row, error)

    async def _act(self, row: Subscription) -> None:
        """Do what is due for one that has to be renewed, asked for again or ended."""
        now = self._clock.now()
        row = await self._subscriber.change(row, lambda each: terms.ended(each, now)) or row
        site = find_speaker(self._subscriber.sites, row)
        if terms.is_over(row, now):
            await self._subscriber.forget(row)
        elif site is not None:
            await self._try(site, row)

    async def _try(self, site: Site, row: Subscription) -> None:
        try:
            await self._ask(site, row)
        except StoreError:
            raise
        except ConfigurationError as error:
            logger.warning("the subscription %s of %s cannot be kept: %s", row.id, site.access.name, error)
            await self._put_off(row, error)
        except ModerationError as error:
            logger.warning("%s refused the subscription %s: %s", site.access.name, row.id, error)
            await self._refuse(row, error)

    async def _ask(self, site: Site, row: Subscription) -> None:
        if row.status == LEAVING:
            await self._subscriber.unregister(row)
        elif row.status == ACTIVE:
            await self._subscriber.renew(row)
        else:
            made = await self._subscriber.register(site, wish_of(row, site), again=True)
            for each in made:
                if each.status == PENDING and each.reason:
                    logger.warning("the subscription %s of %s waits: %s", each.id, site.access.name, each.reason)
                if each.status == INVALID:
                    await self._subscriber.renew(each)
        fresh = await self._fresh(row)
        if fresh is not None and fresh.status != row.status:
            logger.info("the subscription %s of %s is %s now", row.id, site.access.name, fresh.status)

    async def _put_off(self, row: Subscription, error: ModerationError) -> None:
        now = self._clock.now()
        await self._subscriber.change(row, lambda each: terms.put_off(each, error, now))

    async def _refuse(self, row: Subscription, error: ModerationError) -> None:
        now = self._clock.now()
        await self._subscriber.change(row, lambda each: terms.refused(each, error, now))

    async def _fresh(self, row: Subscription) -> Subscription | None:
        found = await self._store.subscriptions(row.platform)
        return next((each for each in found if each.id == row.id), None)

    # --- what came ---

    async def _note_events(self, rows: Sequence[Subscription]) -> None:
        """Write down when something came last of each."""
        for row in rows:
            when = self._heard(row)
            if when is not None and terms.heard(row, when) is not None:
                await self._subscriber.change(row, partial(terms.heard, when=when))

    async def _note_mismatches(self, rows: Sequence[Subscription]) -> None:
        """Have hubs asked anew, with our secret, that sign with another one: somebody subscribed us in our place."""
        now = self._clock.now()
        for row in rows:
            was_asked = row.asked_at is not None and now - row.asked_at < terms.LOOK
            if row.topic and row.status == ACTIVE and not was_asked and self._is_signed_otherwise(row.platform, now):
                logger.warning("the hub of %s signs with a secret that is not ours: it is asked anew", row.platform)
                await self._subscriber.change(row, partial(terms.suspected, now=now))

    def _is_signed_otherwise(self, platform: str, now: datetime) -> bool:
        wrong, right = self._tally.mismatched.get(platform), self._tally.last_verified.get(platform)
        begin = now - RECENT
        return wrong is not None and wrong.since(begin) >= MISMATCHES and (right is None or right < begin)

    def _heard(self, row: Subscription) -> datetime | None:
        """Return when something came last of a topic, or of an account, or where it has neither of the platform.

        What names no account that is configured may be of any.
        """
        site = find_site(self._subscriber.sites, row.platform, row.account)
        times = [
            when
            for (platform, account, topic), when in list(self._tally.heard.items())
            if platform == row.platform
            and (row.topic is None or (site is not None and site.platform.spell_topic(topic) == row.topic))
            and (row.account is None or row.topic is not None or account in ("", row.account))
        ]
        return max(times, default=None)


def _has_lease(row: Subscription) -> bool:
    """Say whether it ends by itself, or nobody but its hub could say how it stands."""
    return row.topic is not None or row.expires_at is not None
