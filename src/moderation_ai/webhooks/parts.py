"""Parts: the one place where store, intake, dispatcher and worker are put together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from moderation_ai.core.access import Access, choose_access
from moderation_ai.core.sources import closed
from moderation_ai.pipeline.accounts import DESK
from moderation_ai.pipeline.acting.outbox import Outbox
from moderation_ai.pipeline.clock import Clock, SystemClock
from moderation_ai.pipeline.credentials.authorising import authorisations
from moderation_ai.pipeline.credentials.credentials import Credentials
from moderation_ai.pipeline.credentials.keyfile import sealer_for
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.pipeline.handling.calling import Call, call_here
from moderation_ai.pipeline.handling.dispatcher import Dispatcher
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.pipeline.handling.moderator import Moderator
from moderation_ai.pipeline.handling.worker import POLL, Worker
from moderation_ai.pipeline.polling.fetching import Fetcher
from moderation_ai.pipeline.polling.poller import Poller
from moderation_ai.pipeline.receiving.answering_hubs import Hubs
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.receiving.public_keys import KeyRing
from moderation_ai.pipeline.subscribing.keeper import Keeper
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.upkeep.retention import Housekeeper
from moderation_ai.pipeline.watching.alerting import PREFIX as ALERTED
from moderation_ai.pipeline.watching.alerting import Alerts
from moderation_ai.pipeline.watching.health import Health, assess
from moderation_ai.pipeline.watching.standing import Standing, read_standings
from moderation_ai.platforms import aliases
from moderation_ai.sender import Sender
from moderation_ai.stores.base import EventOutcome, Store
from moderation_ai.webhooks.background import Background
from moderation_ai.webhooks.naming import is_gone, name_here
from moderation_ai.webhooks.setup import Setup

_POLL_END = 6.0
"""Seconds that a page which is being asked for may take when all is to end: the sender's time-out, and a little."""
_WORKER, _OUTBOX, _CREDENTIALS, _POLLER = "worker", "outbox", "credentials", "poller"
_KEEPER, _HOUSEKEEPER, _ALERTS = "keeper", "housekeeper", "alerts"
_chance = random.SystemRandom().random


