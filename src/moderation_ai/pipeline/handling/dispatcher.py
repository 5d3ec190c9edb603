"""Dispatcher: an event goes to its handlers, and what came of each is an attempt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec import structs

from moderation_ai.core.errors import GiveUp, Retry
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.core.things import FRESH, observe, resolve
from moderation_ai.pipeline.clock import Clock
from moderation_ai.pipeline.handling.calling import Call, call_here
from moderation_ai.pipeline.handling.handlers import MODERATION, Handler, Handlers
from moderation_ai.pipeline.handling.moderator import Moderator
from moderation_ai.pipeline.handling.steps import Steps
from moderation_ai.pipeline.tally import Tally
from moderation_ai.stores.base import (
    DEAD,
    DONE,
    RETRY,
    SUPERSEDED,
    UNHANDLED,
    UNTIL_IT_RAN,
    Attempt,
    Claimed,
    EventOutcome,
)

logger = logging.getLogger(__name__)

LANE_HOLD = timedelta(seconds=60)
"""How long a handler's retry holds back the later events of its lane."""
LONGEST_WISH = 7 * 86_400.0
"""Seconds that a handler may ask to wait."""
MAX_ERROR = 500
"""Characters that are stored of what a handler raised."""
DISPATCHER = "dispatcher"
"""Stands where no handler is at fault."""


class Dispatcher:
    """Run the handlers of an event, each for itself: the failure of one is hidden from no other and hides none.

    ``chance`` gives random numbers in [0, 1) for the jitter; ``call`` runs one handler, on whatever loop is right.
    The ``moderator`` is one handler more, for what it has to judge. Of a platform that is ``closed`` only its own
    address tells: what was carried here in its name is for handlers, and changes nothing of what is known of it.
    """

    def __init__(
        self,
        handlers: Handlers,
        clock: Clock,
        chance: Callable[[], float],
        *,
        tally: Tally | None = None,
        call: Call = call_here,
        moderator: Moderator | None = None,
        closed: Collection[str] = (),
    ) -> None:
        """Keep the parts; see the class."""
        self.moderator = moderator
        self._closed = frozenset(closed)
        self.handlers = handlers
        self.clock = clock
        self.tally = tally or Tally()
        self.schedules: dict[int, RetrySchedule] = {}
        """Schedules for single events, by their seq, that count instead of their handlers' own."""
        self._chance = chance
        self._call = call

    async def run(self, claimed: Claimed) -> EventOutcome:
        """Run the handlers that ``claimed`` is for, and return what came of them; never raises for what they do."""
        try:
            return await self._resolve_and_run(claimed)
        except Exception as error:
            # A lane that stood still for ever would be worse than a dead letter.
            logger.exception("%s could not be dispatched", claimed.event.event_id)
            ran = [_ended(claimed, name, DEAD, cause_of(error)) for name in claimed.only or (DISPATCHER,)]
            return EventOutcome(seq=claimed.event.seq, status=DEAD, attempts=ran, lane=claimed.event.lane)

    async def _resolve_and_run(self, claimed: Claimed) -> EventOutcome:
        """Run an event as what it is in the light of its object; a retry or replay is what its first run was."""
        is_first = claimed.only is None and not claimed.forced
        event = resolve(claimed.thing, claimed.event) if is_first else claimed.event
        if event is claimed.event:
            return await self._run(claimed)
        return structs.replace(await self._run(structs.replace(claimed, event=event)), event_type=event.event_type)

    async def _run(self, claimed: Claimed) -> EventOutcome:
        event = claimed.event
        forced = claimed.forced
        observed, fate = observe(claimed.thing, event)
        thing = None if self._is_hearsay(event) else observed
        if claimed.only is not None:
            return await self._run_again(claimed, is_superseded=fate == SUPERSEDED and not forced)
        if fate != FRESH and not forced:
            return EventOutcome(seq=event.seq, status=SUPERSEDED, lane=event.lane)
        handlers = self._handlers_of(claimed)
        if not handlers:
            self.tally.leave(event.event_type)
            return EventOutcome(seq=event.seq, status=UNHANDLED, thing=thing, lane=event.lane)
        ran = await self._run_all(handlers, claimed)
        return EventOutcome(seq=event.seq, status=status_of(ran), attempts=ran, thing=thing, lane=event.lane)

    async def _run_again(self, claimed: Claimed, *, is_superseded: bool) -> EventOutcome:
        """Run the handlers whose retry is due; an event that was deleted meanwhile is not handled any more."""
        event, names = claimed.event, claimed.only or ()
        if is_superseded:
            ran: Sequence[Attempt] = [self._superseded(claimed, name) for name in names]
        else:
            found = {name: self._named(name, claimed) for name in names}
            gone = [self._gone(claimed, name) for name, handler in found.items() if handler is None]
            ran = [*gone, *await self._run_all([each for each in found.values() if each is not None], claimed)]
        others = [attempt for name, attempt in claimed.attempts.items() if name not in names]
        return EventOutcome(seq=event.seq, status=status_of([*ran, *others]), attempts=ran, lane=event.lane)

    def _handlers_of(self, claimed: Claimed) -> Sequence[Handler]:
        moderator = None if self._is_hearsay(claimed.event) else self.moderator
        ours = moderator.handler(claimed) if moderator is not None else None
        theirs = self.handlers.of(claimed.event)
        return theirs if ours is None else (ours, *theirs)

    def _is_hearsay(self, event: WebhookEvent) -> bool:
        return event.carried and event.platform in self._closed

    def _named(self, name: str, claimed: Claimed) -> Handler | None:
        if name == MODERATION and self.moderator is not None:
            return self.moderator.handler_again(claimed)
        return self.handlers.named(name)

    async def _run_all(self, handlers: Sequence[Handler], claimed: Claimed) -> list[Attempt]:
        if len(handlers) == 1:
            return [await self._run_one(handlers[0], claimed)]
        return list(await asyncio.gather(*(self._run_one(handler, claimed) for handler in handlers)))

    async def _run_one(self, handler: Handler, claimed: Claimed) -> Attempt:
        event = claimed.event
        now = self.clock.now()
        before = claimed.attempts.get(handler.name)
        until = claimed.blocked.get(handler.name)
        if until is not None and until > now:
            waiting = before or Attempt(seq=event.seq, handler=handler.name, state=RETRY, lane=event.lane)
            return structs.replace(waiting, due_at=now)
        error = await self._try(handler, event)
        attempt = self._judge(handler, event, before, error, now)
        self.tally.run(handler.name, attempt.state)
        return attempt

    async def _try(self, handler: Handler, event: WebhookEvent) -> BaseException | None:
        """Return None if the handler handled the event, else what it raised."""
        began = asyncio.get_running_loop().time()
        call = call_here if handler.is_ours else self._call
        steps = Steps(call(handler, event))
        if steps.begin():
            return steps.result
        try:
            async with asyncio.timeout_at(began + handler.timeout):
                return await steps.rest()
        except TimeoutError:
            return TimeoutError(f"it took longer than {handler.timeout:g} s")

    def _judge(
        self, handler: Handler, event: WebhookEvent, before: Attempt | None, error: BaseException | None, now: datetime
    ) -> Attempt:
        """Return the attempt after a run: done, to be retried when, or dead with its cause."""
        attempts = (before.attempts if before else 0) + 1
        if error is None:
            done, name = DONE, handler.name
            return Attempt(seq=event.seq, handler=name, state=done, attempts=attempts, ran_at=now, lane=event.lane)
        made = partial(Attempt, seq=event.seq, handler=handler.name, attempts=attempts, ran_at=now, lane=event.lane)
        cause = cause_of(error)
        delay = self.schedules.get(event.seq, handler.schedule).delay(attempts, self._chance())
        if delay is None or isinstance(error, GiveUp):
            logger.error("%s gave up on %s at attempt %d: %s", handler.name, event.event_id, attempts, cause)
            return made(state=DEAD, error=cause)
        delay = _wished(error, delay)
        logger.warning("%s failed on %s, again in %.1f s: %s", handler.name, event.event_id, delay, cause)
        holds_until = before.holds_until if before and before.holds_until else now + LANE_HOLD
        return made(state=RETRY, error=cause, due_at=now + timedelta(seconds=delay), holds_until=holds_until)

    def _superseded(self, claimed: Claimed, name: str) -> Attempt:
        return _ended(claimed, name, SUPERSEDED, "the object was deleted before this could be handled")

    def _gone(self, claimed: Claimed, name: str) -> Attempt:
        return _ended(claimed, name, DEAD, f"no handler is called {name!r} any more")


