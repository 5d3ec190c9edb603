"""Lists longer than a page: all of it, in order, and no more than was asked for."""

from __future__ import annotations

import asyncio

import pytest

from moderation_ai.core.events import Fact, finish
from moderation_ai.core.subjects import Data
from moderation_ai.stores.base import DEAD, Attempt, Delivery, EventOutcome
from moderation_ai.stores.opening import open_store
from tests.cli.conftest import Run, rows
from tests.cli.filling import NOW, URL

COUNT = 2_345
"""Two pages and a bit."""


@pytest.fixture
def long(folder: object) -> None:
    """Make a store of so many events, each a dead letter of two handlers."""
    asyncio.run(_fill())


async def _fill() -> None:
    store = open_store(URL)
    await store.open()
    facts = [
        Fact(event_type="comment.deleted", object_id=f"c{n}", data=Data(deleted_comment=f"c{n}")) for n in range(COUNT)
    ]
    events = [finish(fact, platform="generic", received_at=NOW) for fact in facts]
    added = await store.add(Delivery(platform="generic", received_at=NOW, body=b"{}", events=events))
    outcomes = [
        EventOutcome(
            seq=seq, status=DEAD, attempts=[Attempt(seq=seq, handler=name, state=DEAD, attempts=1) for name in "ab"]
        )
        for seq in added.seqs
    ]
    await store.settle(outcomes, NOW)
    await store.close()


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize(("options", "count"), [([], COUNT), (["--limit", "1500"], 1500), (["--limit", "1000"], 1000)])
def test_events_are_listed_to_the_end(run: Run, options: list[str], count: int) -> None:
    seqs = [row["seq"] for row in rows(run("events", "list", "--json", *options))]
    assert seqs == list(range(COUNT, COUNT - count, -1))


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize(
    ("options", "count"), [([], 2 * COUNT), (["--limit", "3001"], 3001), (["--handler", "b"], COUNT)]
)
def test_dead_letters_are_listed_to_the_end(run: Run, options: list[str], count: int) -> None:
    found = [(row["seq"], row["handler"]) for row in rows(run("dead-letters", "list", "--json", *options))]
    assert len(found) == len(set(found)) == count
    assert [seq for seq, _ in found] == sorted((seq for seq, _ in found), reverse=True)


@pytest.mark.usefixtures("long")
def test_dead_letters_are_dropped_to_the_end(run: Run) -> None:
    result = run("dead-letters", "drop", "--all", "--yes")
    assert f"{2 * COUNT} dead letters dropped" in result.stderr
    assert rows(run("dead-letters", "list", "--json")) == []
