"""Subjects and data: read from what strangers wrote, and reached by their short names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.subjects import SUBJECTS, Comment, Data, Post

MOMENT = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def test_reads_ids_as_text_and_times_of_every_spelling() -> None:
    times = [
        "2026-11-20T08:30:00Z",
        "2026-11-20T09:30:00+01:00",
        1795163400,
        "1795163400",
        MOMENT,
        "2026-11-20 08:30:00",
    ]
    for time in times:
        comment = Comment.of({"id": 7247303576418566913, "post_id": 9, "created_at": time})
        assert (comment.id, comment.post_id, comment.created_at) == ("7247303576418566913", "9", MOMENT)
        assert comment.created_at.tzinfo is UTC


def test_keeps_what_is_no_field_of_ours_and_shows_it_like_one() -> None:
    comment = Comment.of({"id": "1", "stars": 5, "extra": {"badge": "gold"}})
    assert (comment.stars, comment.badge, comment.extra) == (5, "gold", {"stars": 5, "badge": "gold"})
    with pytest.raises(AttributeError, match="Comment has no 'moon'"):
        _ = comment.moon


def test_reads_a_field_of_a_wrong_type_like_one_that_is_missing() -> None:
    post = Post.of({"id": 1.5, "caption": 7, "created_at": {}, "media_urls": "one", "extra": "x", "author_id": True})
    assert post == Post()
    assert Post.of({"media_urls": ["a", 1, None, "b"]}).media_urls == ["a", "b"]


def test_reaches_through_data_to_its_one_subject() -> None:
    data = Data.of({"comment": {"id": "c", "post_id": "p", "text": "t", "stars": 5}})
    assert (data.id, data.text, data.post_id, data.stars) == ("c", "t", "p", 5)
    assert data.subject is data.comment
    assert Data.of({"post": {"id": "p", "title": "short", "caption": "words"}}).text == "words"
    assert Data.of({"post": {"id": "p", "title": "short"}}).text == "short"


def test_reaches_the_ids_of_a_deletion() -> None:
    data = Data.of({"comment_id": 5, "post_id": "p"})
    assert (data.comment_id, data.post_id, data.id, data.subject) == ("5", "p", "5", None)
    assert Data.of({"post_id": "p"}).id == "p"


def test_says_what_it_does_not_have() -> None:
    data = Data.of({"kind": "k", "reason": "r", "more": 1})
    assert (data.kind, data.reason, data.more) == ("k", "r", 1)
    with pytest.raises(AttributeError, match="no 'moon'"):
        _ = data.moon


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.datetimes().map(str),
    lambda sub: st.lists(sub, max_size=3) | st.dictionaries(st.text(max_size=5), sub, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    ["extra", "new", *{name for subject in SUBJECTS.values() for name in subject.__struct_fields__}]
)


@pytest.mark.fuzz
@given(
    kind=st.sampled_from([*SUBJECTS, "comment_id", "kind", "extra"]), fields=st.dictionaries(names, values, max_size=6)
)
def test_reads_any_fields_with_none_of_a_wrong_type(kind: str, fields: dict[str, Any]) -> None:
    subject = Data.of({kind: fields}).subject
    if subject is None:
        return
    for name in subject.__struct_fields__:
        value = getattr(subject, name)
        if name in subject.times:
            assert value is None or value.tzinfo is UTC
        elif name in subject.lists:
            assert value is None or all(isinstance(item, str) for item in value)
        elif name != "extra":
            assert value is None or isinstance(value, str)