def cause_of(error: BaseException) -> str:
    """Return what is stored of an error: its class and its text, as far as both can be shown."""
    try:
        text = str(error)
    except Exception as unspeakable:  # noqa: BLE001  # an error's own text is a user's code too
        text = f"its text cannot be had ({type(unspeakable).__name__})"
    return f"{type(error).__name__}: {text}"[:MAX_ERROR].encode("utf-8", "replace").decode("utf-8")


def _wished(error: BaseException, delay: float) -> float:
    """Return the delay that a handler asked for, within reason, or else ``delay``."""
    after = error.after if isinstance(error, Retry) else None
    if not isinstance(after, int | float) or after != after:  # NaN alone differs from itself
        return delay
    return min(max(0.0, after), LONGEST_WISH)


def _ended(claimed: Claimed, name: str, state: str, error: str) -> Attempt:
    before = claimed.attempts.get(name)
    attempts = before.attempts if before else 0
    return Attempt(seq=claimed.event.seq, handler=name, state=state, attempts=attempts, error=error)


def status_of(attempts: Sequence[Attempt]) -> str:
    """Return an event's status after its handlers' attempts: dead if any is, once none is to be retried."""
    states = [attempt.state for attempt in attempts]
    for state in (RETRY, DEAD):
        if state in states:
            return state
    return SUPERSEDED if 0 < len(states) == states.count(SUPERSEDED) else DONE


def follow(claimed: Claimed, before: Claimed, outcome: EventOutcome) -> None:
    """Let an event that was claimed together with an earlier one of its lane know what came of that."""
    claimed.thing = outcome.thing or before.thing or claimed.thing
    claimed.blocked = {**before.blocked, **claimed.blocked}
    for attempt in outcome.attempts:
        if attempt.state == RETRY:
            claimed.blocked[attempt.handler] = attempt.holds_until or UNTIL_IT_RAN
