"""A stage for the pipeline's tests: store, clock, handlers, dispatcher and worker, and time that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation_ai.core.events import Fact, WebhookEvent, finish
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.core.subjects import Comment, Data, Post
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.handling.dispatcher import Dispatcher
from moderation_ai.pipeline.handling.handlers import Handler, Handlers
from moderation_ai.pipeline.handling.worker import Worker
from moderation_ai.stores.base import Added, Attempt, Claimed, Delivery, EventFilter, EventOutcome, Store
from tests.kinds import new_store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEADY = RetrySchedule(max_attempts=4, first=10.0, factor=2.0, longest=600.0, jitter=0.0)
"""Retries after 10, 20 and 40 seconds."""


class Clock(ManualClock):
    """A clock that stands still until the test turns it."""

    def forward(self, seconds: float) -> None:
        """Turn the clock on."""
        self.set(self.now() + timedelta(seconds=seconds))


class WatchedInbox:
    """A store that tells when a claim was answered, and whether it gave nothing to a worker that had nothing.

    One that had something is not at rest then: what it settles may let lanes go, and wakes it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.begun = 0
        self.gave_nothing = False
        self.held: Callable[[], int] = lambda: 0
        self._answered = 0
        self._changed = asyncio.Condition()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def claim(self, worker: str, limit: int, now: datetime, lease: float) -> list[Claimed]:
        self.begun += 1
        number = self.begun
        had_nothing = not self.held()
        claimed: list[Claimed] = []
        try:
            claimed = await self.store.claim(worker, limit, now, lease)
        finally:
            async with self._changed:
                self._answered = number
                self.gave_nothing = had_nothing and limit > 0 and not claimed
                self._changed.notify_all()
        return claimed

    async def answered_after(self, number: int) -> None:
        """Return once a claim was answered that began after the ``number``th."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._answered > number)


class Stage:
    """One process's worth of pipeline over a store; ``ran`` lists what handlers were given, in order."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        clock: Clock | None = None,
        name: str = "w1",
        limit: int = 512,
        lease: float = 30.0,
        chance: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self.store = store or new_store()
        self.clock = clock or Clock(START)
        self.handlers = Handlers()
        self.outcomes: list[EventOutcome] = []
        self.ran: list[tuple[str, str]] = []
        self.dispatcher = Dispatcher(self.handlers, self.clock, chance)
        self.inbox = WatchedInbox(self.store)
        self.worker = Worker(
            self.inbox,  # type: ignore[arg-type]  # it passes on what it does not watch
            self.dispatcher,
            self.clock,
            name=name,
            limit=limit,
            lease=lease,
            on_settled=self.outcomes.append,
        )
        self.inbox.held = lambda: self.worker.held
        self._working: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Stage:
        await self.store.open()
        self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        await self.store.close()

    def begin(self) -> None:
        """Let the worker run."""
        self._working = asyncio.create_task(self.worker.run())

    async def end(self, deadline: float = 0.0) -> bool:
        """Stop the worker; say whether everything ended in time."""
        ended = await self.worker.stop(deadline)
        if self._working is not None:
            await self._working
            self._working = None
        return ended

    async def crash(self) -> None:
        """End the worker as a killed process would: nothing is settled or given back."""
        assert self._working is not None
        self._working.cancel()
        await asyncio.gather(self._working, return_exceptions=True)
        self._working = None

    def on(
        self,
        pattern: str = "*",
        *,
        name: str = "h",
        schedule: RetrySchedule = STEADY,
        timeout: float = 30.0,
        act: Callable[[WebhookEvent], Awaitable[Any] | Any] | None = None,
    ) -> Handler:
        """Register a handler that notes what it is given, and then does ``act``."""

        async def handle(event: WebhookEvent) -> None:
            self.ran.append((name, label(event)))
            if act is not None:
                result = act(event)
                if isinstance(result, Awaitable):
                    await result

        return self.handlers.add(handle, (pattern,), name=name, schedule=schedule, timeout=timeout)

    async def add(self, *facts: Fact, forced: bool = False) -> Added:
        """Store one delivery of these facts, received now, and wake the worker."""
        now = self.clock.now()
        events = [finish(fact, platform="generic", received_at=now) for fact in facts]
        delivery = Delivery(platform="generic", received_at=now, body=b"{}", events=events, forced=forced)
        added = await self.store.add(delivery)
        self.worker.wake()
        return added

    async def look(self) -> None:
        """Let the worker ask for work once more, and return once it was answered."""
        number = self.inbox.begun
        self.worker.wake()
        await self.inbox.answered_after(number)

    async def quiet(self) -> None:
        """Return once nothing can be done any more before the clock is turned, and the worker sleeps."""
        await self.look()
        while self.worker.held or not self.inbox.gave_nothing:
            await self.look()

    async def pass_time(self, seconds: float) -> None:
        """Turn the clock on and wait until what is due then is done."""
        self.clock.forward(seconds)
        await self.quiet()

    async def statuses(self) -> list[str]:
        """Return every stored event's status, in order of arrival."""
        return [event.status for event in await self.store.events(EventFilter(), newest_first=False)]

    async def attempt(self, seq: int, handler: str = "h") -> Attempt:
        """Return what is stored of a handler's attempts at an event."""
        return next(attempt for attempt in await self.store.attempts(seq) if attempt.handler == handler)


def label(event: WebhookEvent) -> str:
    """Return how tests speak of an event: its object and what happened, with the text of a change."""
    _, _, object_id = event.lane.partition(":")
    text = f"={event.text}" if event.event_type.endswith("updated") else ""
    return f"{object_id} {event.event_type.rpartition('.')[2]}{text}"


def created(object_id: str = "c1", *, at: datetime | None = None, text: str = "first") -> Fact:
    """Return the fact of a new comment."""
    data = Data(comment=Comment(id=object_id, text=text))
    return Fact(event_type="comment.created", object_id=object_id, data=data, timestamp=at)


def updated(
    object_id: str = "c1", text: str = "second", *, version: str | None = None, at: datetime | None = None
) -> Fact:
    """Return the fact of a comment's edit."""
    data = Data(comment=Comment(id=object_id, text=text))
    return Fact(
        event_type="comment.updated", object_id=object_id, data=data, timestamp=at, version=version or f"v-{text}"
    )


def sighted(object_id: str, at: datetime, text: str = "first", *, guess: str = "created") -> Fact:
    """Return the fact of a post as a feed shows it at a time, with the type that its times suggest."""
    return Fact(
        event_type=f"post.{guess}",
        object_id=object_id,
        data=Data(post=Post(id=object_id, caption=text)),
        timestamp=at,
        version=at.isoformat(),
        sighting=True,
    )


def deleted(object_id: str = "c1", *, at: datetime | None = None) -> Fact:
    """Return the fact of a comment's deletion."""
    return Fact(event_type="comment.deleted", object_id=object_id, data=Data(deleted_comment=object_id), timestamp=at)


def fails(times: int, error: Exception | None = None) -> Callable[[WebhookEvent], None]:
    """Return an act that fails so many times and succeeds then."""
    left = [times]

    def act(event: WebhookEvent) -> None:
        if left[0]:
            left[0] -= 1
            raise error or ValueError("not yet")

    return act


def fails_for(*labels: str) -> Callable[[WebhookEvent], None]:
    """Return an act that fails always, for some events."""

    def act(event: WebhookEvent) -> None:
        if label(event) in labels:
            raise ValueError(f"no {label(event)}")

    return act


def many(count: int) -> Sequence[Fact]:
    """Return new comments, each in a lane of its own."""
    return [created(f"c{number}") for number in range(count)]
