"""Events: their ids and keys, and their JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.events import (
    Fact,
    WebhookEvent,
    event_id_of,
    finish,
    from_dict,
    id_prefix,
    key_of,
    object_id_of,
    to_dict,
    to_json,
    unknown_fact,
)
from moderation_ai.core.subjects import Comment, Data

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def a_fact(**more: Any) -> Fact:
    comment = Comment(id="c1", author_id="a1", text="hello", created_at=NOW)
    fields = {"event_type": "comment.created", "object_id": "c1", "data": Data(comment=comment), **more}
    return Fact(**fields)


def test_gives_a_fact_an_id_of_the_promised_form() -> None:
    event = finish(a_fact(), platform="twitter", received_at=NOW).event
    assert re.fullmatch(r"evt_[a-z2-7]{26}", event.event_id)
    assert event.lane == "twitter:c1"


def test_gives_one_fact_the_same_id_by_every_road_and_for_ever() -> None:
    ids = {
        finish(a_fact(), platform="twitter", received_at=NOW + timedelta(days=day), source=source).event.event_id
        for day, source in ((0, "webhook"), (5, "poll"), (9, "replay"))
    }
    # Written down, for what is stored under it must be found again by every later version.
    assert ids == {event_id_of("twitter", "", "comment.created", "c1", None)} == {"evt_lqlwpzz2vqer4pbnmlyzw76kab"}


parts = st.one_of(st.none(), st.text(max_size=5))


@dataclass(frozen=True)
class Name:
    platform: str = "p"
    instance: str = "i"
    event_type: str = "t"
    object_id: str = "o"
    version: str | None = None


@given(one=st.lists(parts, min_size=5, max_size=5), two=st.lists(parts, min_size=5, max_size=5))
def test_gives_different_facts_different_keys(one: list[str | None], two: list[str | None]) -> None:
    assert (key_of("x", *one) == key_of("x", *two)) == (one == two)


@pytest.mark.parametrize(
    "other", [Name(platform="q"), Name(instance=""), Name("pi", ""), Name(version=""), Name(object_id="ot")]
)
def test_gives_different_facts_different_ids(other: Name) -> None:
    assert event_id_of(**asdict(Name())) != event_id_of(**asdict(other))


def test_lets_no_sender_suppress_anothers_events() -> None:
    def key(credential: str, **more: Any) -> bytes:
        return finish(
            a_fact(event_id="evt_same", **more), platform="generic", received_at=NOW, credential=credential
        ).key

    assert key("one") != key("two")
    assert key("one") != key("one", object_id="c2")
    assert key("one")[:4] == key("two")[:4] == id_prefix("evt_same")


def test_shows_the_id_that_an_envelope_carries() -> None:
    assert finish(a_fact(event_id="evt_1"), platform="generic", received_at=NOW).event.event_id == "evt_1"


def test_marks_a_time_that_the_platform_did_not_give() -> None:
    inferred = finish(a_fact(), platform="x", received_at=NOW).event
    assert (inferred.timestamp, inferred.timestamp_inferred) == (NOW, True)
    given_ = finish(a_fact(timestamp=NOW - timedelta(1)), platform="x", received_at=NOW).event
    assert (given_.timestamp, given_.timestamp_inferred) == (NOW - timedelta(1), False)
    assert to_dict(inferred)["timestamp_inferred"] is True
    assert "timestamp_inferred" not in to_dict(given_)


@pytest.mark.parametrize(
    ("author_id", "account_id", "own_ids", "own"),
    [
        ("a", "a", (), False),
        ("a", None, ("a",), True),
        ("a", "b", ("c",), False),
        (None, None, (), False),
        (None, "a", ("a",), False),
    ],
)
def test_knows_what_we_wrote_ourselves(
    author_id: str | None, account_id: str | None, own_ids: tuple[str, ...], own: bool
) -> None:
    fact = a_fact(author_id=author_id, account_id=account_id)
    assert finish(fact, platform="x", received_at=NOW, own_ids=frozenset(own_ids)).event.own is own


def test_writes_the_json_of_the_contract_and_reads_it_again() -> None:
    event = finish(a_fact(timestamp=NOW), platform="x", received_at=NOW, account="shop", delivery_id="d1").event
    fields = json.loads(to_json(event))
    assert fields == {
        "event_id": event.event_id,
        "event_type": "comment.created",
        "timestamp": "2026-11-24T12:00:00Z",
        "received_at": "2026-11-24T12:00:00Z",
        "platform": "x",
        "account": "shop",
        "source": "webhook",
        "delivery_id": "d1",
        "lane": "x:c1",
        "seq": 0,
        "status": "pending",
        "own": False,
        "data": {"comment": {"id": "c1", "author_id": "a1", "text": "hello", "created_at": "2026-11-24T12:00:00Z"}},
    }
    assert b"\n" not in to_json(event)
    again = from_dict({**fields, "a_member_of_a_later_version": 1})
    assert to_dict(again) == fields
    assert again == event


def test_takes_a_plain_dict_as_the_brief_does() -> None:
    event = WebhookEvent(
        event_id="evt_123",
        event_type="comment.created",
        platform="twitter",
        timestamp="2024-01-08T10:30:00Z",  # type: ignore[arg-type]  # text is taken too
        data={"comment": {"id": "comment_id", "text": "Test comment", "author_username": "test_user"}},  # type: ignore[arg-type]  # as the brief writes it
    )
    assert event.data.comment is not None
    assert event.data.id == event.data.comment.id == "comment_id"
    assert event.text == "Test comment"
    assert event.timestamp == datetime(2024, 1, 8, 10, 30, tzinfo=UTC)
    assert event.rest == ()


def test_names_a_body_that_was_not_understood_by_its_bytes() -> None:
    assert unknown_fact(b"a", "why").object_id == unknown_fact(b"a", "another reason").object_id
    assert unknown_fact(b"a", "why").object_id != unknown_fact(b"b", "why").object_id
    assert to_dict(finish(unknown_fact(b"a", "why", "k"), platform="x", received_at=NOW).event)["data"] == {
        "kind": "k",
        "reason": "why",
    }


def test_finds_the_object_of_an_event_with_or_without_its_lane() -> None:
    def object_id(event_type: str, lane: str = "", **data: Any) -> str:
        return object_id_of(WebhookEvent(event_type=event_type, lane=lane, data=Data.of(data)))

    assert object_id("comment.created", lane="x:a:b") == "a:b"
    assert object_id("comment.created", comment={"id": "c"}) == "c"
    assert object_id("comment.deleted", comment_id="c", post_id="p") == "c"
    assert object_id("post.deleted", post_id="p") == "p"
    assert object_id("unknown") == ""


def test_shows_no_text_that_is_none() -> None:
    event = WebhookEvent(event_type="report.created", data={"report": {"id": "r", "text": 123}})  # type: ignore[arg-type]  # as callers give it
    assert event.text is None
