"""The writer: many in one commit, and what happens to one of them hurts none of the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import apsw
import pytest

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.threads import run_in_thread
from tests.stores.making import add, claim, delivery, event

pytestmark = pytest.mark.anyio

PATIENCE = 30.0
"""Seconds after which what does not come about is an error."""


@contextmanager
def writer_held(store: SqliteStore) -> Iterator[asyncio.Future[bool]]:
    """Keep the writer in one job for the length of the block."""
    go_on = threading.Event()
    holding = asyncio.ensure_future(store._write(lambda connection: go_on.wait(30)))
    try:
        yield holding
    finally:
        go_on.set()


async def until_waiting(store: SqliteStore, jobs: int) -> None:
    """Return once so many jobs wait for the writer."""
    assert store._opened is not None
    async with asyncio.timeout(PATIENCE):
        while len(store._opened.writer._jobs) < jobs:
            await asyncio.sleep(0)


async def until_taken(store: SqliteStore) -> None:
    """Return once the writer has taken what waits."""
    assert store._opened is not None
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        while store._opened.writer._jobs:
            await asyncio.sleep(0)


async def test_what_waits_goes_into_one_commit(sqlite: SqliteStore) -> None:
    commits: list[int] = []

    def count() -> bool:
        commits.append(1)
        return False  # and do not stop it

    await sqlite._write(lambda connection: connection.set_commit_hook(count))
    with writer_held(sqlite) as holding:
        await until_taken(sqlite)
        adding = [asyncio.ensure_future(sqlite.add(delivery(event(f"c{number}")))) for number in range(100)]
        await until_waiting(sqlite, 100)
        commits.clear()
    await asyncio.gather(holding, *adding)
    assert len(commits) == 2, "the one that held the writer, and all the others"


async def test_work_that_fails_hurts_none_that_shares_its_commit(sqlite: SqliteStore) -> None:
    def fail(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO ignored (platform, kind, count) VALUES ('x', 'half done', 1)")
        raise ValueError("a secret body")

    with writer_held(sqlite) as holding:
        await until_taken(sqlite)
        jobs = [asyncio.ensure_future(sqlite.add(delivery(event(f"c{number}")))) for number in range(50)]
        jobs.insert(25, asyncio.ensure_future(sqlite._write(fail)))  # type: ignore[arg-type]  # its result is an error
        await until_waiting(sqlite, 51)
    results = await asyncio.gather(holding, *jobs, return_exceptions=True)
    [error] = [one for one in results if isinstance(one, BaseException)]
    assert isinstance(error, StoreError)
    assert isinstance(error.__cause__, ValueError)
    assert "secret" not in str(error)
    counts = await sqlite.counts()
    assert (counts.total, counts.ignored) == (50, {})


async def test_a_waiter_that_is_gone_does_not_keep_the_others_waiting(sqlite: SqliteStore) -> None:
    with writer_held(sqlite) as holding:
        await until_taken(sqlite)
        adding = [asyncio.ensure_future(sqlite.add(delivery(event(f"c{number}")))) for number in range(10)]
        await until_waiting(sqlite, 10)
        for gone in adding[::3]:
            gone.cancel()
    results = await asyncio.gather(holding, *adding, return_exceptions=True)
    assert sum(isinstance(one, asyncio.CancelledError) for one in results) == 4
    assert len(await sqlite.events(EventFilter())) == 10, "what was given to the writer is kept"


async def test_what_was_leased_to_a_waiter_that_is_gone_is_free(sqlite: SqliteStore) -> None:
    with writer_held(sqlite) as holding:
        await until_taken(sqlite)
        adding = asyncio.ensure_future(sqlite.add(delivery(event("c1")), worker="w1"))
        await until_waiting(sqlite, 1)
        adding.cancel()
    await holding
    await sqlite._write(lambda connection: None)
    assert len(await claim(sqlite, "w1")) == 1, "its own worker would renew the lease, and never see it"


async def test_what_was_told_to_a_waiter_in_the_very_turn_in_which_it_went_is_free(sqlite: SqliteStore) -> None:
    await add(sqlite, event("c1"))
    task = asyncio.ensure_future(claim(sqlite, "w1"))
    await asyncio.sleep(0)
    # The loop stands still until the writer has told it of the claim: that comes next, and the cancellation right after.
    later = threading.Thread(target=lambda: asyncio.run(sqlite._write(lambda connection: None)))
    later.start()
    later.join()
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    await sqlite._write(lambda connection: None)
    assert len(await claim(sqlite, "w2")) == 1


async def test_a_loop_that_was_closed_meanwhile_hurts_nobody(sqlite: SqliteStore) -> None:
    def begin_and_leave() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(sqlite.add(delivery(event("left behind")), worker="w1"))
        loop.run_until_complete(asyncio.sleep(0))
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # to be left behind is the point
        loop.close()

    with writer_held(sqlite) as holding:
        await until_taken(sqlite)
        leaving = asyncio.ensure_future(run_in_thread(begin_and_leave))
        await leaving
        adding = asyncio.ensure_future(sqlite.add(delivery(event("c1"))))
        await until_waiting(sqlite, 2)
    await asyncio.gather(holding, adding)
    await sqlite._write(lambda connection: None)
    assert [one.event.lane for one in await claim(sqlite, "w2")] == ["instagram:left behind", "instagram:c1"]


async def test_loops_in_several_threads_can_use_one_store(sqlite: SqliteStore) -> None:
    async def use(part: int) -> int:
        added = await asyncio.gather(*(sqlite.add(delivery(event(f"c{part}-{number}"))) for number in range(50)))
        return sum(one.new for one in added)

    assert await asyncio.gather(*(asyncio.to_thread(asyncio.run, use(part)) for part in range(5))) == [50] * 5
    assert (await sqlite.counts()).total == 250


async def test_too_many_that_wait_are_turned_away() -> None:
    store = SqliteStore(":memory:", max_waiting=10)
    await store.open()
    with writer_held(store) as holding:
        await until_taken(store)
        adding = [asyncio.ensure_future(store.add(delivery(event(f"c{number}")))) for number in range(15)]
        await until_waiting(store, 10)
        await asyncio.sleep(0)
        refused = [one for one in adding if one.done()]
        assert len(refused) == 5
        settling = asyncio.ensure_future(store.settle([], event().event.received_at))  # type: ignore[arg-type]  # as above
        await until_waiting(store, 11)
    results = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(one) for one in results if isinstance(one, BaseException)] == [StoreBusy] * 5
    await asyncio.gather(holding, settling)
    assert (await store.counts()).total == 10
    assert (await store.add(delivery(event("c14")))).new == 1
    await store.close()


async def test_too_many_bytes_that_wait_are_turned_away(sqlite: SqliteStore) -> None:
    with writer_held(sqlite) as holding:
        await until_taken(sqlite)
        body = b"x" * (20 << 20)
        adding = [asyncio.ensure_future(sqlite.add(delivery(event(f"c{number}"), body=body))) for number in range(6)]
        await until_waiting(sqlite, 4)
        await asyncio.sleep(0)
    results = await asyncio.gather(holding, *adding, return_exceptions=True)
    assert [type(one) for one in results if isinstance(one, BaseException)] == [StoreBusy] * 2
    assert (await sqlite.counts()).total == 4
    await add(sqlite, event("c5"))


async def test_a_full_disk_acknowledges_nothing_and_mends_by_itself(sqlite: SqliteStore) -> None:
    await add(sqlite, event("before"))
    pages = await sqlite._write(lambda connection: connection.execute("PRAGMA page_count").get)

    def limit(count: object) -> object:
        return sqlite._write(lambda connection: connection.execute(f"PRAGMA max_page_count = {count}").get)

    await limit(pages)  # type: ignore[misc]  # a coroutine
    adding = [sqlite.add(delivery(event(f"c{number}"), body=b"x" * 100_000)) for number in range(20)]
    refused = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(one) for one in refused] == [StoreBusy] * 20
    assert len(await sqlite.events(EventFilter())) == 1
    assert len(await claim(sqlite)) == 1, "what is there can be worked on"
    await limit(1_000_000)  # type: ignore[misc]  # a coroutine
    assert (await sqlite.add(delivery(event("c1"), body=b"x" * 100_000))).new == 1


async def test_a_hung_handler_pool_does_not_hang_the_store(sqlite: SqliteStore) -> None:
    go_on = threading.Event()
    hanging = [asyncio.ensure_future(run_in_thread(lambda: go_on.wait(30))) for _ in range(70)]
    await asyncio.sleep(0)
    await add(sqlite, event("c1"))
    assert len(await sqlite.events(EventFilter())) == 1
    go_on.set()
    await asyncio.gather(*hanging)


async def test_readers_read_side_by_side_what_was_committed(sqlite: SqliteStore) -> None:
    await add(sqlite, event("c1"))
    with writer_held(sqlite) as holding:
        await until_taken(sqlite)
        adding = asyncio.ensure_future(sqlite.add(delivery(event("c2"))))
        found = await asyncio.gather(*(sqlite.events(EventFilter()) for _ in range(20)))
    assert [len(one) for one in found] == [1] * 20
    await asyncio.gather(holding, adding)
    assert len(await sqlite.events(EventFilter())) == 2
