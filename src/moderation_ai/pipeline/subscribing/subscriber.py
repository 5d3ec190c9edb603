"""Subscribing: platforms are told to post to us, asked what they have of us, and told to stop; the register follows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from moderation_ai.core.errors import ConfigurationError, ModerationError, PlatformError, UnsupportedAction
from moderation_ai.core.flows import Answer, Flow, Outgoing, Session
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import LEAVING, PENDING, REGISTERED, Subscription, Wish
from moderation_ai.pipeline.acting.driving import AsConfigured, Drive, Tokens
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.subscribing import terms
from moderation_ai.pipeline.subscribing.speakers import require_speaker
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Subscriber:
    """Speak with platforms about our webhooks, for the accounts of ``sites``, and keep the register in step.

    What a flow costs is paid from the accounts' allowances, as actions are.
    """

    def __init__(
        self,
        store: Store,
        sites: Sequence[Site],
        clock: Clock,
        *,
        sender: Sender | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        """Keep the parts; without ``tokens`` they are as the configuration has them."""
        self.store = store
        self.sites = tuple(sites)
        self.clock = clock
        self._sender = sender or Sender(now=clock.now)
        self._tokens = tokens or AsConfigured()

    async def register(self, site: Site, wish: Wish, *, again: bool = False) -> list[Subscription]:
        """Have the platform post to the address of ``wish``, and return what it has of that then.

        It is in the register as ``pending`` before the platform is asked, whose question whether it was meant may come
        before its answer. Where the platform cannot be asked now it stays so, with the reason, and is tried again.
        Raises what the platform refuses it with. With ``again`` nothing is made of what is not in the register any
        more: somebody deleted it.
        """
        require_secret(wish)
        now = self.clock.now()
        known = await self._note(wish, now, again)
        if not known:
            return []
        try:
            found = await self._run(site, lambda session: site.platform.register(wish, session, site.access.client))
        except ModerationError as error:
            return await self._failed(wish, known, error, now)
        if again and not await self._rows_of(wish):
            for each in found:  # Somebody deleted it while it was made.
                await self._unregister(site, each)
            return []
        if site.platform.one_address:
            await self._forget_others(wish)
        return await self._settle(wish, known, found, now)

    async def renew(self, known: Subscription) -> Subscription | None:
        """Have the platform look at our address again, or give the lease another term; return how it stands then.

        None is one that is not in the register any more. Raises what the platform refuses it with, and
        ``ConfigurationError`` where it cannot be asked.
        """
        site = require_speaker(self.sites, known)
        wish = wish_of(known, site)
        require_secret(wish)
        now = self.clock.now()
        if await self.change(known, lambda row: terms.asked(row, now)) is None:
            return None
        try:
            found = await self._run(site, lambda session: site.platform.renew(known, wish, session, site.access.client))
        except PlatformError as error:
            if not terms.is_passing(error):
                raise
            return await self._put_off(known, error)
        return await self.change(known, lambda row: terms.answered(row, found, now))

    async def unregister(self, known: Subscription) -> bool:
        """Have the platform post there no more, and forget it; return False where a hub has to ask back first.

        What nobody was told of is only forgotten. Raises what the platform refuses it with, and ``ConfigurationError``
        where it cannot be asked.
        """
        if known.status == REGISTERED:
            return await self.forget(known)
        site = require_speaker(self.sites, known)
        now = self.clock.now()
        if known.topic:
            await self.change(known, lambda row: terms.asked(replace(row, status=LEAVING, reason=None), now))
        try:
            await self._unregister(site, known)
        except PlatformError as error:
            if not known.topic or not terms.is_passing(error):
                raise
            if known.verified_at is None:  # The hub has nothing of it.
                return await self.forget(known)
            await self._put_off(known, error)
            return False
        return await self._is_left(known) if known.topic else await self.forget(known)

    async def forget(self, known: Subscription) -> bool:
        """Take a subscription out of the register, and tell nobody."""
        await self.store.delete_subscription(known.platform, known.id)
        return True

    async def listed(self, site: Site) -> list[Subscription]:
        """Return what the platform has of our app; nothing where it tells nobody. Raises as the flow does."""
        wish = site.wish(site.url or "")
        try:
            return list(
                await self._run(site, lambda session: site.platform.registered(wish, session, site.access.client))
            )
        except UnsupportedAction:
            return []

    async def look(self, site: Site) -> list[Subscription]:
        """Ask the platform what it has of our app, bring the register up to date, and return what it has."""
        listed = await self.listed(site)
        now = self.clock.now()
        by_id = {each.id: each for each in listed}
        for known in await self.store.subscriptions(site.platform.name):
            if known.topic or known.status in (REGISTERED, LEAVING):
                continue  # A hub tells nobody what it has.
            if known.id in by_id:
                await self.change(known, lambda row: terms.seen(row, by_id[row.id], now))
            elif known.status != PENDING and known.account in (None, site.account):
                await self.change(known, lambda row: terms.missed(row, now))
        return listed

    async def adopt(self, found: Subscription) -> Subscription:
        """Take what is at the platform already into the register, as it stands."""
        now = self.clock.now()
        row = terms.seen(replace(found, created_at=found.created_at or now), found, now)
        await self.store.save_subscription(row)
        return row

    async def preview(self, site: Site, wish: Wish) -> str | None:
        """Return the call that registering ``wish`` would begin to change something with, None if there is none.

        Only calls that read are made. Raises as the flow does.
        """
        try:
            await self._run(
                site, lambda session: site.platform.register(wish, session, site.access.client), drive=_Reading
            )
        except _WouldChange as found:
            return str(found)
        return None

    async def change(self, row: Subscription, change: terms.Change) -> Subscription | None:
        """Put in the place of a row of the register what ``change`` makes of it; None where it is gone."""
        return await self.store.change_subscription(row.platform, row.id, change)

    # --- what comes of it ---

    async def _run(self, site: Site, make: Callable[[Session], Flow[T]], *, drive: type[Drive] = Drive) -> T:
        """Drive the flow that ``make`` makes with the account's tokens."""

        async def act(session: Session) -> T:
            return await drive(site.access, self._sender, self.store, self.clock.now).run(make(session))

        session = site.access.session
        if not (session.access_token or session.refresh_token):  # A hub is asked without any, an app with its own.
            return await act(session)
        return await self._tokens.using(site.access, act)

    async def _unregister(self, site: Site, known: Subscription) -> None:
        wish = wish_of(known, site)
        await self._run(site, lambda session: site.platform.unregister(known, wish, session, site.access.client))

    async def _note(self, wish: Wish, now: datetime, again: bool) -> list[Subscription]:
        """Write down that ``wish`` is asked for, and return the rows of the register that it is about."""
        rows = await self._rows_of(wish)
        if not rows and not again:
            rows = [replace(wish.pending(), created_at=now)]
            await self.store.save_subscription(rows[0])

        def ask(row: Subscription) -> Subscription | None:
            if again:
                return None if row.status == LEAVING else terms.asked(row, now)
            return terms.asked(terms.wanted(row), now)

        return [row for each in rows if (row := await self.change(each, ask)) is not None]

    async def _failed(
        self, wish: Wish, known: Sequence[Subscription], error: ModerationError, asked_at: datetime
    ) -> list[Subscription]:
        """Have what failed tried again, if that may help; else forget what was noted just now, and raise it."""
        if isinstance(error, PlatformError) and terms.is_passing(error):
            logger.info("%s could not be asked to post to %s: %s", wish.platform, wish.url, error)
            return [row for each in known if (row := await self._put_off(each, error)) is not None]
        for row in known:
            if row.id == wish.id and row.created_at == asked_at:
                await self.forget(row)
        raise error

    async def _settle(
        self, wish: Wish, known: Sequence[Subscription], found: Sequence[Subscription], asked_at: datetime
    ) -> list[Subscription]:
        """Put what the platform has now in the place of what was known; return it as it stands."""
        kept = [await self._keep(each, asked_at) for each in _with_id(wish, found)]
        there = {row.id for row in kept}
        for old in known if kept else ():
            if old.id not in there:
                await self.forget(old)
        return kept or await self._rows_of(wish)

    async def _forget_others(self, wish: Wish) -> None:
        """Forget the address whose place this one took: else both would be kept, each in the other's place."""
        for row in await self.store.subscriptions(wish.platform):
            if row.account == wish.account and row.url != wish.url and row.status != REGISTERED:
                await self.forget(row)

    async def _keep(self, found: Subscription, asked_at: datetime) -> Subscription:
        row = await self.change(found, lambda old: terms.answered(old, found, asked_at))
        if row is None:
            new = terms.asked(replace(found, status=PENDING, created_at=found.created_at or asked_at), asked_at)
            row = terms.answered(new, found, asked_at)
            await self.store.save_subscription(row)
        return row

    async def _put_off(self, known: Subscription, error: PlatformError) -> Subscription | None:
        return await self.change(known, lambda row: terms.put_off(row, error, self.clock.now()))

    async def _is_left(self, known: Subscription) -> bool:
        return known.id not in {row.id for row in await self.store.subscriptions(known.platform)}

    async def _rows_of(self, wish: Wish) -> list[Subscription]:
        rows = await self.store.subscriptions(wish.platform)
        return [row for row in rows if (row.url, row.account, row.topic) == (wish.url, wish.account, wish.topic)]


