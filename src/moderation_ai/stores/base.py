"""What a store must do, in verbs of the subject; nothing here knows SQL.

Small protocols: ``Inbox`` keeps deliveries and their events and hands them out under a lease, ``Upkeep`` removes what
must not be kept any longer, ``Register`` (in ``register.py``) keeps what was agreed with platforms, ``Ledger`` (in
``ledger.py``) what is to be done there, and ``Store`` is all of them with a beginning and an end. Every method may be
called from any thread and any event loop; it returns once what it says is on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from moderation_ai.core.events import KeyedEvent, WebhookEvent, to_dict
from moderation_ai.core.things import Thing
from moderation_ai.stores.ledger import Ledger
from moderation_ai.stores.register import Register

DONE, DEAD, SUPERSEDED, UNHANDLED, RETRY = "done", "dead", "superseded", "unhandled", "retry"
UNTIL_IT_RAN = datetime(9999, 1, 1, tzinfo=UTC)
"""How long an attempt holds back its lane that was put off behind another one: no clock ends that, only its run."""


class Delivery(msgspec.Struct, kw_only=True):
    """One authentic request as it is stored: its raw body and the events that were read out of it.

    ``headers`` is what a parser needs beside the body to read it again; to a store it is a text. ``forced`` events are
    handled whatever is known of their objects: a caller made them by hand.
    """

    platform: str
    received_at: datetime
    body: bytes
    events: Sequence[KeyedEvent]
    headers: str | None = None
    forced: bool = False


class Added(msgspec.Struct, frozen=True):
    """What became of a delivery: how many events were new, and how many were known already.

    ``leased`` holds the new events that the caller's worker has been given at once, ``seqs`` those of all events of
    the delivery, in order, known ones included, and ``fresh`` those of the new ones.
    """

    new: int
    duplicates: int
    seqs: tuple[int, ...] = ()
    fresh: tuple[int, ...] = ()
    leased: tuple[Claimed, ...] = ()


class Attempt(msgspec.Struct, kw_only=True):
    """One handler's state for one event: how often it ran, what came of the last run, and when it runs again.

    ``state`` is ``retry``, ``done``, ``dead`` or ``superseded``. While it is ``retry``, later events of the lane wait
    for this handler until ``holds_until``.
    """

    seq: int
    handler: str
    state: str
    attempts: int = 0
    error: str | None = None
    due_at: datetime | None = None
    holds_until: datetime | None = None
    lane: str = ""
    ran_at: datetime | None = None


class Claimed(msgspec.Struct, kw_only=True):
    """An event that a worker was handed under its lease, with what is known of its object and its handlers.

    ``thing`` is what was known before this event. ``attempts`` are the handlers that ran before; on a retry
    (``only`` is set) just the handlers named there are run. ``blocked`` names the handlers that an earlier event of
    the lane still holds, each with the time until which it does. A ``forced`` event is handled in any case.
    """

    event: WebhookEvent
    thing: Thing | None = None
    attempts: dict[str, Attempt] = {}
    only: tuple[str, ...] | None = None
    blocked: dict[str, datetime] = {}
    forced: bool = False


class EventOutcome(msgspec.Struct, kw_only=True):
    """What came of running an event: a state for each handler that ran, and what is now known of its object.

    ``status`` is ``done``, ``dead``, ``superseded`` or ``unhandled``, or ``retry`` while a handler has to run again.
    ``event_type`` is set where that turned out to be another than the stored one.
    """

    seq: int
    status: str
    attempts: Sequence[Attempt] = ()
    thing: Thing | None = None
    lane: str = ""
    event_type: str | None = None


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are meant; what is None does not narrow. Times are of receipt, ``until`` is exclusive.

    ``event_type`` may hold asterisks, ``text`` is looked for without regard to case. ``mentions`` is looked for
    everywhere an event's data stands, byte for byte: its normal form, raw body, headers and attempts' errors. What is
    too much for one answer is read page by page: oldest first by ``after_seq``, newest first by ``before_seq``; 0 does
    not narrow.
    """

    platform: str | None = None
    event_type: str | None = None
    account: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    lane: str | None = None
    mentions: str | None = None
    event_ids: tuple[str, ...] = ()
    after_seq: int = 0
    before_seq: int = 0


class DeadLetter(msgspec.Struct, kw_only=True):
    """An event that a handler could not handle, with the handler, its attempts and the last error."""

    event: WebhookEvent
    handler: str
    attempts: int
    error: str | None = None
    ran_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as the public contract has it: the event's fields, and handler, attempts and error beside them."""
        return {**to_dict(self.event), "handler": self.handler, "attempts": self.attempts, "error": self.error}


class Counts(msgspec.Struct, kw_only=True):
    """How many events stand where, and since when the oldest unfinished one waits."""

    total: int = 0
    by_status: dict[str, int] = {}
    dead_letters: int = 0
    retrying: int = 0
    oldest_pending_at: datetime | None = None
    last_received_at: datetime | None = None
    ignored: dict[str, int] = {}


class Horizons(msgspec.Struct, frozen=True, kw_only=True):
    """Before when what was received is not kept any more; None keeps it for ever.

    ``bodies``: raw bodies and headers. ``texts``: also what people wrote, and handlers' errors, which may quote it.
    ``deleted``: both, of objects whose deletion was learned before then.
    """

    bodies: datetime | None = None
    texts: datetime | None = None
    deleted: datetime | None = None


