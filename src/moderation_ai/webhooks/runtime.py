"""Runtime: a handler's parts on our loop thread, for callers who bring their own web framework."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from moderation_ai.core.events import WebhookEvent, to_json
from moderation_ai.core.handmade import keyed_event
from moderation_ai.core.http import Request, Response
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.pipeline.handling.calling import Call
from moderation_ai.stores.base import DEAD, RETRY, Added, Attempt, Delivery, EventFilter, EventOutcome
from moderation_ai.webhooks.handled import EXIT_DEADLINE, Handled, run
from moderation_ai.webhooks.homes import Caller, Homes
from moderation_ai.webhooks.parts import Parts
from moderation_ai.webhooks.report import Report

T = TypeVar("T")
Waiting = asyncio.Future[EventOutcome]
_LOOK = 0.5
"""Seconds after which a waiter looks into the store: another process may have handled the event."""


class Runtime:
    """Store events and wait for what their handlers made of them; its coroutines run on our loop thread.

    ``make_parts`` builds the parts with the call that runs handlers and the callback for outcomes. An interpreter that
    exits waits for what has begun, ``exit_deadline`` seconds at most.
    """

    def __init__(
        self,
        make_parts: Callable[[Call, Callable[[EventOutcome], None]], Parts],
        *,
        exit_deadline: float = EXIT_DEADLINE,
    ) -> None:
        """Build the parts; they are opened on first use."""
        self.pid = os.getpid()
        self.homes = Homes()
        self._waiting: dict[int, asyncio.Future[EventOutcome]] = {}
        self.parts = make_parts(self.homes.call, self._settled)
        self._exit_deadline = exit_deadline

    def run(self, work: Coroutine[Any, Any, T]) -> Handled[T]:
        """Begin one of this runtime's coroutines on our loop thread, from any thread; see ``Handled``."""
        return run(work, exit_deadline=self._exit_deadline)

    async def open(self) -> Parts:
        """Open the parts on first use and return them."""
        await self.parts.open()
        return self.parts

    async def receive(
        self, request: Request, platform: str | None, account: str | None, home: asyncio.AbstractEventLoop | None
    ) -> Response:
        """Return the answer to a request that came to the caller's own endpoint, on the loop that is its ``home``."""
        await self.open()
        self.homes.welcome(home)
        return await self.parts.intake.receive(request, platform, account)

    async def handle(
        self,
        events: Sequence[WebhookEvent],
        caller: Caller,
        *,
        until_ended: bool = False,
        schedule: RetrySchedule | None = None,
    ) -> Report:
        """Store events, run their handlers once now, and return what came of it; retries are left to the worker.

        Events that ``parse_event`` made are stored once; those made by hand always run. With ``until_ended`` it
        returns when no handler is to be retried any more, and what failed before is tried again; ``schedule`` counts
        instead of the handlers' own.
        """
        await self.open()
        wanted = [event for event in events if "ignored" not in event.__dict__]
        parsed = [event for event in wanted if not _is_made_by_hand(event)]
        made = [[event] for event in wanted if _is_made_by_hand(event)]
        reports = []
        for group in [parsed, *made] if parsed else made:
            added = await self._add(group)
            waits = await self._begin(added, group, caller, until_ended)
            reports.append(await self._finish(added, group, waits, caller, until_ended, schedule))
        return _merged(reports)

    async def find(self, which: EventFilter) -> list[WebhookEvent]:
        """Return the stored events that ``which`` means, oldest first."""
        await self.open()
        return await self.parts.store.events(which, newest_first=False)

    async def replay(self, events: Sequence[WebhookEvent], handlers: Sequence[str], caller: Caller) -> Report:
        """Run stored events again and wait for what comes of them."""
        await self.open()
        waits = self._expect([event.seq for event in events], caller)
        await self.parts.store.replay(list(waits), self.parts.clock.now(), handlers=handlers)
        self.parts.worker.wake()
        outcomes = [await self._outcome(seq, waiting, False) for seq, waiting in waits.items()]
        return _report(outcomes, {event.seq: event.event_id for event in events})

    async def _add(self, events: Sequence[WebhookEvent]) -> Added:
        now = self.parts.clock.now()
        keyed = [keyed_event(event, now) for event in events]
        delivery = Delivery(
            platform=events[0].platform,
            received_at=now,
            body=events[0].__dict__.get("body") or b"\n".join(to_json(event) for event in events),
            events=keyed,
            headers=events[0].__dict__.get("headers"),
            forced=_is_made_by_hand(events[0]),
        )
        return await self.parts.store.add(delivery, worker=self.parts.worker.name)

    async def _begin(
        self, added: Added, events: Sequence[WebhookEvent], caller: Caller, until_ended: bool
    ) -> dict[int, Waiting]:
        """Return what to wait for: the new events, and those stored before that are to run again."""
        waits = self._expect(added.fresh, caller)
        known = [seq for seq in dict.fromkeys(added.seqs) if seq not in waits]
        if known and _is_made_by_hand(events[0]):
            waits |= await self._again(known[0], caller, events[0].lane)
        elif until_ended:
            for seq in known:
                waits |= await self._failed_again(seq, caller)
        return waits

    async def _again(self, seq: int, caller: Caller, lane: str) -> dict[int, Waiting]:
        """Let an event that is stored already run again, after the run that may be going on."""
        while True:
            waits = self._expect([seq], caller)
            if await self.parts.store.replay([seq], self.parts.clock.now()) or caller.is_inside(lane):
                return waits
            await self._outcome(seq, waits[seq], False)

    async def _failed_again(self, seq: int, caller: Caller) -> dict[int, Waiting]:
        """Let the handlers run again that failed on an event before."""
        attempts = await self.parts.store.attempts(seq)
        failed = [attempt.handler for attempt in attempts if attempt.state in (RETRY, DEAD)]
        if not failed:
            return {}
        waits = self._expect([seq], caller)
        await self.parts.store.replay([seq], self.parts.clock.now(), handlers=failed)
        return waits

    async def _finish(
        self,
        added: Added,
        events: Sequence[WebhookEvent],
        waits: dict[int, Waiting],
        caller: Caller,
        until_ended: bool,
        schedule: RetrySchedule | None,
    ) -> Report:
        """Wait for what came of events, and report it."""
        by_seq = dict(zip(added.seqs, events, strict=True))
        if schedule is not None:
            self.parts.dispatcher.schedules.update(dict.fromkeys(waits, schedule))
        self.parts.worker.take(added.leased)
        self.parts.worker.wake()
        # A handler that waited for its own lane would wait for its own end: that event runs after it.
        later = [seq for seq in waits if caller.is_inside(by_seq[seq].lane)]
        outcomes = [await self._outcome(seq, waits[seq], until_ended) for seq in waits if seq not in later]
        for seq in waits:
            self.parts.dispatcher.schedules.pop(seq, None)
        ids = {seq: event.event_id for seq, event in by_seq.items()}
        return _report(outcomes, ids, later=later, duplicates=len(events) - len(waits))

    def _expect(self, seqs: Sequence[int], caller: Caller) -> dict[int, Waiting]:
        for seq in seqs:
            self.homes.remember(seq, caller)
        return {seq: self._wait_for(seq) for seq in seqs}

    def _wait_for(self, seq: int) -> Waiting:
        return self._waiting.setdefault(seq, asyncio.get_running_loop().create_future())

    def _settled(self, outcome: EventOutcome) -> None:
        waiting = self._forget(outcome.seq)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    def _forget(self, seq: int) -> Waiting | None:
        self.homes.forget(seq)
        return self._waiting.pop(seq, None)

    async def _outcome(self, seq: int, waiting: Waiting, until_ended: bool) -> EventOutcome:
        """Wait for an event's outcome, ours or another process's."""
        while True:
            done, _ = await asyncio.wait([waiting], timeout=_LOOK)
            outcome = waiting.result() if done else await self._stored_outcome(seq)
            if outcome is not None and not (until_ended and outcome.status == RETRY):
                if self._waiting.get(seq) is waiting:
                    self._forget(seq)
                return outcome
            if done:
                waiting = self._wait_for(seq)

    async def _stored_outcome(self, seq: int) -> EventOutcome | None:
        """Return what the store knows of an event that another process may have handled; None while it is new."""
        found = await self.parts.store.events(EventFilter(after_seq=seq - 1), limit=1, newest_first=False)
        attempts: list[Attempt] = await self.parts.store.attempts(seq)
        if not found or found[0].seq != seq:
            return None
        status = found[0].status
        if status == "pending":
            return None if not attempts else EventOutcome(seq=seq, status=RETRY, attempts=attempts)
        return EventOutcome(seq=seq, status=status, attempts=attempts)


def _is_made_by_hand(event: WebhookEvent) -> bool:
    """Say whether a caller made the event; ``parse_event`` gives each of its events a key."""
    return "key" not in event.__dict__


def _report(
    outcomes: Sequence[EventOutcome], ids: dict[int, str], *, later: Sequence[int] = (), duplicates: int = 0
) -> Report:
    statuses = {ids[outcome.seq]: outcome.status for outcome in outcomes}
    return Report(
        statuses=statuses | {ids[seq]: "pending" for seq in later},
        attempts=[attempt for outcome in outcomes for attempt in outcome.attempts],
        duplicates=duplicates,
    )


def _merged(reports: Sequence[Report]) -> Report:
    return Report(
        statuses={name: status for report in reports for name, status in report.statuses.items()},
        attempts=[attempt for report in reports for attempt in report.attempts],
        duplicates=sum(report.duplicates for report in reports),
    )
