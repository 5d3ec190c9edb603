"""The PostgreSQL store: its verbs, each a call that is a transaction by itself."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from moderation_ai.core.errors import StoreError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores.base import (
    Added,
    Attempt,
    Claimed,
    Counts,
    DeadLetter,
    Delivery,
    EventFilter,
    EventOutcome,
    Horizons,
    Removed,
)
from moderation_ai.stores.postgres import (
    acting,
    adding,
    claiming,
    pruning,
    reading,
    redacting,
    register,
    replaying,
    settling,
)
from moderation_ai.stores.postgres.connection import check_url, schema_version, wait_for_disk
from moderation_ai.stores.postgres.failing import as_store_error
from moderation_ai.stores.postgres.opened import Opened
from moderation_ai.stores.sessions import SqlSessions
from moderation_ai.stores.sqlledger import SqlLedger
from moderation_ai.stores.sqlregister import SqlRegister
from moderation_ai.stores.sqlverbs import Verb
from moderation_ai.stores.times import to_micros
from moderation_ai.stores.urls import without_password
from moderation_ai.threads import DaemonPool, run_in_thread

logger = logging.getLogger(__name__)

T = TypeVar("T")
_SMALL = 64  # about what a kind that is only counted takes while it waits

_DESCRIBE = """
SELECT current_setting('server_version'),
       (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
        WHERE relnamespace = 'moderation_ai'::regnamespace AND relkind = 'r'),
       current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')
