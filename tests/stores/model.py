"""A simple model of the inbox, and a machine that does to a store whatever may be done to it, and compares.

Two workers claim, run two handlers in each lane's order, settle, stall, die and come back, while events arrive and are
replayed and time passes. After every step it is checked that no two hold the same thing, that each handler saw the events
of a lane in order, and in the end that nothing was lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from moderation_ai.core.redaction import AGE, without_text
from moderation_ai.pipeline.handling.dispatcher import follow, status_of
from moderation_ai.stores.base import DEAD, DONE, RETRY, SUPERSEDED, Attempt, Claimed, EventFilter, EventOutcome, Store
from tests.stores.making import LEASE, NOW, delivery, event

T = TypeVar("T")
HANDLERS = ("a", "b")
WORKERS = ("w1", "w2")
HOLD = timedelta(seconds=60)
FATES = st.sampled_from([DONE, RETRY, DEAD])

lanes = st.sampled_from(["c1", "c2"])
workers = st.sampled_from(WORKERS)


class Worker:
    """What one worker believes to hold, in the order in which it got it, and how long it may."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.held: list[Claimed] = []
        self.lost: list[Claimed] = []
        self.until = NOW

    def lose(self) -> None:
        """Lose what is held to others."""
        self.lost += self.held
        self.held = []


