"""Several processes on one database: what is read in order misses nothing, lanes are one worker's, one migrates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from moderation_ai.core.errors import StoreError
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.postgres import PostgresStore
from moderation_ai.stores.postgres.connection import migrations, schema_version
from tests.kinds import new_database
from tests.postgres import Databases
from tests.stores.making import NOW, add, claim, delivery, done, event, seqs_of

pytestmark = pytest.mark.anyio
_ADD = """
SELECT seq FROM moderation_ai.add_events(ARRAY[$1::bytea], ARRAY['instagram'], ARRAY['comment.created'], ARRAY[NULL],
    ARRAY[$2::text], ARRAY[now()], ARRAY[$3::bytea], ARRAY[NULL::bytea], ARRAY[NULL::text], ARRAY[0::smallint],
    ARRAY[NULL::integer], '{}', '{}', '{}')
"""


@pytest.fixture
def url() -> str:
    return new_database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    opened = PostgresStore(url, lease_clock="caller")
    await opened.open()
    yield opened
    await opened.close()


async def slow_addition(url: str, comment: str) -> tuple[Any, Any, int]:
    """Begin to add an event, as a gateway does whose commit takes long; return connection, transaction and seq."""
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    keyed = event(comment, "slow", event_type="comment.updated")
    form = (
        b'{"event_id":"e","event_type":"comment.updated","platform":"instagram","lane":"instagram:%s"}'
        % comment.encode()
    )
    seq = await connection.fetchval(_ADD, keyed.key, f"instagram:{comment}", form)
    return connection, transaction, seq


async def test_whoever_reads_on_misses_nothing_that_was_committed_late(url: str, store: PostgresStore) -> None:
    [first] = await add(store, event("c1"))
    connection, transaction, late = await slow_addition(url, "c2")
    [after_it] = await add(store, event("c3"))
    assert first < late < after_it

    async def page(after_seq: int) -> list[int]:
        return [one.seq for one in await store.events(EventFilter(after_seq=after_seq), newest_first=False)]

    assert await page(0) == [first], "up to where nothing can appear any more"
    assert [one.seq for one in await store.events(EventFilter())] == [after_it, first], "what there is"
    await transaction.commit()
    assert await page(first) == [late, after_it]
    await connection.close()


async def test_an_addition_that_was_given_up_holds_nobody_up(url: str, store: PostgresStore) -> None:
    connection, _, _ = await slow_addition(url, "c1")
    [seq] = await add(store, event("c2"))
    connection.terminate()
    until = asyncio.get_running_loop().time() + 30
    while not (held := await claim(store)) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.01)
    assert seqs_of(held) == [seq]


async def test_a_lane_waits_for_its_event_that_is_committed_late(url: str, store: PostgresStore) -> None:
    connection, transaction, late = await slow_addition(url, "c1")
    added = await store.add(delivery(event("c1", "next")), worker="w1")
    assert added.leased == (), "an earlier one of its lane may be on its way"
    assert await claim(store) == []
    await transaction.commit()
    assert seqs_of(await claim(store)) == [late, *added.seqs]
    await connection.close()


async def test_the_same_events_from_many_stores_at_once_are_one_each(url: str) -> None:
    stores = [PostgresStore(url) for _ in range(4)]
    events = [event(f"c{number}") for number in range(60)]
    orders = [events, events[::-1], events[30:] + events[:30], sorted(events, key=lambda one: one.key[::-1])]
    additions = [
        one.add(delivery(*order[start : start + 20]))
        for one, order in zip(stores, orders, strict=True)
        for start in range(0, 60, 20)
    ]
    added = await asyncio.gather(*additions)
    assert sum(one.new for one in added) == 60
    assert sum(one.duplicates for one in added) == 180
    await asyncio.gather(*(one.close() for one in stores))


async def test_many_workers_at_once_share_the_lanes_and_keep_their_order(url: str, store: PostgresStore) -> None:
    for number in range(40):
        changes = [event(f"c{lane}", str(number), event_type="comment.updated") for lane in range(10)]
        await store.add(delivery(*changes))
    stores = [PostgresStore(url) for _ in range(4)]
    in_hand: dict[str, str] = {}
    ran: dict[str, list[int]] = {}

    async def work(one: PostgresStore, name: str) -> None:
        while (await one.counts()).by_status["pending"]:
            held = await one.claim(name, 30, NOW, 60)
            for lane in {claimed.event.lane for claimed in held}:
                assert in_hand.setdefault(lane, name) == name, "two have one lane"
            for claimed in held:
                ran.setdefault(claimed.event.lane, []).append(claimed.event.seq)
                await asyncio.sleep(0)
            for lane in {claimed.event.lane for claimed in held}:
                del in_hand[lane]
            await one.settle([done(claimed) for claimed in held], NOW, worker=name)

    await asyncio.gather(*(work(one, f"w{number}") for number, one in enumerate(stores)))
    assert sum(map(len, ran.values())) == 400
    assert all(seqs == sorted(seqs) for seqs in ran.values())
    await asyncio.gather(*(one.close() for one in stores))


async def test_processes_that_make_a_store_at_once_make_one(postgres: Databases) -> None:
    url = postgres.new()
    stores = [PostgresStore(url) for _ in range(4)]
    await asyncio.gather(*(one.open() for one in stores))
    assert {(await one.describe())["schema"] for one in stores} == {migrations()[-1][0]}
    await asyncio.gather(*(one.close() for one in stores))


async def test_who_waited_for_the_one_that_makes_the_store_sees_what_was_made(postgres: Databases) -> None:
    url = postgres.new()
    late = await asyncpg.connect(url)
    async with late.transaction():
        assert await schema_version(late) == 0
        store = PostgresStore(url)
        await store.open()
        assert await schema_version(late) == migrations()[-1][0]
    await store.close()
    await late.close()


async def test_a_schema_of_a_newer_version_is_refused(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO moderation_ai.schema_version (number) VALUES (9999)")
    await connection.close()
    with pytest.raises(StoreError, match="newer than this program's"):
        await PostgresStore(url).open()


async def test_a_server_that_does_not_show_commits_in_time_is_refused(url: str) -> None:
    connection = await asyncpg.connect(url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'")
    await connection.close()
    with pytest.raises(StoreError, match="default_transaction_isolation"):
        await PostgresStore(url).open()


@pytest.mark.parametrize("url", ["postgresql://us:hunter2@127.0.0.1:1/x", "postgresql://us:hunter2@/x?host=/nowhere"])
async def test_no_message_shows_a_password(url: str) -> None:
    store = PostgresStore(url)
    with pytest.raises(StoreError) as refused:
        await store.open()
    assert "hunter2" not in str(refused.value) + store.url


async def test_pages_go_on_from_the_last_one(store: PostgresStore) -> None:
    await add(store, *(event(f"c{number}") for number in range(7)))
    which, found = EventFilter(), []
    while page := await store.events(which, limit=2, newest_first=False):
        found += [one.lane for one in page]
        which = structs.replace(which, after_seq=page[-1].seq)
    assert found == [f"instagram:c{number}" for number in range(7)]


async def test_a_duty_lasts_by_the_clock_of_the_database_whatever_a_worker_thinks_the_time_is(url: str) -> None:
    store = PostgresStore(url)
    await store.open()
    assert await store.take_duty("poll:reddit", "w1", NOW, 600)
    assert await store.take_duty("poll:reddit", "w2", NOW + timedelta(days=9000), 600) is False
    assert await store.take_duty("poll:youtube", "w1", NOW, 0)
    assert await store.take_duty("poll:youtube", "w2", NOW - timedelta(days=9000), 600), "that lease is over already"
    await store.close()
