"""The poller: every feed is read when it is due, nothing is missed, and nothing is told twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.coverage import Coverage
from moderation_ai.core.errors import CredentialsRejected, StoreBusy
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Session
from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.polling import Feed
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.acting.outcomes import LOCKED_OUT
from moderation_ai.pipeline.polling.poller import LEASE, LOOK, NO_FEED, Poller, duty_of
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.tally import Tally
from moderation_ai.pipeline.upkeep.reparsing import LEARNED, Reparser, each_unknown
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.stores.register import Cursor
from tests.kinds import KINDS, new_store
from tests.pipeline.board import Board, Simulated, Wire
from tests.pipeline.stage import START

pytestmark = pytest.mark.anyio


class Stage:
    """A board, a store, and a poller that reads the one into the other."""

    def __init__(self, store: Store, watch: Watch, *, clock: Simulated, wire: Wire) -> None:
        self.store, self.watch, self.clock, self.wire = store, watch, clock, wire
        self.tally = Tally()
        self.silenced: list[tuple[str, str]] = []
        self._running: list[tuple[Poller, asyncio.Task[None]]] = []
        self.added = 0
        source = Source(platform=watch.access.platform, credential=watch.credential)
        self.intake = Intake(store, {"board": source}, tally=self.tally, on_repeats=self._note)
        self._source = source

    def begin(self, name: str = "w1") -> Poller:
        poller = Poller(
            self.store,
            [self.watch],
            self.clock,
            name=name,
            sender=self.wire,
            tally=self.tally,
            on_added=self._count,
            on_silent=self._hear,
        )
        self._running.append((poller, asyncio.create_task(poller.run())))
        return poller

    async def _note(self, platform: str, seqs: Sequence[int], when: datetime) -> None:
        await self.store.note_repeats(seqs, when)

    async def _hear(self, platform: str, account: str) -> None:
        self.silenced.append((platform, account))
        raise StoreBusy("what is told may fail")

    def _count(self) -> None:
        self.added += 1

    async def end(self) -> None:
        for poller, task in self._running:
            poller.stop()
            await task
        self._running.clear()

    async def kill(self) -> None:
        """End the poller that began last as a killed process ends."""
        _, task = self._running.pop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def push(self, item: dict[str, Any]) -> None:
        body = json.dumps(item).encode()
        await self.intake.keep(Request(body=body, received_at=self.clock.now()), self._source)

    async def forward(self, seconds: float) -> None:
        await self.clock.forward(seconds, max(1, len(self._running)))

    async def events(self) -> list[WebhookEvent]:
        return await self.store.events(EventFilter(), newest_first=False)

    async def ids(self) -> list[str]:
        return [event.lane.partition(":")[2] for event in await self.events()]

    async def cursor(self, of: str = "") -> Cursor:
        found = await self.store.cursor("board", self.watch.access.account, f"comments:{of}" if of else "comments")
        assert found is not None
        return found

    async def coverage(self) -> Coverage:
        found = (await self.cursor()).coverage
        assert found is not None
        return found


@asynccontextmanager
async def staged(
    kind: str = "memory",
    *,
    reconciles: bool = False,
    interval: float | None = None,
    watched: tuple[str, ...] = (),
    account: str = "",
    credential: Credential | None = None,
    store: Store | None = None,
) -> AsyncIterator[Stage]:
    clock = Simulated(START)
    opened = store or new_store(kind)
    await opened.open()
    access = Access(platform=Board(reconciles=reconciles), account=account, session=Session(access_token="t"))
    watch = Watch(access=access, credential=credential or Credential(), watched=watched, interval=interval)
    stage = Stage(opened, watch, clock=clock, wire=Wire(clock.now))
    try:
        yield stage
    finally:
        await stage.end()
        await opened.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_written_is_in_the_store_within_an_interval_and_once(kind: str) -> None:
    async with staged(kind) as stage:
        stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert await stage.ids() == ["c1"]
        stage.wire.write()
        await stage.forward(60)
        assert await stage.ids() == ["c1", "c2"]
        await stage.forward(600)
        assert await stage.ids() == ["c1", "c2"]
        assert stage.added == 2, "the worker is woken for what is new alone"
        assert len(stage.wire.asked) == 12


async def test_an_event_says_that_it_was_polled_and_its_page_is_kept() -> None:
    async with staged(account="brand", credential=Credential(accounts={"7": "brand"})) as stage:
        stage.wire.write("mine", by="7")
        stage.wire.write("theirs", by="8")
        stage.begin()
        await stage.forward(1)
        mine, theirs = await stage.events()
        assert (mine.source, mine.account, mine.own, theirs.own) == ("poll", "brand", True, False)
        body = await stage.store.raw_body(theirs.seq)
        assert b"theirs" in (body or b"")


@pytest.mark.parametrize("polled_first", [True, False])
async def test_what_is_pushed_and_polled_is_one_event(polled_first: bool) -> None:
    async with staged(credential=Credential(name="brand")) as stage:
        item = stage.wire.write()
        if polled_first:
            stage.begin()
            await stage.forward(1)
            await stage.push(item)
        else:
            await stage.push(item)
            stage.begin()
            await stage.forward(1)
        assert [event.source for event in await stage.events()] == ["poll" if polled_first else "webhook"]


async def test_more_pages_are_asked_for_at_once() -> None:
    async with staged() as stage:
        for _ in range(40):
            stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert len(await stage.ids()) == 40
        assert stage.tally.polled["board", "new"] == 40


async def test_a_feed_that_always_says_there_is_more_is_not_asked_for_ever() -> None:
    async with staged() as stage:
        stage.wire.write()
        stage.begin()
        await stage.forward(1)
        stage.wire.page = 0
        await stage.forward(600)
        assert len(stage.wire.asked) == 11


async def test_each_of_several_feeds_is_read_by_its_own_cursor() -> None:
    async with staged(watched=("a", "b")) as stage:
        stage.wire.write(of="a")
        stage.begin()
        await stage.forward(60)
        stage.wire.write(of="b")
        await stage.forward(60)
        assert await stage.ids() == ["c1", "c2"]
        assert [(await stage.cursor(of)).cursor for of in "ab"] == ["1", "2"]


async def test_the_configured_interval_counts_in_place_of_the_feeds_own() -> None:
    async with staged(interval=300) as stage:
        stage.begin()
        await stage.forward(1500)
        assert len(stage.wire.asked) == 6


# --- one at a time, and after a stop ---


@pytest.mark.parametrize("kind", KINDS)
async def test_of_several_processes_one_polls_an_account(kind: str) -> None:
    async with staged(kind) as stage:
        stage.begin("w1")
        await stage.forward(1)
        stage.begin("w2")
        stage.begin("w3")
        await stage.forward(600)
        assert len(stage.wire.asked) == 11
        assert [(duty.name, duty.worker) for duty in await stage.store.duties()] == [(duty_of(stage.watch), "w1")]


async def test_when_a_process_dies_another_goes_on_where_it_stopped() -> None:
    async with staged() as stage:
        stage.begin("w1")
        stage.wire.write()
        await stage.forward(1)
        await stage.kill()
        stage.wire.write()
        stage.begin("w2")
        await stage.forward(LEASE + LOOK + 60)
        assert await stage.ids() == ["c1", "c2"]
        assert [duty.worker for duty in await stage.store.duties()] == ["w2"]


async def test_who_stops_in_order_leaves_the_duty_to_the_next_at_once() -> None:
    async with staged() as stage:
        stage.begin("w1")
        await stage.forward(1)
        await stage.end()
        assert await stage.store.duties() == []


async def test_what_was_written_while_nobody_polled_is_read_then() -> None:
    async with staged() as stage:
        stage.begin()
        await stage.forward(1)
        await stage.end()
        stage.clock.jump(36_000)
        for _ in range(20):
            stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert len(await stage.ids()) == 20


async def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    async with staged() as stage:
        stage.begin()
        await stage.forward(1)
        asked = len(stage.wire.asked)
        await stage.end()
        stage.clock.jump(-18_000)
        stage.begin()
        await stage.forward(1)
        assert len(stage.wire.asked) == asked + 1


class Failing:
    """A store that cannot take a page at first."""

    def __init__(self, store: Store, times: int) -> None:
        self._store = store
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def add(self, *arguments: Any, **named: Any) -> Any:
        if self.times:
            self.times -= 1
            raise StoreBusy("full")
        return await self._store.add(*arguments, **named)


async def test_the_cursor_moves_only_when_the_events_are_stored() -> None:
    failing = Failing(new_store(), 3)
    async with staged(store=failing) as stage:  # type: ignore[arg-type]  # it passes on all but one verb
        stage.wire.write()
        stage.begin()
        await stage.forward(1)
        assert await stage.store.cursors() == []
        await stage.forward(30)
        assert failing.times == 0
        assert (await stage.ids(), (await stage.cursor()).cursor) == (["c1"], "1")


# --- what goes wrong there ---


async def test_a_platform_that_is_away_is_asked_again_less_and_less_often() -> None:
    async with staged() as stage:
        stage.begin()
        await stage.forward(1)
        stage.wire.write()
        stage.wire.fails = [(503, {})] * 4
        await stage.forward(60)
        cursor = await stage.cursor()
        assert (cursor.cause, cursor.failing_since) == ("PlatformUnavailable", START + timedelta(seconds=60))
        await stage.forward(5 + 10 + 20 + 40)
        cursor = await stage.cursor()
        assert (cursor.cause, cursor.error, cursor.failing_since) == (None, None, None)
        assert await stage.ids() == ["c1"]
        assert stage.tally.polls_failed["board", "PlatformUnavailable"] == 4


async def test_retry_after_is_obeyed_and_by_all_feeds_of_the_account() -> None:
    async with staged(watched=("a", "b")) as stage:
        stage.begin()
        await stage.forward(1)
        stage.wire.fails = [(429, {"retry-after": "500"})]
        await stage.forward(60)
        asked = len(stage.wire.asked)
        await stage.forward(495)
        assert len(stage.wire.asked) == asked == 3
        await stage.forward(10)
        assert len(stage.wire.asked) == asked + 2


async def test_an_account_whose_token_is_refused_rests_and_says_so() -> None:
    async with staged() as stage:
        stage.wire.fails = [(401, {})] * 99
        stage.begin()
        await stage.forward(3600)
        assert len(stage.wire.asked) <= 13
        cursor = await stage.cursor()
        assert (cursor.cause, cursor.failing_since) == ("CredentialsRejected", START)
        assert "the token is over" in (cursor.error or "")


async def test_what_somebody_mended_is_tried_at_once_after_a_start() -> None:
    async with staged() as stage:
        stage.wire.fails = [(400, {})]
        stage.begin()
        await stage.forward(100)
        assert len(stage.wire.asked) == 1
        await stage.end()
        stage.begin()
        await stage.forward(1)
        assert len(stage.wire.asked) == 2


async def test_a_page_that_cannot_be_read_is_kept_and_read_again_once_it_can_be() -> None:
    async with staged(account="brand") as stage:
        odd = b'{"items": [{"id": "nine", "at": "2026-03-01T12:00:00+00:00", "text": "x"}], "more": false}'
        stage.wire.bodies = [odd]
        stage.wire.write()
        stage.begin()
        await stage.forward(10)
        unknown, comment = await stage.events()
        assert (unknown.event_type, unknown.source, comment.event_type) == ("unknown", "poll", "comment.created")
        assert await stage.store.raw_body(unknown.seq) == odd
        assert (await stage.cursor()).cause is None
        reparser = Reparser(stage.store, {}, {"board": stage.watch.access.platform}, {})
        [reread] = [await reparser.reread(event) async for event in each_unknown(stage.store, EventFilter())]
        assert reread.fate == LEARNED
        assert [(event.lane, event.source, event.stale) for event in reread.events] == [("board:cnine", "poll", False)]


class Unknown(Board):
    """A board of which nothing can be polled before it is known whose the token is."""

    def feeds(self, watched: Sequence[str], session: Session, spend_cap: float = 0.0) -> tuple[Feed, ...]:
        return super().feeds((session.account_id,), session) if session.account_id else ()


class Learning:
    """Tokens of which it is learned whose they are."""

    def __init__(self, *answers: Exception | str) -> None:
        self._answers = list(answers)

    async def using(self, access: Access, act: Callable[[Session], Awaitable[Any]]) -> Any:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return await act(replace(access.session, account_id=answer or None))


async def test_what_is_polled_may_depend_on_whose_the_token_is_and_a_refused_token_is_told() -> None:
    async with staged() as stage:
        tokens = Learning(CredentialsRejected("the token is over"), "", "me")
        watch = replace(stage.watch, access=replace(stage.watch.access, platform=Unknown()))
        stage.wire.write(of="me")
        poller = Poller(stage.store, [watch], stage.clock, name="w1", sender=stage.wire, tokens=tokens)
        running = asyncio.create_task(poller.run())
        await stage.clock.forward(1)
        [cursor] = await stage.store.cursors()
        assert (cursor.feed, cursor.cause) == (NO_FEED, "CredentialsRejected")
        await stage.clock.forward(LOCKED_OUT + LOOK * 2)
        assert await stage.ids() == ["c1"]
        [told, cursor] = await stage.store.cursors()
        assert (told.cause, told.next_at, cursor.feed) == (None, None, "comments:me")
        poller.stop()
        await running


async def test_nobody_waits_for_a_feed_that_is_not_watched_any_more() -> None:
    async with staged(watched=("a", "b")) as stage:
        stage.begin()
        await stage.forward(1)
        await stage.end()
        stage.watch = replace(stage.watch, watched=("a",))
        stage.begin()
        await stage.forward(1)
        assert ((await stage.cursor("a")).next_at is None, (await stage.cursor("b")).next_at is None) == (False, True)


class Unread:
    """A store that cannot be read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._times = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def cursor(self, *names: str) -> Any:
        self._times -= 1
        if self._times >= 0:
            raise StoreBusy("full")
        return await self._store.cursor(*names)