class Parts:
    """What one process needs to receive and to handle, all on one event loop, made from a ``setup``.

    ``chance`` gives random numbers in [0, 1); ``call`` runs a handler where it belongs; ``on_settled`` is told of every
    outcome that is on disk; ``sender`` asks platforms.
    """

    def __init__(
        self,
        store: Store,
        setup: Setup,
        handlers: Handlers,
        *,
        clock: Clock | None = None,
        chance: Callable[[], float] = _chance,
        call: Call = call_here,
        on_settled: Callable[[EventOutcome], None] = lambda outcome: None,
        works: bool = True,
        poll: float = POLL,
        sender: Sender | None = None,
    ) -> None:
        """Put the parts together; nothing is opened yet.

        Where ``works`` is false, events are only stored: a worker of another process handles them. ``poll`` is after
        how many seconds an idle worker looks for what other processes stored. Raises ``ConfigurationError`` for what
        cannot be watched.
        """
        self._works = works
        self._chance = chance
        self.store = store
        self.sources = dict(setup.sources)
        self.handlers = handlers
        self.clock = clock or SystemClock()
        self.tally = Tally(self.clock.now())
        name = name_here()
        self.sender = sender or Sender(now=self.clock.now)
        self.credentials = Credentials(
            store, setup.accesses, self.sender, self.clock, partial(_sealer, store.url, setup.keys), name=name
        )
        self.outbox = Outbox(
            store,
            setup.accesses,
            self.clock,
            chance,
            name=name,
            sender=self.sender,
            credentials=self.credentials,
            poll=poll,
        )
        fetcher = Fetcher(
            store,
            self.clock,
            lambda event: choose_access(self.outbox.accesses, event.platform, event.account),
            sender=self.sender,
            tokens=self.credentials,
            tally=self.tally,
        )
        self.moderator = Moderator(setup.standards, self.outbox, degrade=setup.degrade, fetcher=fetcher)
        self.dispatcher = Dispatcher(
            handlers,
            self.clock,
            chance,
            tally=self.tally,
            call=call,
            moderator=self.moderator,
            closed=closed(self.sources.values(), setup.accesses),
        )
        self.keys = KeyRing(Sender().get)
        self.worker = Worker(
            store,
            self.dispatcher,
            self.clock,
            name=name,
            poll=poll,
            on_settled=on_settled,
            waiting=lambda: self.intake.waiting,
        )
        self.intake = Intake(
            store,
            self.sources,
            aliases=aliases(),
            allowed=setup.allowed,
            trusted=setup.trusted,
            tally=self.tally,
            max_body=setup.max_body,
            on_added=self.worker.wake,
            on_repeats=lambda *repeats: self.poller.note_repeats(*repeats),
            keys=self.keys,
            hubs=Hubs(store),
        )
        self.poller = Poller(
            store,
            setup.watches,
            self.clock,
            name=name,
            sender=self.sender,
            tokens=self.credentials,
            tally=self.tally,
            aliases=aliases(),
            on_added=self.worker.wake,
            on_silent=lambda platform, account: self.keeper.suspect(platform, account),
            chance=chance,
        )
        self.housekeeper = Housekeeper(store, self.clock, setup.retention, waiting=lambda: self.intake.waiting)
        self.subscriber = Subscriber(store, setup.sites, self.clock, sender=self.sender, tokens=self.credentials)
        self.keeper = Keeper(self.subscriber, self.tally, name=name, works=works)
        self._receiver = setup.receiver
        self._background = Background()
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Open the store and let the worker begin; twice is once.

        Raises ``StoreError``, and ``ConfigurationError`` for tokens in the store that no key here opens.

        What a worker holds whose process is gone from this machine (kill -9) is given back at once; one of another
        machine may live, and its lease ends by itself.
        """
        async with self._opening:
            if _WORKER in self._background:
                return
            await self.store.open()
            if self._works:
                await self.credentials.open()
            DESK.use(self.outbox)
            if _KEEPER not in self._background:
                self.sender.open()
                self._background.begin(_KEEPER, self.keeper.run())
                self._begin_alerts()
            if not self._works:
                return
            await self._take_over()
            self._background.begin(_WORKER, self.worker.run())
            if self.outbox.accesses:
                self.sender.load()
                self._background.begin(_OUTBOX, self.outbox.run())
                self._background.begin(_CREDENTIALS, self.credentials.run())
            if self.poller.accounts:
                self._background.begin(_POLLER, self.poller.run())
            self._background.begin(_HOUSEKEEPER, self.housekeeper.run())

    def _begin_alerts(self) -> None:
        if self._receiver is not None:
            alerts = Alerts(
                self.store, self.health, self._receiver, self.clock, name=self.worker.name, chance=self._chance
            )
            self._background.begin(_ALERTS, alerts.run())

    async def _take_over(self) -> None:
        """Give back what workers hold whose processes are gone."""
        for name in await self.store.workers():
            if is_gone(name):
                await self.store.release(name)
        for name in await self.store.actors():
            if is_gone(name):
                await self.store.release_actions(name)
        for duty in await self.store.duties():
            if is_gone(duty.worker) and not duty.name.startswith(ALERTED):
                await self.store.drop_duty(duty.name, duty.worker)

    async def close(self, deadline: float = 20.0) -> bool:
        """Let what runs come to its end for ``deadline`` seconds, then close the store; say whether all ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        self.housekeeper.stop()
        self.keeper.stop()
        self.poller.stop()
        await self._background.cancel(_ALERTS, 0.0)
        await self._background.cancel(_POLLER, min(deadline, _POLL_END))
        ended = await self.worker.stop(max(until - loop.time(), 0.0))
        ended = await self._stop_acting(max(until - loop.time(), 0.0)) and ended
        await self._background.finish(_WORKER)
        await self.keys.close()
        if _KEEPER in self._background:
            await self._background.cancel(_KEEPER, until - loop.time())
            await self.sender.close()
        await self._background.finish(_HOUSEKEEPER)
        await self.store.close()
        return ended

    async def _stop_acting(self, deadline: float) -> bool:
        """End the outbox after the handlers, which may wait for what it does."""
        DESK.leave(self.outbox)
        ended = True
        if _OUTBOX in self._background:
            ended = await self.outbox.stop(deadline)
            await self._background.finish(_OUTBOX)
        await self.credentials.stop()
        await self._background.finish(_CREDENTIALS)
        return ended

    async def standings(self) -> list[Standing]:
        """Return how the accounts stand; raise ``StoreError``."""
        return await read_standings(self.store, self.poller.names, self.clock.now())

    async def health(self, silence_after: Mapping[str, float] | None = None) -> Health:
        """Return the state of this process and its store; ``silence_after`` are more limits by platform, in seconds."""
        counts = await self.store.counts()
        now = self.clock.now()
        return assess(
            counts,
            self.tally,
            self.handlers,
            self.sources,
            now,
            silence_after=silence_after,
            moderates=self.moderator.judges,
            outboxes=await self.store.outboxes(),
            standings=await self.standings(),
            tokens=authorisations(self.credentials.accesses.values(), await self.store.sessions(), now),
        )


def _sealer(url: str, keys: Sequence[str], is_new: bool) -> Sealer:
    return sealer_for(url, keys, is_new=is_new)


def credentials_here(
    store: Store, accesses: Iterable[Access], clock: Clock, *, keys: Sequence[str], sender: Sender | None = None
) -> Credentials:
    """Return the tokens in ``store`` for a program that runs beside those that serve it."""
    sender = sender or Sender(now=clock.now)
    return Credentials(store, accesses, sender, clock, partial(_sealer, store.url, keys), name=name_here())
