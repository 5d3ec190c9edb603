"""What a store on PostgreSQL promises when the server is killed, and what it does until that is back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from moderation_ai.core.errors import StoreBusy, StoreError
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.postgres import PostgresStore
from tests.postgres import PostgresServer, running
from tests.stores.conftest import new_postgres
from tests.stores.making import NOW, add, after, claim, delivery, done, event, seqs_of, status_of

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that may be killed, and that forgets for 10 s what it is not told to sync."""
    with running(wal_writer_delay="10s", wal_writer_flush_after="0") as started:
        yield started


@pytest.fixture
async def store(server: PostgresServer) -> AsyncIterator[PostgresStore]:
    opened = await new_postgres(server.dsn())
    yield opened
    await opened.close()


def killed(server: PostgresServer) -> None:
    server.kill()
    server.start()


async def test_what_was_added_survives_and_the_store_goes_on(server: PostgresServer, store: PostgresStore) -> None:
    [seq] = await add(store, event("added"))
    killed(server)
    assert await status_of(store, seq) == "pending"
    assert seqs_of(await claim(store)) == [seq]


async def test_what_was_settled_stays_settled(server: PostgresServer, store: PostgresStore) -> None:
    await add(store, event("settled"))
    held = await claim(store)
    await store.settle([done(one) for one in held], NOW, worker="w1")
    killed(server)
    # Else it would be leased to a worker that lives and has forgotten it, and would renew that lease for ever.
    assert await status_of(store, held[0].event.seq) == "done"


async def test_what_was_claimed_stays_claimed(server: PostgresServer, store: PostgresStore) -> None:
    await add(store, event("claimed"))
    held = await claim(store)
    killed(server)
    assert await claim(store, "w2") == [], "its handler runs just now, and a lane is one worker's"
    await store.settle([done(one) for one in held], NOW, worker="w1")
    assert await status_of(store, held[0].event.seq) == "done"


async def test_what_was_leased_with_its_delivery_stays_leased(server: PostgresServer, store: PostgresStore) -> None:
    added = await store.add(delivery(event("leased")), worker="w1")
    assert len(added.leased) == 1
    killed(server)
    assert await claim(store, "w2") == []


async def test_what_was_given_back_stays_free(server: PostgresServer, store: PostgresStore) -> None:
    [seq] = await add(store, event("free"))
    await claim(store)
    await store.release("w1")
    killed(server)
    assert seqs_of(await claim(store, "w2")) == [seq]


async def test_without_the_server_nothing_is_acknowledged_and_it_comes_again(
    server: PostgresServer, store: PostgresStore
) -> None:
    server.kill()
    try:
        with pytest.raises(StoreBusy) as refused:
            await store.add(delivery(event("too early")))
        assert refused.value.retry_after > 0
        with pytest.raises(StoreError):
            await store.events(EventFilter())
    finally:
        server.start()
    added = await store.add(delivery(event("too early")))
    assert (added.new, added.duplicates) == (1, 0)


async def test_a_claim_whose_answer_was_lost_is_given_back(server: PostgresServer, store: PostgresStore) -> None:
    [seq] = await add(store, event("lost"))
    assert seqs_of(await claim(store, "w1", limit=1)) == [seq]
    # As if that answer had never come: the next claim by the same worker gives it back first.
    [[number]] = [await _numbers(store, seq)]
    store._note_lost("w1", number)
    assert seqs_of(await claim(store, "w1", now=after(1))) == [seq]


async def _numbers(store: PostgresStore, seq: int) -> list[int]:
    sql = "SELECT claim FROM moderation_ai.queue WHERE seq = $1"
    return [await store._read(lambda connection: connection.fetchval(sql, seq))]
