"""Redaction and erasure: what is about whom, and what stays of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.erasure import Ids, emptied, is_about, names_of, objects_by, without_ids
from moderation_ai.core.events import EVENT_TYPES, WebhookEvent, from_dict, to_dict, to_json
from moderation_ai.core.redaction import AGE, ERASED, without_text

ANNA = "17841405"
COMMENT = "9007199"


def event(event_type: str = "comment.created", lane: str = "x:other", **data: Any) -> WebhookEvent:
    return WebhookEvent(
        event_id="carried-1", event_type=event_type, platform="x", lane=lane, delivery_id="d-1", data=data
    )


def comment(**fields: Any) -> WebhookEvent:
    return event(lane=f"x:{fields.get('id')}", comment=fields)


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ({"comment": {"id": "c", "author_username": "anna", "text": "t"}}, {"id": "c", "author_username": "anna"}),
        ({"post": {"id": "p", "title": "t", "caption": "t", "media_urls": ["t"]}}, {"id": "p"}),
        ({"report": {"id": "r", "target_id": "c", "reason": "t"}}, {"id": "r", "target_id": "c"}),
        ({"action": {"id": "a", "kind": "hide", "reason": "t"}}, {"id": "a", "kind": "hide"}),
        ({"comment": {"id": "c", "platform_text": "t"}}, {"id": "c"}),
    ],
)
def test_of_what_people_wrote_nothing_stays(data: dict[str, Any], kept: dict[str, Any]) -> None:
    bare = without_text(event(**data), AGE)
    assert bare.text_removed == "age"
    assert [msgspec.to_builtins(bare.data)[name] for name in data] == [kept]
    assert without_text(bare, ERASED) is bare, "there is nothing to remove any more"


def test_what_has_no_text_is_left_alone() -> None:
    for one in (comment(id="c"), event("comment.deleted", comment_id="c"), event("unknown", reason="why", kind="k")):
        assert without_text(one, AGE) is one


def test_an_event_without_text_reads_back_as_it_is() -> None:
    bare = without_text(comment(id="c", text="t"), AGE)
    assert to_dict(bare)["text_removed"] == "age"
    assert from_dict(to_dict(bare)).text_removed == "age"
    assert "text_removed" not in to_dict(comment(id="c", text="t"))


@pytest.mark.parametrize(
    "about",
    [
        comment(id="c", author_id=ANNA),
        event("post.created", post={"id": "p", "author_id": ANNA}),
        event("reaction.created", reaction={"id": "r", "author_id": ANNA}),
        event("report.created", report={"id": "r", "reporter_id": ANNA}),
        event("report.created", report={"id": "r", "target_id": COMMENT}),
        event("moderation.action", action={"kind": "ban", "target_author_id": ANNA}),
        event("moderation.action", action={"kind": "hide", "target_id": COMMENT}),
        event("comment.deleted", comment_id=COMMENT),
        event("post.deleted", post_id=COMMENT),
        event("account.revoked", lane=f"x:{ANNA}", account={"id": ANNA}),
        comment(id=COMMENT, author_id="else"),
    ],
)
def test_is_about_who_wrote_reported_or_was_concerned_and_about_the_object(about: WebhookEvent) -> None:
    assert is_about(about, Ids([ANNA]), Ids([COMMENT]))
    bare = emptied(about)
    assert not is_about(bare, Ids([ANNA]), Ids([COMMENT]))
    assert not Ids([ANNA, COMMENT]).stand_in(to_json(bare).decode())
    assert (bare.event_type, bare.text_removed) == (about.event_type, "erased")
    assert emptied(bare).lane == bare.lane


@pytest.mark.parametrize(
    "about",
    [
        comment(id="c", author_id="else", parent_id=COMMENT, text="an answer"),
        comment(id="c", author_id="else", post_id=COMMENT, text="a comment"),
        event("reaction.created", reaction={"id": "r", "target_id": COMMENT, "author_id": "else"}),
        event("moderation.action", action={"kind": "hide", "actor_id": ANNA, "target_id": "c"}),
        comment(id="c", text="something", quoted={"user": {"id_str": ANNA}}),
        comment(id="c", permalink=f"https://x.test/{ANNA}/status/1"),
        event("unknown", kind="k", reason=f"no {ANNA}"),
    ],
)
def test_what_others_did_stays_without_what_names_it(about: WebhookEvent) -> None:
    ids = Ids([ANNA, COMMENT])
    assert not is_about(about, Ids([ANNA]), Ids([COMMENT]))
    bare = without_ids(about, ids)
    assert bare is not about
    assert not ids.stand_in(to_json(bare).decode())
    assert (bare.text, bare.text_removed, bare.lane) == (about.text, None, about.lane)
    assert without_ids(bare, ids) is bare


def test_a_name_goes_with_its_id() -> None:
    action = event("moderation.action", action={"kind": "hide", "actor_id": ANNA, "actor_username": "anna"})
    bare = without_ids(action, Ids([ANNA]))
    assert bare.data.action is not None
    assert (bare.data.action.kind, bare.data.action.actor_username) == ("hide", None)


def test_ids_of_events_and_deliveries_and_lanes_name_nothing_either() -> None:
    one = WebhookEvent(event_id=f"e-{ANNA}", delivery_id=f"d:{ANNA}", lane=f"x:{ANNA}:likes", platform="x")
    bare = without_ids(one, Ids([ANNA]))
    assert not Ids([ANNA]).are_part_of(to_json(bare).decode())
    assert bare.event_id.startswith("evt_")
    assert bare.lane.startswith("x:erased-")


def test_our_own_ids_of_events_stay() -> None:
    ours = "evt_" + "a" * 26
    one = WebhookEvent(event_id=ours, lane="x:c", platform="x")
    assert emptied(one).event_id == ours
    assert emptied(event()).event_id != "carried-1", "who carried an id may have written anything into it"


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ('{"id": "17841405"}', True),
        ("@17841405 wrote", True),
        ("https://x.test/17841405/", True),
        ("917841405", False),
        ("178414050", False),
        ("a17841405", False),
        (None, False),
        ("", False),
    ],
)
def test_a_long_id_is_known_as_a_word(text: str | None, stands: bool) -> None:
    assert Ids([ANNA]).stand_in(text) is stands


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ('{"id": "42"}', True),
        ('{"id": 42}', True),
        ('{"ids": [7, 42 ]}', True),
        (r'{"content": "{\"id\":\"42\"}"}', True),
        ("<id>42</id>", True),
        ("I am 42 years old", False),
        ('{"text": "42 years"}', False),
        ('{"id": 420}', False),
    ],
)
def test_a_short_id_is_known_only_as_a_value(text: str, stands: bool) -> None:
    assert Ids(["42"]).stand_in(text) is stands


def test_an_id_with_odd_characters_is_found_however_json_writes_it() -> None:
    for text in ('{"id": "urn:x/1"}', r'{"id": "urn:x\/1"}'):
        assert Ids(["urn:x/1"]).stand_in(text)


def test_the_objects_of_a_person_are_what_they_wrote() -> None:
    people = Ids([ANNA])
    assert objects_by(comment(id="c", author_id=ANNA), people) == ["c"]
    assert objects_by(event(post={"id": "p", "author_id": ANNA}), people) == ["p"]
    assert objects_by(comment(id="c", author_id="else"), people) == []
    assert objects_by(event(reaction={"id": "r", "author_id": ANNA}), people) == []


def test_a_name_stands_for_a_person_where_there_is_no_id() -> None:
    named, other = comment(id="c", author_username="anna"), comment(id="d", author_id="2", author_username="anna")
    assert names_of(comment(id="c", author_id=ANNA, author_username="anna"), Ids([ANNA])) == ["anna"]
    assert names_of(other, Ids([ANNA])) == []
    assert is_about(named, Ids(["anna"]), Ids([]))
    assert not is_about(other, Ids(["anna"]), Ids([])), "somebody else of the same name"
    assert (objects_by(named, Ids(["anna"])), objects_by(other, Ids(["anna"]))) == (["c"], [])


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([ANNA, COMMENT, f"a {ANNA} b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["id", "post_id", "author_id", "author_username", "text", "caption", "reason", "target_id", "permalink", "odd"]
)


@given(
    kind=st.sampled_from(EVENT_TYPES),
    subject=st.sampled_from(["comment", "post", "reaction", "report", "action", "account", "odd"]),
    fields=st.dictionaries(_NAMES, _VALUES),
    beside=st.dictionaries(st.sampled_from(["comment_id", "post_id", "kind", "reason", "more"]), _VALUES),
    lane=st.sampled_from(["c1", ANNA, COMMENT, f"{COMMENT}:likes"]),
)
def test_nothing_that_is_to_be_forgotten_stays_whatever_a_platform_sent(
    kind: str, subject: str, fields: dict[str, Any], beside: dict[str, Any], lane: str
) -> None:
    one = event(kind, f"x:{lane}", **{subject: fields}, **beside)
    ids, people, objects = Ids([ANNA, COMMENT]), Ids([ANNA]), Ids([COMMENT])
    bare = emptied(one) if is_about(one, people, objects) else without_ids(one, ids)
    assert not ids.stand_in(to_json(bare).decode("utf-8", "replace"))
