"""The brief's envelope: what counts as one, and what it tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from moderation_ai.core.envelope import is_envelope, named_platform, read_envelope
from moderation_ai.core.events import EVENT_TYPES, Fact

KINDS = {"tweet.create": "post.created", "follow": ""}


def read(event_type: str, data: dict[str, Any], **more: Any) -> Fact:
    return read_envelope({"event_type": event_type, "data": data, **more}, KINDS)


@pytest.mark.parametrize(
    "value", [None, [], "x", {}, {"event_type": "a"}, {"event_type": 1, "data": {}}, {"event_type": "a", "data": []}]
)
def test_takes_nothing_else_for_an_envelope(value: Any) -> None:
    assert not is_envelope(value)
    assert named_platform(value) is None


def test_knows_the_platform_that_it_names() -> None:
    assert named_platform({"event_type": "a", "data": {}, "platform": "x"}) == "x"
    assert named_platform({"event_type": "a", "data": {}, "platform": 7}) is None


def test_reads_the_briefs_comment() -> None:
    comment = {
        "id": "comment_id",
        "post_id": "post_id",
        "author_id": "author_id",
        "author_username": "username",
        "text": "Comment text",
        "created_at": "2024-01-08T10:30:00Z",
    }
    fact = read("comment.created", {"comment": comment}, event_id="evt_123456789", timestamp="2024-01-08T10:30:00Z")
    assert (fact.object_id, fact.event_id, fact.author_id) == ("comment_id", "evt_123456789", "author_id")
    assert fact.timestamp == datetime(2024, 1, 8, 10, 30, tzinfo=UTC) == fact.data.comment.created_at  # type: ignore[union-attr]  # it is there
    assert fact.version is None


def test_puts_the_missing_name_around_a_subject_that_stands_alone() -> None:
    assert read("comment.created", {"id": 5, "text": "x"}).data.comment.text == "x"  # type: ignore[union-attr]  # it is there
    assert read("mention.created", {"id": 5, "text": "x"}).data.comment.id == "5"  # type: ignore[union-attr]  # it is there


def test_translates_native_names() -> None:
    assert read("tweet.create", {"post": {"id": "1"}}).event_type == "post.created"


@pytest.mark.parametrize("event_type", ["follow", "never.heard", ""])
def test_keeps_a_kind_without_use_or_meaning_as_unknown(event_type: str) -> None:
    fact = read(event_type, {"id": "1"})
    assert (fact.event_type, fact.data.kind) == ("unknown", event_type)


def test_tells_unknown_things_of_one_object_apart() -> None:
    # Both would fall into one, if their id were that of the object.
    pinned, unpinned = read("comment.pinned", {"id": "1"}), read("comment.unpinned", {"id": "1"})
    assert pinned.object_id != unpinned.object_id
    assert pinned.object_id == read("comment.pinned", {"id": "1"}).object_id


@pytest.mark.parametrize("event_type", [kind for kind in EVENT_TYPES if kind != "unknown"])
def test_keeps_what_names_no_object_as_unknown(event_type: str) -> None:
    fact = read(event_type, {"comment": {"text": "x"}, "reason": 5})
    assert fact.event_type == "unknown"
    assert fact.data.reason == "the envelope's data names no id"


def test_tells_the_changes_of_one_object_apart_by_their_time() -> None:
    def version(**comment: Any) -> str | None:
        return read("comment.updated", {"comment": {"id": "1", **comment}}, timestamp="2026-01-01T00:00:00Z").version

    assert version() == "2026-01-01T00:00:00+00:00"
    assert version(updated_at="2026-01-02T00:00:00Z") == "2026-01-02T00:00:00+00:00"


@pytest.mark.parametrize(
    ("event_type", "data", "object_id"),
    [
        ("comment.deleted", {"comment_id": 1, "post_id": 2}, "1"),
        ("comment.deleted", {"comment": {"id": "1"}}, "1"),
        ("post.deleted", {"post_id": 2}, "2"),
        ("moderation.action", {"action": {"kind": "hide", "target_id": "t", "id": "a"}}, "t"),
        ("moderation.action", {"action": {"kind": "ban", "target_author_id": "u"}}, "u"),
        ("reaction.created", {"reaction": {"id": "r", "target_id": "t"}}, "r"),
        ("report.created", {"report": {"id": "r"}}, "r"),
        ("account.revoked", {"account": {"id": "a"}}, "a"),
    ],
)
def test_orders_by_the_object_that_it_is_about(event_type: str, data: dict[str, Any], object_id: str) -> None:
    assert read(event_type, data).object_id == object_id


@pytest.mark.parametrize(
    "data",
    [
        {"reaction": {"id": "1", "updated_at": "x"}},
        {"action": {"id": "1", "target_id": "2", "updated_at": 5}},
        {"report": {"id": "r2", "author_id": []}},
        {"account": {"id": "q", "author_id": {"a": 1}}},
    ],
)
def test_takes_no_time_or_author_from_what_is_no_field_of_ours(data: dict[str, Any]) -> None:
    (name,) = data
    event_type = {"action": "moderation.action", "account": "account.revoked"}.get(name, f"{name}.created")
    fact = read_envelope({"event_type": event_type, "data": data}, {})
    assert (fact.timestamp, fact.author_id, fact.version) == (None, None, None)
