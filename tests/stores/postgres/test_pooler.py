"""A store behind a pooler in transaction mode: nothing depends on what a session remembers."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from moderation_ai.stores.base import EventFilter, Horizons
from moderation_ai.stores.postgres import PostgresStore
from tests.kinds import new_database
from tests.stores.making import NOW, add, after, claim, delivery, done, event, failed, seqs_of
from tests.stores.postgres.pooler import Pooler

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pooler() -> AsyncIterator[tuple[Pooler, str]]:
    """A pooler in front of an empty database, and the URL behind it."""
    url = urlsplit(new_database())
    folder = Path(tempfile.mkdtemp(prefix="mai-pooler-"))
    between = Pooler(Path(parse_qs(url.query)["host"][0]), folder)
    await between.start(url.path.removeprefix("/"))
    try:
        yield between, f"postgresql://postgres@{url.path}?host={folder}"
    finally:
        await between.stop()
        shutil.rmtree(folder)


async def test_everything_works_on_another_connection_each_time(pooler: tuple[Pooler, str]) -> None:
    between, url = pooler
    store = PostgresStore(url, lease_clock="caller")
    await store.open()
    try:
        await asyncio.gather(*(store.add(delivery(event(f"c{number}"))) for number in range(300)))
        for turn in range(5):
            held = await claim(store, f"w{turn}", limit=50)
            await store.settle([failed(held[0]), *(done(one) for one in held[1:])], NOW, worker=f"w{turn}")
        assert len(await claim(store, "w9", now=after(20), limit=10)) == 10
        await store.release("w9")
        [seq] = await add(store, event("again"))
        await store.replace([seq], delivery(event("better")))
        await store.prune(Horizons(bodies=after(5)), after(10), limit=50)
        assert (await store.counts()).total == 302
        assert len(await store.events(EventFilter(), newest_first=False)) == 302
        assert between.transactions > 40
    finally:
        await store.close()
    again = PostgresStore(url, lease_clock="caller")
    assert seqs_of(await claim(again, "w1", limit=1)) != []
    await again.close()
