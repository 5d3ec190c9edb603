"""Copying a store from SQLite to PostgreSQL: whole, once, and on where it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from moderation_ai.core.acts import Target
from moderation_ai.core.errors import StoreError
from moderation_ai.stores.base import Counts, EventFilter, Store
from moderation_ai.stores.ledger import Settled, Wanted
from moderation_ai.stores.moving.copying import copy
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.register import Cursor, SavedSession
from tests.cli.conftest import Run, rows
from tests.cli.filling import KEYED, NOW, URL, add, comment
from tests.kinds import new_database

pytestmark = pytest.mark.usefixtures("filled")


async def content(store: Store) -> tuple[list[Any], list[Any], list[Any], Counts]:
    events = await store.events(EventFilter(), newest_first=False)
    seqs = [event.seq for event in events]
    attempts = [await store.attempts(seq) for seq in seqs]
    bodies = [(await store.raw_body(seq), await store.headers(seq)) for seq in seqs]
    return events, attempts, bodies, await store.counts()


def within(url: str, do: Callable[[Store], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        store = open_store(url)
        await store.open()
        try:
            return await do(store)
        finally:
            await store.close()

    return asyncio.run(run())


def read(url: str) -> Any:
    return within(url, content)


def execute(url: str, sql: str) -> None:
    async def do() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(do())


def test_everything_is_there_as_it_was(run: Run) -> None:
    target = new_database()
    result = run("store", "copy", URL, target, "--json")
    counted = {row["table"]: (row["from"], row["to"]) for row in rows(result)}
    assert counted["events"] == (len(KEYED), len(KEYED))
    assert all(before == after for before, after in counted.values())
    assert read(target) == read(URL)


def test_feeds_are_read_on_where_they_were_left(run: Run) -> None:
    target, cursor = new_database(), Cursor(platform="reddit", account="", feed="comments:python", cursor="t1_abc")
    within(URL, lambda store: store.save_cursor(cursor))
    assert run("store", "copy", URL, target).exit_code == 0
    assert within(target, lambda store: store.cursors()) == [cursor]


def test_actions_go_on_there_and_what_was_being_sent_is_looked_at_first(run: Run) -> None:
    target = new_database()

    async def fill(store: Store) -> None:
        for number in range(3):
            await store.want(Wanted(platform="x", action="hide", target=Target(id=f"c{number}")), NOW)
        await store.claim_actions("w", 2, NOW, 30)
        await store.settle_actions([Settled(id=1, status="done")], NOW, worker="w")
        await store.pause_account("x", "", NOW, "too many")

    async def go_on(store: Store) -> tuple[Any, ...]:
        await store.pause_account("x", "", None)
        claimed = await store.claim_actions("w2", 10, NOW, 30)
        new = await store.want(Wanted(platform="x", action="hide", target=Target(id="c9")), NOW)
        done = await store.action(1)
        return [(each.id, each.begun) for each in claimed], new.id, done and done.status, await store.receipts(1)

    within(URL, fill)
    before = within(URL, lambda store: store.receipts(1))
    assert run("store", "copy", URL, target).exit_code == 0
    assert within(target, go_on) == ([(2, True), (3, False)], 4, "done", before)


def test_the_accounts_tokens_come_along(run: Run) -> None:
    target = new_database()
    session = SavedSession(platform="twitter", account="shop", sealed=b"\x00sealed", expires_at=NOW, saved_at=NOW)
    within(URL, lambda store: store.save_session(session))
    within(URL, lambda store: store.refuse_session("twitter", "shop", 1, NOW, "authorise it again"))
    assert run("store", "copy", URL, target).exit_code == 0
    expected = replace(session, version=1, refused_at=NOW, reason="authorise it again")
    assert within(target, lambda store: store.sessions()) == [expected]


def test_what_was_waiting_goes_on_there_and_new_events_stand_behind_it(run: Run) -> None:
    target = new_database()
    assert run("store", "copy", URL, target).exit_code == 0

    async def go_on() -> tuple[list[int], list[int]]:
        store = open_store(target)
        await store.open()
        await add(store, [comment(99), KEYED[0]])
        claimed = await store.claim("w", 10, NOW, 30)
        seqs = [event.seq for event in await store.events(EventFilter(), newest_first=False)]
        await store.close()
        return [one.event.seq for one in claimed], seqs

    claimed, seqs = asyncio.run(go_on())
    assert claimed == [len(KEYED), len(KEYED) + 1], "what waited, and what is new; what was known is known"
    assert seqs == list(range(1, len(KEYED) + 2))


def test_a_copy_that_was_cut_short_goes_on(filled: Path) -> None:
    target = new_database()
    told: list[tuple[int, int]] = []

    def stop_after_two(copied: int, total: int) -> None:
        told.append((copied, total))
        if copied == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(copy(filled, target, stop_after_two, page=2))
    assert told == [(0, 5), (2, 5)]
    copied = asyncio.run(copy(filled, target, lambda *progress: told.append(progress), page=2))
    assert told[2:] == [(2, 5), (4, 5), (5, 5)]
    assert copied.before == 2
    assert read(target) == read(URL)


def test_a_target_with_other_events_is_refused_and_left_alone(filled: Path) -> None:
    target = new_database()

    async def fill() -> None:
        store = open_store(target)
        await store.open()
        await add(store, [comment(50)])
        await store.close()

    asyncio.run(fill())
    with pytest.raises(StoreError, match="did not come from this store"):
        asyncio.run(copy(filled, target, lambda *progress: None))
    assert len(read(target)[0]) == 1


def test_a_copy_is_not_made_again_over_what_came_after(filled: Path) -> None:
    target = new_database()
    asyncio.run(copy(filled, target, lambda *progress: None))
    with pytest.raises(StoreError, match="was copied already"):
        asyncio.run(copy(filled, target, lambda *progress: None))


def test_what_does_not_agree_is_said(filled: Path) -> None:
    target = new_database()

    def stop_after_two(copied: int, total: int) -> None:
        if copied == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(copy(filled, target, stop_after_two, page=2))
    execute(target, "DELETE FROM moderation_ai.attempts WHERE seq = 1")
    with pytest.raises(StoreError, match=r"do not agree \(attempts: 4 and 3\)"):
        asyncio.run(copy(filled, target, lambda *progress: None, page=2))


@pytest.mark.parametrize("urls", [(URL, URL), ("postgresql://h/a", URL), ("memory://", "postgresql://h/a")])
def test_other_ways_are_refused(run: Run, urls: tuple[str, str]) -> None:
    result = run("store", "copy", *urls)
    assert (result.exit_code, "from SQLite to PostgreSQL" in result.stderr) == (3, True)


def test_a_source_that_is_not_there_is_said(run: Run) -> None:
    assert run("store", "copy", "sqlite:///nowhere.db", new_database()).exit_code == 4