"""

_threads = DaemonPool(4, "store-opener")


class PostgresStore(SqlLedger, SqlRegister, SqlSessions):
    """Keep everything in a PostgreSQL database, in its schema ``moderation_ai``; many processes may use one.

    The store is opened on first use, and again by each process that was forked from the one that made it. Connections
    that were lost are made again when they are next needed.
    """

    def __init__(self, url: str, *, max_waiting: int = 20_000, lease_clock: str = "database") -> None:
        """Name the database, as ``postgresql://user:password@host/database``.

        ``max_waiting`` additions may wait. Leases end by the database's clock; with ``lease_clock="caller"`` by the
        ``now`` of each call, for tests and simulations whose time is not this world's.
        """
        check_url(url)
        self.url = without_password(url)
        self._opening = threading.Lock()
        self._lost: dict[str, set[int]] = {}
        self._by_caller = lease_clock == "caller"
        self._open_parts = partial(Opened, url, by_caller=self._by_caller, max_waiting=max_waiting)
        self._opened: Opened | None = None

    async def describe(self) -> dict[str, Any]:
        """Return kind, place, schema version, the server's version, size and what makes its commits durable."""
        version, size, *settings = await self._read(lambda c: c.fetchrow(_DESCRIBE))
        return {
            "kind": "postgresql",
            "url": self.url,
            "schema": await self._read(schema_version),
            "library": version,
            "bytes": size,
            **dict(zip(("fsync", "full_page_writes", "synchronous_commit"), settings, strict=True)),
        }

    async def open(self) -> None:
        """Connect and bring the schema up to date; raise ``StoreError`` if that fails. Twice is once."""
        await self._parts()

    async def close(self) -> None:
        """Finish what is waiting and close."""
        await run_in_thread(self._close_now, _threads)

    async def _parts(self) -> Opened:
        """Return this process's connections, opened on first use."""
        opened = self._opened
        if opened is None or opened.was_forked:
            opened = await run_in_thread(self._open_now, _threads)
        return opened

    def _open_now(self) -> Opened:
        with self._opening:
            if self._opened is None or self._opened.was_forked:
                if self._opened is not None:
                    self._opened.leave_to_parent()
                self._opened = self._open_parts()
            return self._opened

    def _close_now(self) -> None:
        with self._opening:
            opened, self._opened = self._opened, None
            if opened is not None and not opened.was_forked:
                opened.close()

    async def _do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do what changes something, once."""
        parts = await self._parts()
        return await parts.thread.do(lambda: parts.once(work))

    async def _read(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Ask something, once more where the connection was lost."""
        parts = await self._parts()
        return await parts.thread.do(lambda: parts.again(work))

    async def add(self, delivery: Delivery, *, worker: str | None = None) -> Added:
        """Keep ``delivery``: when this returns it is on disk, and each event is stored exactly once."""
        addition = adding.Addition(delivery, worker)
        parts = await self._parts()
        try:
            undo = partial(self._give_back_soon, parts, worker, addition.claim) if worker else None
            added: Added = await parts.additions.do(addition, addition.size(), undo)
        except StoreError:
            addition.is_lost = True
            raise
        finally:
            if worker and addition.is_lost:
                self._note_lost(worker, addition.claim)
        return added

    async def count_ignored(self, kinds: Sequence[str], platform: str) -> None:
        """Count authentic kinds that we have no use for."""
        await (await self._parts()).ignored.do((platform, list(kinds)), _SMALL)

    async def claim(self, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
        """Lease up to ``limit`` events that are due."""
        parts = await self._parts()
        number = adding.new_claim()

        async def work() -> list[Claimed]:
            await self._give_back_lost(parts, worker)
            try:
                return await lease_and_read()
            except BaseException:
                # It may have leased some, and whoever waits will not be told which. Not before: what is on its way to
                # its worker must not be given back with what others have lost.
                self._note_lost(worker, number)
                raise

        async def lease_and_read() -> list[Claimed]:
            found = await parts.once(
                lambda c: claiming.lease_due(c, worker, number, limit, now, lease, by_caller=self._by_caller)
            )
            if not found:
                return []
            # What is read is what the disk will have: the two need not follow one another.
            read = parts.again(lambda c: claiming.read_leased(c, found, now))
            claimed, _ = await asyncio.gather(read, parts.once(wait_for_disk))
            return claimed

        async def undo(claimed: list[Claimed]) -> None:
            if claimed:
                await self._give_back(parts, worker, number)

        return await parts.thread.do(work, undo)

    def _note_lost(self, worker: str, claim: int) -> None:
        """Remember a claim whose answer nobody got: else its lease would be renewed for ever, and nothing done."""
        self._lost.setdefault(worker, set()).add(claim)

    async def _give_back_lost(self, parts: Opened, worker: str) -> None:
        for claim in list(self._lost.get(worker, ())):
            await parts.once(partial(claiming.give_back, worker=worker, number=claim))
            self._lost[worker].discard(claim)

    def _give_back_soon(self, parts: Opened, worker: str, claim: int, added: Added) -> None:
        if added.leased:
            with suppress(StoreError):  # Once the store is closed, what was leased comes free by itself.
                parts.thread.call_soon(lambda: parts.thread.spawn(self._give_back(parts, worker, claim)))

    async def _give_back(self, parts: Opened, worker: str, claim: int) -> None:
        self._note_lost(worker, claim)
        try:
            await self._give_back_lost(parts, worker)
        except Exception as error:  # noqa: BLE001  # the worker's next claim tries it again
            logger.warning("what nobody waits for could not be given back yet: %s", as_store_error(error))

    async def settle(self, outcomes: Sequence[EventOutcome], now: datetime, *, worker: str | None = None) -> None:
        """Record what came of events."""
        await self._do(lambda c: settling.settle(c, outcomes, now, worker))

    async def release(self, worker: str) -> None:
        """Give back what ``worker`` holds."""
        await self._do(lambda c: claiming.give_back(c, worker))
        self._lost.pop(worker, None)

    async def workers(self) -> list[str]:
        """Return the names of the workers that have leases."""
        return await self._read(claiming.workers)

    async def next_due(self, now: datetime) -> datetime | None:
        """Return when the next retry is due."""
        return await self._read(claiming.next_due)

    async def events(
        self, which: EventFilter, *, limit: int | None = None, newest_first: bool = True
    ) -> list[WebhookEvent]:
        """Return the events that ``which`` means."""
        return await self._read(lambda c: reading.events(c, which, limit, newest_first))

    async def latest_of(self, lane: str, *, limit: int) -> list[WebhookEvent]:
        """Return the latest events of an object, newest first."""
        return await self._read(lambda c: reading.latest_of(c, lane, limit))

    async def raw_body(self, seq: int) -> bytes | None:
        """Return the raw body of the delivery that brought the event."""
        return await self._read(lambda c: reading.raw_body(c, seq))

    async def headers(self, seq: int) -> str | None:
        """Return the ``headers`` of the delivery that brought the event."""
        return await self._read(lambda c: reading.headers(c, seq))

    async def attempts(self, seq: int) -> list[Attempt]:
        """Return what every handler did with the event."""
        return await self._read(lambda c: reading.attempts(c, seq))

    async def dead_letters(self, which: EventFilter, *, limit: int | None = None) -> list[DeadLetter]:
        """Return the dead letters of the events that ``which`` means."""
        return await self._read(lambda c: reading.dead_letters(c, which, limit))

    async def replay(self, seqs: Sequence[int], now: datetime, *, handlers: Sequence[str] = ()) -> int:
        """Put events back to be handled."""
        return await self._do(lambda c: replaying.replay(c, seqs, now, handlers))

    async def replace(self, seqs: Sequence[int], delivery: Delivery) -> Added:
        """Keep ``delivery`` in the place of the events at ``seqs``, in one step."""
        addition = adding.Addition(delivery, None)
        return await self._do(lambda c: replaying.replace(c, seqs, addition))

    async def drop(self, seqs: Sequence[int], *, handlers: Sequence[str] = ()) -> int:
        """Take events out of dead letters without handling them."""
        return await self._do(lambda c: replaying.drop(c, seqs, handlers))

    async def counts(self) -> Counts:
        """Return how many events stand where."""
        return await self._read(reading.counts)

    async def prune(self, horizons: Horizons, now: datetime, *, limit: int, dry_run: bool = False) -> Removed:
        """Remove what ``horizons`` do not keep, of ``limit`` events at most."""
        if dry_run:
            return await self._read(lambda c: pruning.count_prunable(c, horizons))
        return await self._do(lambda c: pruning.prune(c, horizons, now, limit))

    async def redact(
        self, events: Sequence[WebhookEvent], *, lanes: Sequence[str] = (), dry_run: bool = False
    ) -> Removed:
        """Put ``events`` in the place of those at their ``seq``, and drop what stands beside these."""
        return await self._do(lambda c: redacting.redact(c, events, lanes, dry_run=dry_run))

    async def scrub(self) -> None:
        """Have the database clear away what was changed or removed."""
        await self._do(redacting.scrub)

    async def save_subscription(self, subscription: Subscription) -> None:
        """Keep ``subscription``."""
        await self._do(lambda c: register.save(c, subscription))

    async def subscriptions(self, platform: str | None = None) -> list[Subscription]:
        """Return the subscriptions."""
        return await self._read(lambda c: register.find(c, platform))

    async def delete_subscription(self, platform: str, subscription_id: str) -> bool:
        """Forget a subscription; return whether there was one."""
        return await self._do(lambda c: register.delete(c, platform, subscription_id))

    def _clock_of_leases(self, now: datetime) -> int | None:
        """Return the caller's time only where leases end by it."""
        return to_micros(now) if self._by_caller else None

    async def _change(self, make: Callable[[], Verb[T]], *, is_minor: bool = False) -> T:
        """Run a verb that changes something; each is safe before this returns."""
        return await self._do(lambda c: acting.run(c, make()))

    async def _look(self, make: Callable[[], Verb[T]]) -> T:
        """Run a verb that only reads."""
        return await self._read(lambda c: acting.run(c, make()))
