"""The short cut for the usual envelope tells what the long way tells, or nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.content import read_json
from moderation_ai.core.envelope import is_envelope, read_envelope, read_usual_envelope
from moderation_ai.core.errors import MalformedPayload

USUAL = {
    "event_id": "evt_123456789",
    "event_type": "comment.created",
    "timestamp": "2024-01-08T10:30:00Z",
    "platform": "twitter",
    "data": {
        "comment": {
            "id": "comment_id",
            "post_id": "post_id",
            "author_id": "author_id",
            "author_username": "username",
            "text": "Comment text",
            "created_at": "2024-01-08T10:30:00Z",
        }
    },
}


def test_takes_the_briefs_comment() -> None:
    fact = read_usual_envelope(json.dumps(USUAL).encode())
    assert fact is not None
    assert (fact.object_id, fact.timestamp) == ("comment_id", datetime(2024, 1, 8, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "body",
    [
        b'{"event_type":"comment.created","data":{"comment":{"id":"1","id":"2"}}}',
        b'{"event_type":"comment.created","event_type":"comment.created","data":{"comment":{"id":"1"}}}',
        b'{"event_type":"comment.created","data":{"comment":{"id":"1"},"comment":{"id":"1"}}}',
        b'{"event_type":"comment.created","data":{"comment":{"id":"1"}},"x":{"a":1,"a":2}}',
        b'{"event_type":"comment.created","data":{"comment":{"id":"1"}},"x":NaN}',
        b'{"event_type":"comment.created","data":{"comment":{"id":"1","text":"\xff"}}}',
        b'{"event_type":"comment.created","data":{"comment":{"id":"1"}}}{}',
    ],
)
def test_is_no_way_around_what_the_long_way_refuses(body: bytes) -> None:
    assert read_usual_envelope(body) is None
    with pytest.raises(MalformedPayload):
        read_json(body)


@pytest.mark.parametrize("digits", ["1234567", "123456789", "9999999"])
def test_leaves_times_with_more_digits_than_a_microsecond_has_to_the_long_way(digits: str) -> None:
    assert read_usual_envelope(json.dumps({**USUAL, "timestamp": f"2024-01-08T10:30:00.{digits}Z"}).encode()) is None


TIMES = ["2024-01-08T10:30:00Z", "2024-01-08T11:30:00.5+01:00", "2024-01-08T10:30:00.123456789Z", "2024-01-08T10:30:00"]
times: st.SearchStrategy[Any] = st.sampled_from([*TIMES, 1704709800, "never", "0001-01-01T00:00:00+14:00"])
texts: st.SearchStrategy[Any] = st.text(max_size=6) | st.none() | st.integers(0, 9) | st.just("x" * 513)
comments = st.fixed_dictionaries(
    {"id": texts},
    optional={
        **dict.fromkeys(("post_id", "parent_id", "author_id", "author_username", "text", "permalink", "stars"), texts),
        **dict.fromkeys(("created_at", "updated_at"), times),
        "extra": st.dictionaries(st.text(max_size=2), texts, max_size=1),
    },
)
envelopes = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["comment.created", "comment.updated", "tweet.create", ""])},
    optional={
        "data": st.fixed_dictionaries({"comment": comments}, optional={"post_id": texts, "kind": texts, "new": texts}),
        "event_id": texts,
        "timestamp": times,
        "platform": texts,
    },
)


@pytest.mark.fuzz
@given(value=envelopes, escapes=st.booleans())
def test_tells_what_the_long_way_tells_or_nothing(value: dict[str, Any], escapes: bool) -> None:
    body = json.dumps(value, ensure_ascii=escapes).encode()
    short = read_usual_envelope(body)
    if short is None:
        return
    assert is_envelope(value)
    assert msgspec.to_builtins(short) == msgspec.to_builtins(read_envelope(read_json(body), {}))