class _WouldChange(Exception):  # It is an answer.
    """Say which call a flow would change something with."""


class _Reading(Drive):
    """A flow that may only read: it ends with ``_WouldChange`` at the first request that would change something."""

    async def _send(self, request: Outgoing) -> Answer:
        call = self._access.platform.api.call(request.call)
        if call.effect != "reads":
            raise _WouldChange(f"{call.method} {request.url.partition('?')[0]}")
        return await super()._send(request)


def wish_of(known: Subscription, site: Site) -> Wish:
    """Return the wish that a subscription came from."""
    return replace(site.wish(known.url, topic=known.topic, events=known.events), account=known.account)


def require_secret(wish: Wish) -> None:
    """Raise ``ConfigurationError`` for a topic without a secret: what a hub pushes unsigned is accepted nowhere."""
    if wish.topic and not wish.secret:
        raise ConfigurationError(
            f"{wish.platform} has no secret for its hub to sign with: set platforms.{wish.platform}.secrets, for "
            "example to what `openssl rand -hex 32` prints"
        )


def _with_id(wish: Wish, found: Sequence[Subscription]) -> list[Subscription]:
    """Return what was found, under the wish's own id where it is a topic: hubs have no ids."""
    if wish.topic is not None and len(found) == 1:
        return [replace(found[0], id=wish.id, topic=wish.topic, account=wish.account)]
    return list(found)
