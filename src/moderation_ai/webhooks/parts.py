"""Parts: the one place where store, intake, dispatcher and worker are put together."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Context

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.addresses import Networks
from moderation_ai.core.retention import Retention
from moderation_ai.core.sites import Site
from moderation_ai.pipeline.accounts import DESK
from moderation_ai.pipeline.calling import Call, call_here
from moderation_ai.pipeline.clock import Clock, SystemClock
from moderation_ai.pipeline.credentials import Credentials
from moderation_ai.pipeline.dispatcher import Dispatcher
from moderation_ai.pipeline.fetching import Fetcher
from moderation_ai.pipeline.handlers import Handlers
from moderation_ai.pipeline.health import Health, assess
from moderation_ai.pipeline.hubs import Hubs
from moderation_ai.pipeline.intake import MAX_BODY, Intake
from moderation_ai.pipeline.keeper import Keeper
from moderation_ai.pipeline.keyfile import sealer_for
from moderation_ai.pipeline.keys import KeyRing
from moderation_ai.pipeline.moderation import StandardsEngine
from moderation_ai.pipeline.moderator import Moderator, choose_access
from moderation_ai.pipeline.outbox import Outbox
from moderation_ai.pipeline.poller import Poller
from moderation_ai.pipeline.retention import Housekeeper
from moderation_ai.pipeline.sources import Source
from moderation_ai.pipeline.standing import Standing, read_standings
from moderation_ai.pipeline.subscribing import Subscriber
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.worker import POLL, Worker
from moderation_ai.platforms import aliases
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Outcome, Store

_POLL_END = 6.0
"""Seconds that a page which is being asked for may take when all is to end: the sender's time-out, and a little."""
_chance = random.SystemRandom().random