class Removed(msgspec.Struct, kw_only=True):
    """What was removed: raw bodies, texts of events, errors of attempts, and what was known of objects.

    ``more`` says that one more step would remove something, or look at what this one had no room for.
    """

    bodies: int = 0
    texts: int = 0
    errors: int = 0
    things: int = 0
    more: bool = False


class Inbox(Protocol):
    """Keep deliveries durably, hand their events out once under a lease, and record what came of them."""

    async def add(self, delivery: Delivery, *, worker: str | None = None) -> Added:
        """Keep ``delivery``: when this returns it is on disk, and each event is stored exactly once.

        With ``worker`` the new events are leased to that worker at once where nothing stands before them. Raises
        ``StoreBusy`` when nothing more can be taken now, and ``StoreError`` for a store that failed; nothing is kept
        then. A caller that is cancelled may have been too late: what it added stays, and is leased to nobody.
        """

    async def count_ignored(self, kinds: Sequence[str], platform: str) -> None:
        """Count authentic kinds that we have no use for; they are not stored."""

    async def claim(self, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
        """Lease up to ``limit`` events that are due to ``worker`` for ``lease`` seconds, in order of their lanes.

        An event whose lane has an earlier one under another worker's lease is not handed out. The worker's lease
        covers all that it holds and is renewed by every claim; a ``limit`` of 0 does only that.
        """

    async def settle(self, outcomes: Sequence[EventOutcome], now: datetime, *, worker: str | None = None) -> None:
        """Record what came of events and let the next ones of their lanes go; twice is once.

        With ``worker`` the outcomes of what that worker does not hold any more are left out: somebody else has it.
        """

    async def release(self, worker: str) -> None:
        """Give back what ``worker`` holds, so that others can claim it at once."""

    async def workers(self) -> list[str]:
        """Return the names of the workers that have leases."""

    async def next_due(self, now: datetime) -> datetime | None:
        """Return when the next retry is due, or None where none waits."""

    async def events(
        self, which: EventFilter, *, limit: int | None = None, newest_first: bool = True
    ) -> list[WebhookEvent]:
        """Return the events that ``which`` means."""

    async def latest_of(self, lane: str, *, limit: int) -> list[WebhookEvent]:
        """Return the latest events of an object, newest first; what that costs depends on these alone.

        Of an object with more than a thousand events, and of one that was erased, the older ones are left out.
        """

    async def raw_body(self, seq: int) -> bytes | None:
        """Return the raw body of the delivery that brought the event, or None once it is gone."""

    async def headers(self, seq: int) -> str | None:
        """Return the ``headers`` of the delivery that brought the event, or None where there are none."""

    async def attempts(self, seq: int) -> list[Attempt]:
        """Return what every handler did with the event."""

    async def dead_letters(self, which: EventFilter, *, limit: int | None = None) -> list[DeadLetter]:
        """Return the dead letters of the events that ``which`` means, newest first."""

    async def replay(self, seqs: Sequence[int], now: datetime, *, handlers: Sequence[str] = ()) -> int:
        """Put events back to be handled, by ``handlers`` alone where given; return how many that were.

        What is being handled just now is left alone, and what waits for it.
        """

    async def replace(self, seqs: Sequence[int], delivery: Delivery) -> Added:
        """Keep ``delivery`` in the place of events that it tells better, in one step.

        Those at ``seqs`` are ``superseded`` then and run no more; they, their bodies and what handlers did with them
        stay. The events of the delivery are added as by ``add``; it may have none.
        """

    async def drop(self, seqs: Sequence[int], *, handlers: Sequence[str] = ()) -> int:
        """Take events out of dead letters without handling them; return how many attempts that were."""

    async def counts(self) -> Counts:
        """Return how many events stand where."""


class Upkeep(Protocol):
    """Remove what must not be kept any longer, in small steps between which others can write."""

    async def prune(self, horizons: Horizons, now: datetime, *, limit: int, dry_run: bool = False) -> Removed:
        """Remove what ``horizons`` do not keep, of ``limit`` events at most; what one step costs depends on that alone.

        Events stay without their texts (``core.redaction``). A time of receipt after ``now`` is a clock's error: such
        an event is as old as its neighbours. With ``dry_run`` it is only counted, all at once.
        """

    async def redact(
        self, events: Sequence[WebhookEvent], *, lanes: Sequence[str] = (), dry_run: bool = False
    ) -> Removed:
        """Put ``events`` in the place of those at their ``seq``, and drop these' raw bodies, headers and errors.

        A body that several events share goes for all of them. An event that leaves its lane runs no more; one that was
        not finished is ``superseded``. What is known of the objects of ``lanes`` is forgotten.
        """

    async def scrub(self) -> None:
        """See that nothing of what was removed can be read in the store's files any more.

        Raises ``StoreBusy`` where others kept that from being done now.
        """


class Store(Inbox, Upkeep, Register, Ledger, Protocol):
    """A durable memory: an inbox with its upkeep, a register and a ledger that are opened and closed together."""

    url: str

    async def describe(self) -> dict[str, Any]:
        """Return what ``db status`` and ``doctor`` show: kind, place, schema version, library version, settings."""

    async def open(self) -> None:
        """Open the store and bring its schema up to date; raise ``StoreError`` if that fails. Twice is once."""

    async def close(self) -> None:
        """Finish what was begun and close."""
