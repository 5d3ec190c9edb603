"""Reparsing: a parser that learned a shape makes events of what was kept while it was unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from moderation_ai.core.content import as_dict
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.sources import Source
from moderation_ai.core.subjects import Comment, Data
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.receiving.keeping import MAX_HEADERS, read_kept
from moderation_ai.pipeline.upkeep.reparsing import (
    BODY_GONE,
    LEARNED,
    NO_PLATFORM,
    NO_USE,
    UNKNOWN,
    Reparser,
    Reread,
    each_unknown,
)
from moderation_ai.stores.base import EventFilter, Horizons, Store
from tests.kinds import new_store
from tests.pipeline.stage import START, Stage

pytestmark = pytest.mark.anyio


class Notes(Platform):
    """A platform that posts notes; ``knows`` is what its parser has learned so far."""

    name = "notes"
    signature = "none"
    own_scheme = True

    def __init__(self, *knows: str) -> None:
        self.knows = knows

    def read(self, value: Any, request: Request) -> Parsed:
        kind = request.headers.get("x-note-kind") or as_dict(value).get("kind")
        if kind not in self.knows:
            raise MalformedPayload("a kind of note that is not known")
        if kind == "typing":
            return Parsed(ignored=["typing"])
        facts = [self._fact(text, value) for text in value["notes"]]
        return Parsed(facts=facts, delivery_id=request.headers.get("webhook-id"))

    def _fact(self, text: str, value: Any) -> Fact:
        data = Data(comment=Comment(id=text, text=text, author_id=value.get("by")))
        return Fact(
            event_type="comment.created",
            object_id=text,
            data=data,
            account_id=value.get("to"),
            author_id=value.get("by"),
        )


CREDENTIAL = Credential(secrets=("s",), accounts={"17": "brand"}, allow_unverified=True)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    opened = new_store()
    await opened.open()
    yield opened
    await opened.close()


def body(*notes: str, **more: Any) -> bytes:
    return msgspec.json.encode({"kind": "note", "notes": notes, **more})


async def receive(
    store: Store,
    content: bytes,
    *knows: str,
    headers: Mapping[str, str] | None = None,
    credential: Credential = CREDENTIAL,
    at: datetime = START,
) -> None:
    """Post a body to a gateway whose parser knows so much."""
    address = f"notes/{credential.name}" if credential.name else "notes"
    intake = Intake(store, {address: Source(platform=Notes(*knows), credential=credential)})
    request = Request(body=content, headers=Headers.of(headers), received_at=at)
    answer = await intake.receive(request, "notes", credential.name or None)
    assert answer.status == 200


async def reparse(
    store: Store, *knows: str, sources: Mapping[str, Source] | None = None, dry_run: bool = False, **fields: Any
) -> list[Reread]:
    """Read all that is unknown again by a parser that knows more."""
    platform = Notes(*knows)
    if sources is None:
        sources = {"notes": Source(platform=platform, credential=CREDENTIAL)}
    reparser = Reparser(store, sources, {"notes": platform}, {}, dry_run=dry_run)
    return [await reparser.reread(event) async for event in each_unknown(store, EventFilter(**fields))]


async def stored(store: Store, **fields: Any) -> list[tuple[str, str, str]]:
    """Return lane, type and status of the events that are stored, oldest first."""
    found = await store.events(EventFilter(**fields), newest_first=False)
    return [(one.lane.partition(":")[2][:6], one.event_type, one.status) for one in found]


async def test_what_was_unknown_becomes_events_and_is_superseded_by_them(store: Store) -> None:
    await receive(store, body("a", "b"))
    [(_, kind, status)] = await stored(store)
    assert (kind, status) == ("unknown", "pending")
    [reread] = await reparse(store, "note")
    assert (reread.fate, reread.new) == (LEARNED, 2)
    assert [status for _, kind, status in await stored(store, event_type="unknown")] == ["superseded"]
    assert await stored(store, event_type="comment.*") == [
        ("a", "comment.created", "pending"),
        ("b", "comment.created", "pending"),
    ]


async def test_the_events_are_what_they_would_have_been_had_they_been_known_at_once(store: Store) -> None:
    content, headers = body("a", to="17", by="17"), {"X-Note-Kind": "note", "Webhook-Id": "msg_1"}
    await receive(store, content, headers=headers)
    await reparse(store, "note")
    other = new_store()
    await receive(other, content, "note", headers=headers)
    [learned] = await store.events(EventFilter(event_type="comment.*"))
    [known] = await other.events(EventFilter())
    assert msgspec.structs.asdict(learned) == msgspec.structs.asdict(known) | {"seq": learned.seq}
    assert (learned.received_at, learned.account, learned.own, learned.delivery_id) == (START, "brand", True, "msg_1")
    assert await store.raw_body(learned.seq) == content
    await receive(store, content, "note", headers=headers)
    assert len(await store.events(EventFilter(event_type="comment.*"))) == 1, "the same by the usual road is a repeat"
    await other.close()


async def test_twice_is_once(store: Store) -> None:
    await receive(store, body("a"))
    assert len(await reparse(store, "note")) == 1
    assert await reparse(store, "note") == []
    assert len(await store.events(EventFilter())) == 2


async def test_what_is_not_learned_stays_as_it_is(store: Store) -> None:
    await receive(store, body("a"))
    [reread] = await reparse(store, "other")
    assert (reread.fate, reread.new, reread.events) == (UNKNOWN, 0, [])
    assert [status for *_, status in await stored(store)] == ["pending"]


async def test_a_kind_of_no_use_is_superseded_by_nothing(store: Store) -> None:
    await receive(store, msgspec.json.encode({"kind": "typing"}))
    [reread] = await reparse(store, "typing")
    assert reread.fate == NO_USE
    assert [status for *_, status in await stored(store)] == ["superseded"]


async def test_a_dry_run_tells_and_changes_nothing(store: Store) -> None:
    await receive(store, body("a", "b"))
    [reread] = await reparse(store, "note", dry_run=True)
    assert (reread.fate, [event.text for event in reread.events]) == (LEARNED, ["a", "b"])
    assert [status for *_, status in await stored(store)] == ["pending"]


async def test_what_is_known_already_by_another_road_is_not_there_twice(store: Store) -> None:
    await receive(store, body("a", "b"))
    await receive(store, body("b"), "note")
    [reread] = await reparse(store, "note")
    assert reread.new == 1
    assert [lane for lane, *_ in await stored(store, event_type="comment.*")] == ["b", "a"]


async def test_an_account_of_its_own_keeps_its_keys_even_if_it_is_configured_no_more(store: Store) -> None:
    own = Credential(name="second", secrets=("s",), allow_unverified=True)
    await receive(store, body("a"), credential=own)
    await receive(store, body("b"), credential=own)
    [configured] = await reparse(
        store,
        "note",
        sources={"notes/second": Source(platform=Notes("note"), credential=own)},
        until=START + timedelta(seconds=1),
        before_seq=2,
    )
    [gone] = await reparse(store, "note", sources={})
    assert (configured.new, gone.new) == (1, 1)
    await receive(store, body("a"), "note", credential=own)
    await receive(store, body("b"), "note", credential=own)
    assert len(await store.events(EventFilter(event_type="comment.*"))) == 2


async def test_filters_say_which_are_read(store: Store) -> None:
    await receive(store, body("a"))
    await receive(store, body("b"), at=START + timedelta(hours=1))
    [reread] = await reparse(store, "note", since=START + timedelta(minutes=1))
    assert [event.text for event in reread.events] == ["b"]


async def test_a_body_that_is_gone_and_a_platform_that_is_gone_are_told(store: Store) -> None:
    await receive(store, body("a"))
    reparser = Reparser(store, {}, {}, {})
    [event] = await store.events(EventFilter())
    assert (await reparser.reread(event)).fate == NO_PLATFORM
    later = START + timedelta(days=31)
    await store.prune(Horizons(bodies=later), later, limit=10)
    assert (await reparser.reread(event)).fate == BODY_GONE


async def test_handlers_run_for_what_was_learned() -> None:
    async with Stage() as stage:
        stage.on("comment.*")
        await receive(stage.store, body("a"))
        await stage.quiet()
        await reparse(stage.store, "note")
        await stage.quiet()
        assert stage.ran == [("h", "a created")]
        assert await stage.statuses() == ["superseded", "done"]


async def test_more_than_a_page_is_read(store: Store) -> None:
    for number in range(450):
        await receive(store, body(f"n{number}"))
    assert len(await reparse(store, "note")) == 450
    assert len(await store.events(EventFilter(event_type="comment.*"))) == 450


async def test_nothing_that_opens_a_door_or_tells_where_a_person_is_is_kept(store: Store) -> None:
    named = {
        "Authorization": "Bearer s3cret",
        "Cookie": "s3cret",
        "X-Hub-Signature-256": "s3cret",
        "X-Api-Key": "s3cret",
        "X-Goog-Channel-Token": "s3cret",
        "X-Forwarded-For": "198.51.100.7",
        "X-Real-IP": "198.51.100.7",
        "X-Goog-IAP-JWT-Assertion": "s3cret",
        "X-Amzn-Oidc-Data": "s3cret",
        "X-Password": "s3cret",
        "X-Credential": "s3cret",
        "X-Session-Id": "s3cret",
        "X-Azure-ClientIP": "198.51.100.7",
        "X-Azure-SocketIP": "198.51.100.7",
        "X-Appengine-User-IP": "198.51.100.7",
        "X-Envoy-External-Address": "198.51.100.7",
        "X-Remote-Addr": "198.51.100.7",
        "Content-Type": "application/json",
        "X-Note-Kind": "odd",
    }
    await receive(store, body("a"), headers=named)
    [event] = await store.events(EventFilter())
    text = await store.headers(event.seq)
    assert text is not None
    assert "s3cret" not in text
    assert "198.51.100.7" not in text
    assert read_kept(text, "x").headers == [("content-type", "application/json"), ("x-note-kind", "odd")]


async def test_headers_are_kept_of_what_is_unknown_alone_and_not_without_bound(store: Store) -> None:
    await receive(store, body("a"), "note", headers={"X-Note-Kind": "note"})
    await receive(store, body("b"), headers={"X-Long": "x" * MAX_HEADERS, "X-Note-Kind": "odd"})
    known, odd = await store.events(EventFilter(), newest_first=False)
    assert await store.headers(known.seq) is None
    kept = await store.headers(odd.seq)
    assert kept is not None
    assert len(kept) < MAX_HEADERS