class Parts:
    """What one process needs to receive and to handle, all on one event loop.

    ``sources`` maps ``platform`` or ``platform/account`` to what is configured; ``chance`` gives random numbers in
    [0, 1); ``call`` runs a handler where it belongs; ``on_settled`` is told of every outcome that is on disk.
    """

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Source],
        handlers: Handlers,
        *,
        clock: Clock | None = None,
        allowed: Networks | None = None,
        trusted: Networks | None = None,
        max_body: int = MAX_BODY,
        chance: Callable[[], float] = _chance,
        call: Call = call_here,
        on_settled: Callable[[Outcome], None] = lambda outcome: None,
        worker_name: str | None = None,
        retention: Retention | None = None,
        works: bool = True,
        poll: float = POLL,
        accesses: Iterable[Access] = (),
        sender: Sender | None = None,
        keys: Sequence[str] = (),
        sites: Iterable[Site] = (),
        standards: StandardsEngine | None = None,
        degrade: bool = True,
        watches: Iterable[Watch] = (),
    ) -> None:
        """Put the parts together; nothing is opened yet.

        Where ``works`` is false, events are only stored: a worker of another process handles them. ``poll`` is after
        how many seconds an idle worker looks for what other processes stored. ``accesses`` are the accounts that can be
        acted with, through ``sender``; their tokens are saved under ``keys``, else under those in the store's key file.
        ``sites`` are those whose webhooks are kept. What arrives is moderated by ``standards``, if there are any; with
        ``degrade`` what a platform cannot do is done by what is milder there. ``watches`` are polled through ``sender``
        too. Raises ``ConfigurationError`` for what cannot be watched.
        """
        self._works = works
        self.store = store
        self.sources = dict(sources)
        self.handlers = handlers
        self.clock = clock or SystemClock()
        self.tally = Tally(self.clock.now())
        name = worker_name or name_here()
        known = list(accesses)
        self.sender = sender or Sender(now=self.clock.now)
        self.credentials = Credentials(
            store, known, self.sender, self.clock, lambda: sealer_for(store.url, keys), name=name
        )
        self.outbox = Outbox(
            store,
            known,
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
        self.moderator = Moderator(standards, self.outbox, degrade=degrade, fetcher=fetcher)
        self.dispatcher = Dispatcher(
            handlers, self.clock, chance, tally=self.tally, call=call, moderator=self.moderator
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
            allowed=allowed,
            trusted=trusted,
            tally=self.tally,
            max_body=max_body,
            on_added=self.worker.wake,
            keys=self.keys,
            hubs=Hubs(store),
        )
        self.poller = Poller(
            store,
            watches,
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
        self.housekeeper = Housekeeper(store, self.clock, retention or Retention(), waiting=lambda: self.intake.waiting)
        self.subscriber = Subscriber(
            store, tuple(sites), self.clock, sender=self.sender, session_of=self.credentials.session
        )
        self.keeper = Keeper(self.subscriber, self.tally, name=name, works=works)
        self._keeping: asyncio.Task[None] | None = None
        self._working: asyncio.Task[None] | None = None
        self._housekeeping: asyncio.Task[None] | None = None
        self._acting: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Open the store and let the worker begin; twice is once.

        Raises ``StoreError``, and ``ConfigurationError`` for tokens in the store that no key here opens.

        What a worker holds whose process is gone from this machine (kill -9) is given back at once; one of another
        machine may live, and its lease ends by itself.
        """
        async with self._opening:
            if self._working is not None:
                return
            await self.store.open()
            if self._works:
                await self.credentials.open()
            DESK.use(self.outbox)
            if self._keeping is None:
                self.sender.open()
                self._keeping = asyncio.get_running_loop().create_task(self.keeper.run(), context=Context())
            if not self._works:
                return
            await self._take_over()
            # A context of its own: the first caller's request is not what later events are about.
            loop = asyncio.get_running_loop()
            self._working = loop.create_task(self.worker.run(), context=Context())
            if self.outbox.accesses:
                self._acting = loop.create_task(self.outbox.run(), context=Context())
                self._renewing = loop.create_task(self.credentials.run(), context=Context())
            if self.poller.accounts:
                self._polling = loop.create_task(self.poller.run(), context=Context())
            self._housekeeping = loop.create_task(self.housekeeper.run(), context=Context())

    async def _take_over(self) -> None:
        """Give back what workers hold whose processes are gone."""
        for name in await self.store.workers():
            if is_gone(name):
                await self.store.release(name)
        for name in await self.store.actors():
            if is_gone(name):
                await self.store.release_actions(name)
        for duty in await self.store.duties():
            if is_gone(duty.worker):
                await self.store.drop_duty(duty.name, duty.worker)

    async def close(self, deadline: float = 20.0) -> bool:
        """Let what runs come to its end for ``deadline`` seconds, then close the store; say whether all ended."""
        self.housekeeper.stop()
        self.keeper.stop()
        began = asyncio.get_running_loop().time()
        await self._stop_polling(min(deadline, _POLL_END))
        ended = await self.worker.stop(max(deadline - (asyncio.get_running_loop().time() - began), 0.0))
        ended = await self._stop_acting(deadline - (asyncio.get_running_loop().time() - began)) and ended
        if self._working is not None:
            await self._working
            self._working = None
        await self.keys.close()
        await self._stop_keeping(deadline - (asyncio.get_running_loop().time() - began))
        if self._housekeeping is not None:
            await self._housekeeping
            self._housekeeping = None
        await self.store.close()
        return ended

    async def _stop_keeping(self, deadline: float) -> None:
        """End the keeper; what it is asking just now it asks again after the next start."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            await asyncio.wait([keeping], timeout=max(deadline, 0.0))
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self.sender.close()

    async def _stop_polling(self, deadline: float) -> None:
        """Ask for no further page; one that is being asked for can be asked for again."""
        if self._polling is None:
            return
        self.poller.stop()
        await asyncio.wait([self._polling], timeout=deadline)
        self._polling.cancel()
        await asyncio.gather(self._polling, return_exceptions=True)
        self._polling = None

    async def _stop_acting(self, deadline: float) -> bool:
        """End the outbox after the handlers, which may wait for what it does."""
        DESK.leave(self.outbox)
        ended = True
        if self._acting is not None:
            ended = await self.outbox.stop(max(deadline, 0.0))
            await self._acting
            self._acting = None
        await self.credentials.stop()
        if self._renewing is not None:
            await self._renewing
            self._renewing = None
        return ended

    async def standings(self) -> list[Standing]:
        """Return how the accounts stand; raise ``StoreError``."""
        return await read_standings(self.store, self.poller.keys, self.clock.now())

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
        )


def credentials_here(
    store: Store, accesses: Iterable[Access], clock: Clock, *, keys: Sequence[str], sender: Sender | None = None
) -> Credentials:
    """Return the tokens in ``store`` for a program that runs beside those that serve it."""
    sender = sender or Sender(now=clock.now)
    return Credentials(store, accesses, sender, clock, lambda: sealer_for(store.url, keys), name=name_here())


def name_here() -> str:
    """Return a worker's name that is no other's: machine, process, and something random."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_gone(worker: str) -> bool:
    """Say whether a worker's process ran on this machine and is gone."""
    host, _, rest = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there and not ours
        return False
    return False