async def test_a_store_that_fails_at_the_start_has_no_feed_read_from_its_beginning() -> None:
    async with staged() as stage:
        for _ in range(9):
            stage.wire.write()
        stage.begin()
        await stage.forward(1)
        await stage.end()
        asked = len(stage.wire.asked)
        stage.store = Unread(stage.store)  # type: ignore[assignment]  # it passes on all but one verb
        stage.begin()
        await stage.forward(100)
        assert {each.url.rpartition("=")[2] for each in stage.wire.asked[asked:]} == {"7"}


# --- reconciling ---


@pytest.mark.parametrize("kind", KINDS)
async def test_what_push_told_of_and_what_it_did_not_is_counted_once(kind: str) -> None:
    async with staged(kind, reconciles=True) as stage:
        stage.wire.write("before there was anything to compare")
        stage.begin()
        await stage.forward(1)
        await stage.push(stage.wire.write())
        stage.wire.write("lost")
        await stage.forward(400)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed) == (1, 1)
        await stage.push(stage.wire.write())
        await stage.forward(400)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed, coverage.missed_in_row) == (2, 1, 0)


async def test_where_polling_was_quicker_than_push_both_told_it() -> None:
    async with staged(reconciles=True, interval=5) as stage:
        stage.begin()
        await stage.forward(1)
        quick, late = stage.wire.write(), stage.wire.write()
        await stage.forward(10)
        assert [event.source for event in await stage.events()] == ["poll", "poll"]
        await stage.push(quick)
        await stage.forward(20)
        assert (await stage.coverage()).pushed == 0, "it is judged when push has had its time"
        await stage.forward(60)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed) == (1, 1)
        await stage.push(late)
        await stage.forward(60)
        assert (await stage.coverage()).missed == 1, "what comes later than that stays missed"


async def test_a_push_that_has_gone_silent_is_told_of_once_and_over_when_it_pushes_again() -> None:
    async with staged(reconciles=True, interval=120, account="brand") as stage:
        stage.begin()
        await stage.forward(1)
        for _ in range(5):
            stage.wire.write()
            await stage.forward(120)
        assert (await stage.coverage()).is_silent(stage.clock.now())
        assert stage.silenced == [("board", "brand")]
        await stage.push(stage.wire.write())
        await stage.forward(120)
        assert not (await stage.coverage()).is_silent(stage.clock.now())


async def test_what_was_counted_is_known_after_a_restart_and_not_counted_again() -> None:
    async with staged(reconciles=True) as stage:
        stage.begin()
        await stage.forward(1)
        await stage.push(stage.wire.write())
        await stage.forward(150)
        await stage.end()
        stage.begin()
        await stage.forward(150)
        coverage = await stage.coverage()
        assert (coverage.pushed, coverage.missed) == (1, 0)