class Known:
    """What the model knows of one event: its lane, and each handler's last attempt."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.attempts: dict[str, Attempt] = {}
        self.replays = 0
        self.superseded: set[str] = set()
        self.was_replaced = False

    def ended(self, handler: str) -> bool:
        """Say whether a handler has come to its end with this event."""
        return handler in self.superseded or (handler in self.attempts and self.attempts[handler].state != RETRY)

    def holds(self, handler: str, now: datetime) -> bool:
        """Say whether a handler has to do with this event before it may have a later one of the lane."""
        last = self.attempts.get(handler)
        return handler not in self.superseded and self._holds(last, now)

    @staticmethod
    def _holds(last: Attempt | None, now: datetime) -> bool:
        return last is None or (last.state == RETRY and (last.holds_until is None or last.holds_until > now))


class InboxMachine(RuleBasedStateMachine):
    """The machine; ``make_store`` says which kind of store it tests."""

    def make_store(self) -> Store:
        """Return a new store."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = self.make_store()
        self.now = NOW
        self.number = 0
        self.known: dict[int, Known] = {}
        self.workers = {name: Worker(name) for name in WORKERS}

    def do(self, awaitable: Awaitable[T]) -> T:
        """Wait for what the store does."""

        async def wait() -> T:
            return await awaitable

        return self.runner.run(wait())

    # What may happen.

    @rule(lanes=st.lists(lanes, min_size=1, max_size=4), worker=st.none() | workers)
    def events_arrive(self, lanes: list[str], worker: str | None) -> None:
        events = []
        for lane in lanes:
            self.number += 1
            events.append(event(lane, str(self.number), event_type="comment.updated"))
        added = self.do(self.store.add(delivery(*events, received_at=self.now), worker=worker))
        assert (added.new, added.duplicates, added.fresh) == (len(lanes), 0, added.seqs)
        for seq, lane in zip(added.seqs, lanes, strict=True):
            assert seq > max(self.known, default=0)
            self.known[seq] = Known(lane)
        if worker is not None and added.leased:
            self._hold(self.workers[worker], added.leased)
            self.workers[worker].until = max(self.workers[worker].until, self.now + timedelta(seconds=LEASE))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def an_event_arrives_again(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, self.number))
        lane = self.known[number].lane
        again = event(lane, str(number), event_type="comment.updated")
        added = self.do(self.store.add(delivery(again, received_at=self.now)))
        assert (added.new, added.duplicates, added.seqs) == (0, 1, (number,))

    @rule(worker=workers, limit=st.sampled_from([9, 1, 2, 0]))
    def a_worker_claims(self, worker: str, limit: int) -> None:
        me = self.workers[worker]
        claimed = self.do(self.store.claim(worker, limit, self.now, LEASE))
        for other in self.workers.values():
            if other is not me and other.until < self.now:
                other.lose()
        me.until = max(me.until, self.now + timedelta(seconds=LEASE)) if claimed or me.held or not limit else me.until
        self._hold(me, claimed)

    def _hold(self, me: Worker, claimed: Sequence[Claimed]) -> None:
        for one in claimed:
            for other in self.workers.values():
                assert not any(_clash(one, held) for held in other.held if other is not me), "two hold the same"
            assert not any(_is_same(one, held) for held in me.held), "it was handed out twice"
            me.held.append(one)

    @precondition(lambda self: any(worker.held for worker in self.workers.values()))
    @rule(data=st.data(), fates=st.tuples(FATES, FATES), delay=st.sampled_from([0, 5, 40, 90]))
    def a_worker_runs_an_event(self, data: st.DataObject, fates: tuple[str, str], delay: int) -> None:
        me = data.draw(st.sampled_from([worker for worker in self.workers.values() if worker.held]))
        first_of_lane = {one.event.lane: one for one in reversed(me.held)}
        one = first_of_lane[data.draw(st.sampled_from(sorted(first_of_lane)))]
        self._run(me, one, dict(zip(HANDLERS, fates, strict=True)), timedelta(seconds=delay))

    def _run(self, me: Worker, one: Claimed, fates: dict[str, str], delay: timedelta) -> None:
        outcome = self._outcome(one, fates, delay)
        me.held.remove(one)
        later = next((held for held in me.held if held.event.lane == one.event.lane), None)
        if later is not None:
            follow(later, one, outcome)
        self.do(self.store.settle([outcome], self.now, worker=me.name))

    def _outcome(self, one: Claimed, fates: dict[str, str], delay: timedelta) -> EventOutcome:
        attempts = [self._attempt(one, handler, fates[handler], delay) for handler in one.only or HANDLERS]
        others = [attempt for handler, attempt in one.attempts.items() if handler not in (one.only or ())]
        return EventOutcome(
            seq=one.event.seq, status=status_of([*attempts, *others]), attempts=attempts, lane=one.event.lane
        )

    def _attempt(self, one: Claimed, handler: str, fate: str, delay: timedelta) -> Attempt:
        """Run a handler, or put it off where an earlier event of the lane holds it."""
        seq, lane, before = one.event.seq, one.event.lane, one.attempts.get(handler)
        blocked = one.blocked.get(handler)
        if blocked is not None and blocked > self.now:
            attempt = before or Attempt(seq=seq, handler=handler, state=RETRY, lane=lane)
            attempt.due_at = self.now
        else:
            self._check_order(one, handler)
            holds_until = before.holds_until if before and before.holds_until else self.now + HOLD
            attempt = Attempt(
                seq=seq,
                handler=handler,
                state=fate,
                attempts=(before.attempts if before else 0) + 1,
                due_at=self.now + delay if fate == RETRY else None,
                holds_until=holds_until if fate == RETRY else None,
                lane=lane,
            )
        self.known[seq].attempts[handler] = attempt
        return attempt

    def _check_order(self, one: Claimed, handler: str) -> None:
        if self.known[one.event.seq].was_replaced:
            return  # Somebody wants it all the same, and it left its place in the lane when it was replaced.
        for seq, known in self.known.items():
            if seq < one.event.seq and f"instagram:{known.lane}" == one.event.lane and not known.replays:
                assert not known.holds(handler, self.now), f"{handler} was to have {seq} before {one.event.seq}"

    @precondition(lambda self: any(worker.lost for worker in self.workers.values()))
    @rule(data=st.data(), fate=FATES)
    def a_worker_settles_what_it_lost(self, data: st.DataObject, fate: str) -> None:
        me = data.draw(st.sampled_from([worker for worker in self.workers.values() if worker.lost]))
        one = me.lost.pop(0)
        if any(_is_same(one, held) for held in me.held):
            return  # It got the very same thing again, and may settle it.
        before = self.do(self.store.attempts(one.event.seq))
        attempts = [Attempt(seq=one.event.seq, handler=name, state=fate) for name in one.only or HANDLERS]
        self.do(
            self.store.settle(
                [EventOutcome(seq=one.event.seq, status=fate, attempts=attempts)], self.now, worker=me.name
            )
        )
        assert self.do(self.store.attempts(one.event.seq)) == before

    @rule(seconds=st.sampled_from([1, 7, 31, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(worker=workers)
    def a_worker_dies(self, worker: str) -> None:
        """Its process is gone, and its lease with it once another one claims late enough."""
        self.workers[worker].held = []
        self.workers[worker].lost = []
        self.do(self.store.release(worker))

    @rule(worker=workers)
    def a_worker_gives_back_what_it_holds(self, worker: str) -> None:
        self.workers[worker].lose()
        self.do(self.store.release(worker))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), handler=st.none() | st.sampled_from(HANDLERS))
    def an_event_is_replayed(self, data: st.DataObject, handler: str | None) -> None:
        seq = data.draw(st.sampled_from(sorted(self.known)))
        handlers = [handler] if handler else []
        if self.do(self.store.replay([seq], self.now, handlers=handlers)):
            known = self.known[seq]
            known.replays += 1
            known.superseded -= {handler} if handler else set(HANDLERS)
            known.attempts = {name: attempt for name, attempt in known.attempts.items() if handler and name != handler}

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def an_event_is_replaced(self, data: st.DataObject) -> None:
        seq = data.draw(st.sampled_from(sorted(self.known)))
        self.do(self.store.replace([seq], delivery()))
        self.known[seq].superseded = set(HANDLERS)
        self.known[seq].was_replaced = True
        for worker in self.workers.values():
            worker.lost += [one for one in worker.held if one.event.seq == seq]
            worker.held = [one for one in worker.held if one.event.seq != seq]

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def an_event_loses_its_text(self, data: st.DataObject) -> None:
        seq = data.draw(st.sampled_from(sorted(self.known)))
        [found] = self.do(self.store.events(EventFilter(after_seq=seq - 1, before_seq=seq + 1)))
        self.do(self.store.redact([without_text(found, AGE)]))

    @rule(data=st.data())
    def dead_letters_are_dropped(self, data: st.DataObject) -> None:
        letters = self.do(self.store.dead_letters(EventFilter()))
        if letters:
            letter = data.draw(st.sampled_from(letters))
            assert self.do(self.store.drop([letter.event.seq], handlers=[letter.handler])) == 1

    # What must be so at all times.

    @invariant()
    def every_event_is_counted_once(self) -> None:
        counts = self.do(self.store.counts())
        assert counts.total == sum(counts.by_status.values()) == len(self.known)
        open_ = [seq for seq, known in self.known.items() if not all(known.ended(name) for name in HANDLERS)]
        assert counts.by_status["pending"] >= len(open_) if self._nothing_was_lost() else True
        assert all(number >= 0 for number in counts.by_status.values())

    def _nothing_was_lost(self) -> bool:
        return not any(worker.lost for worker in self.workers.values())

    def teardown(self) -> None:
        """Let one worker do all that is left: whatever happened, every event comes to its end."""
        try:
            self._finish()
        finally:
            self.do(self.store.close())
            self.runner.close()

    def _finish(self) -> None:
        last = self.workers["w1"] = Worker("last")
        for name in WORKERS:
            self.do(self.store.release(name))
        self.workers = {"last": last}
        for _ in range(2 * len(HANDLERS) * len(self.known) + 5):
            self.now += timedelta(seconds=100)
            self._hold(last, self.do(self.store.claim("last", 100, self.now, LEASE)))
            while last.held:
                self._run(last, last.held[0], dict.fromkeys(HANDLERS, DONE), timedelta(0))
        found: dict[int, Any] = {one.seq: one.status for one in self.do(self.store.events(EventFilter()))}
        assert set(found) == set(self.known)
        assert set(found.values()) <= {DONE, DEAD, SUPERSEDED}
        for seq, known in self.known.items():
            stored = {attempt.handler: attempt.state for attempt in self.do(self.store.attempts(seq))}
            assert set(stored) >= set(HANDLERS) - known.superseded, f"{seq} was not seen by every handler"
            assert all(known.ended(name) for name in HANDLERS)
        assert self.do(self.store.counts()).by_status["pending"] == 0


def _is_same(one: Claimed, other: Claimed) -> bool:
    if one.event.seq != other.event.seq:
        return False
    return one.only is None or other.only is None or bool(set(one.only) & set(other.only))


def _clash(one: Claimed, other: Claimed) -> bool:
    """Say whether two workers must not hold these at a time: a lane is one's, but for retries of different handlers."""
    if one.event.lane != other.event.lane:
        return False
    return one.only is None or other.only is None or bool(set(one.only) & set(other.only))
