"""The SQLite store: its verbs, each a piece of work for the writer or for a reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import apsw

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
from moderation_ai.stores.sessions import SqlSessions
from moderation_ai.stores.sqlite import (
    acting,
    adding,
    claiming,
    forking,
    leases,
    pruning,
    reading,
    redacting,
    register,
    replaying,
    settling,
)
from moderation_ai.stores.sqlite.connection import BUSY_SECONDS, empty_log, schema_version
from moderation_ai.stores.sqlite.opened import Opened
from moderation_ai.stores.sqlledger import SqlLedger
from moderation_ai.stores.sqlregister import SqlRegister
from moderation_ai.stores.sqlverbs import Verb
from moderation_ai.threads import DaemonPool, run_in_thread

T = TypeVar("T")
_SMALL = 1  # A size above 0 makes a job count against the bound of what may wait.

# Not the pool of the users' handlers: where they all hang, the store must not.
_threads = DaemonPool(8, "store-reader")


class SqliteStore(SqlLedger, SqlRegister, SqlSessions):
    """Keep everything in one SQLite file (or in memory, for ``:memory:``).

    One thread owns the only writing connection of this process; other processes may write too, in short transactions.
    The store is opened on first use, and again by each process that was forked from the one that made it.
    """

    def __init__(
        self,
        path: str,
        *,
        synchronous: str = "FULL",
        max_waiting: int = 20_000,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        """Name the file. ``synchronous`` other than FULL gives up the promise that what is acknowledged is on disk;
        it exists for the test that proves the promise. ``max_waiting`` jobs may wait for the writer, and the writer
        waits ``busy_seconds`` for another process that writes.
        """
        self.path = path
        self.url = f"sqlite:///{path}"
        self._synchronous = synchronous
        self._open_parts = partial(
            Opened, path, synchronous=synchronous, max_waiting=max_waiting, busy_seconds=busy_seconds
        )
        self._opened: Opened | None = None

    async def describe(self) -> dict[str, Any]:
        """Return kind, place, schema version and library version."""
        return {
            "kind": "memory" if self.path == ":memory:" else "sqlite",
            "url": self.url,
            "schema": await self._read(schema_version),
            "library": apsw.sqlite_lib_version(),
            "synchronous": self._synchronous,
        }

    async def open(self) -> None:
        """Open the file and bring its schema up to date; raise ``StoreError`` if that fails. Twice is once."""
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
        with forking.lock():
            if self._opened is None or self._opened.was_forked:
                if self._opened is not None:
                    self._opened.require_clean_fork()
                self._opened = self._open_parts()
            return self._opened

    def _close_now(self) -> None:
        with forking.lock():
            opened, self._opened = self._opened, None
            if opened is not None and not opened.was_forked:
                opened.close()

    async def _write(self, work: Callable[[apsw.Connection], T], size: int = 0, *, repeatable: bool = False) -> T:
        result: T = await (await self._parts()).writer.do(work, size, repeatable=repeatable)
        return result

    async def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        parts = await self._parts()
        if parts.readers is None:
            result: T = await parts.writer.do(work)
            return result
        return await run_in_thread(partial(parts.readers.read, work), _threads)

    async def add(self, delivery: Delivery, *, worker: str | None = None) -> Added:
        """Keep ``delivery``: when this returns it is on disk, and each event is stored exactly once."""
        addition = adding.Addition(delivery, worker)
        writer = (await self._parts()).writer
        undo = (lambda c, added: leases.give_back(c, worker, added.leased)) if worker else None
        added: Added = await writer.do(addition, addition.size(), undo)
        return added

    async def count_ignored(self, kinds: Sequence[str], platform: str) -> None:
        """Count authentic kinds that we have no use for."""
        await self._write(lambda c: register.count_ignored(c, kinds, platform), _SMALL)

    async def claim(self, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
        """Lease up to ``limit`` events that are due."""
        writer = (await self._parts()).writer
        claimed: list[Claimed] = await writer.do(
            lambda c: claiming.claim(c, worker, limit, now, lease),
            undo=lambda c, claimed: leases.give_back(c, worker, claimed),
            repeatable=True,
        )
        return claimed

    async def settle(self, outcomes: Sequence[EventOutcome], now: datetime, *, worker: str | None = None) -> None:
        """Record what came of events."""
        await self._write(lambda c: settling.settle(c, outcomes, now, worker), repeatable=True)

    async def release(self, worker: str) -> None:
        """Give back what ``worker`` holds."""
        await self._write(lambda c: leases.release(c, worker))

    async def workers(self) -> list[str]:
        """Return the names of the workers that have leases."""
        return await self._read(leases.workers)

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
        return await self._write(lambda c: replaying.replay(c, seqs, now, handlers))

    async def replace(self, seqs: Sequence[int], delivery: Delivery) -> Added:
        """Keep ``delivery`` in the place of the events at ``seqs``, in one step."""
        addition = adding.Addition(delivery, None)
        return await self._write(lambda c: replaying.replace(c, seqs, addition), addition.size())

    async def drop(self, seqs: Sequence[int], *, handlers: Sequence[str] = ()) -> int:
        """Take events out of dead letters without handling them."""
        return await self._write(lambda c: replaying.drop(c, seqs, handlers))

    async def counts(self) -> Counts:
        """Return how many events stand where."""
        return await self._read(reading.counts)

    async def prune(self, horizons: Horizons, now: datetime, *, limit: int, dry_run: bool = False) -> Removed:
        """Remove what ``horizons`` do not keep, of ``limit`` events at most."""
        if dry_run:
            return await self._read(lambda c: pruning.count_prunable(c, horizons))
        return await self._write(lambda c: pruning.prune(c, horizons, now, limit), repeatable=True)

    async def redact(
        self, events: Sequence[WebhookEvent], *, lanes: Sequence[str] = (), dry_run: bool = False
    ) -> Removed:
        """Put ``events`` in the place of those at their ``seq``, and drop what stands beside these."""
        if dry_run:
            return await self._read(lambda c: redacting.redact(c, events, lanes, dry_run=True))
        return await self._write(lambda c: redacting.redact(c, events, lanes))

    async def scrub(self) -> None:
        """Empty the write-ahead log into the file, in whose pages nothing is left of what was removed."""
        await self._read(empty_log)

    async def save_subscription(self, subscription: Subscription) -> None:
        """Keep ``subscription``."""
        await self._write(lambda c: register.save(c, subscription))

    async def subscriptions(self, platform: str | None = None) -> list[Subscription]:
        """Return the subscriptions."""
        return await self._read(lambda c: register.find(c, platform))

    async def delete_subscription(self, platform: str, subscription_id: str) -> bool:
        """Forget a subscription."""
        return await self._write(lambda c: register.delete(c, platform, subscription_id))

    async def _change(self, make: Callable[[], Verb[T]], *, is_minor: bool = False) -> T:
        """Run a verb that changes something."""
        return await self._write(lambda c: acting.run(c, make()), repeatable=is_minor)

    async def _look(self, make: Callable[[], Verb[T]]) -> T:
        """Run a verb that only reads."""
        return await self._read(lambda c: acting.run(c, make()))
