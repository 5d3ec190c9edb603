"""The poller where something goes wrong: at the platform, with the token, in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.errors import CredentialsRejected, StoreBusy
from moderation_ai.core.flows import Session
from moderation_ai.core.polling import Feed
from moderation_ai.pipeline.acting.outcomes import LOCKED_OUT, USUAL_PAUSE
from moderation_ai.pipeline.polling.poller import NO_FEED, Poller
from moderation_ai.pipeline.upkeep.reparsing import LEARNED, Reparser, each_unknown
from moderation_ai.stores.base import EventFilter, Store
from tests.pipeline.board import Board
from tests.pipeline.polled import staged
from tests.pipeline.stage import START

pytestmark = pytest.mark.anyio


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
        await stage.clock.forward(LOCKED_OUT)
        [cursor] = await stage.store.cursors()
        assert "whose the token is" in (cursor.error or ""), "else nothing says why it is not polled"
        await stage.clock.forward(USUAL_PAUSE * 2)
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
