"""What a new event means in the light of what is known of its object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.things import FRESH, REPEAT, SUPERSEDED, Thing, observe

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def event(event_type: str, at: int | None = 0, **data: Any) -> WebhookEvent:
    """Return an event ``at`` so many minutes after noon; None for one whose time the platform does not give."""
    when = NOON + timedelta(minutes=at or 0)
    return WebhookEvent(
        event_type=event_type,
        timestamp=when,
        timestamp_inferred=at is None,
        received_at=when,
        data=data,  # type: ignore[arg-type]  # a dict is taken too
    )


def comment(event_type: str, at: int | None = 0, text: str | None = None) -> WebhookEvent:
    return event(event_type, at, comment={"id": "c", "text": text})


def after(*events: WebhookEvent) -> tuple[Thing, list[str]]:
    thing: Thing | None = None
    said = []
    for one in events:
        thing, meaning = observe(thing, one)
        said.append(meaning)
    assert thing is not None
    return thing, said


def test_knows_nothing_of_an_unseen_object() -> None:
    thing, said = after(comment("comment.created", 0, "a"))
    assert said == [FRESH]
    assert (thing.kind, thing.hidden, thing.deleted_at, thing.seen_at) == ("comment", False, None, NOON)


@pytest.mark.parametrize("at", [0, -1, None])
def test_supersedes_a_creation_that_is_not_later_than_the_deletion(at: int | None) -> None:
    thing, said = after(event("comment.deleted", 0, comment_id="c"), comment("comment.created", at, "a"))
    assert said == [FRESH, SUPERSEDED]
    assert thing.deleted_at == NOON


@pytest.mark.parametrize("later", ["comment.created", "comment.updated", "comment.held"])
def test_revives_what_is_seen_again_after_its_deletion(later: str) -> None:
    thing, said = after(event("comment.deleted", 0, comment_id="c"), comment(later, 1, "a"))
    assert said == [FRESH, FRESH]
    assert thing.deleted_at is None


def test_takes_a_timeless_change_that_shows_the_known_state_for_a_repeat() -> None:
    told = [
        comment("comment.created", 0, "a"),
        comment("comment.updated", None, "a"),
        comment("comment.updated", None, "b"),
    ]
    assert after(*told)[1] == [FRESH, REPEAT, FRESH]


def test_takes_a_timeless_change_of_a_title_alone_for_news() -> None:
    told = [
        event("post.created", 0, post={"id": "p", "title": "a", "caption": "c"}),
        event("post.updated", None, post={"id": "p", "title": "b", "caption": "c"}),
        event("post.updated", None, post={"id": "p", "title": "b", "caption": "c"}),
        event("post.updated", None, post={"id": "p", "title": "c"}),
        event("post.updated", None, post={"id": "p", "title": "c", "caption": "b"}),
    ]
    assert after(*told)[1] == [FRESH, FRESH, REPEAT, FRESH, FRESH]


def test_takes_every_change_with_a_time_of_its_own_for_news() -> None:
    told = [comment("comment.created", 0, "a"), comment("comment.updated", 1, "b"), comment("comment.updated", 2, "a")]
    assert after(*told)[1] == [FRESH, FRESH, FRESH]


def test_remembers_the_text_through_an_event_without_one() -> None:
    hidden = event("moderation.action", 1, action={"kind": "hide", "target_id": "c"})
    told = [comment("comment.created", 0, "a"), hidden, comment("comment.updated", None, "a")]
    assert after(*told)[1] == [FRESH, FRESH, REPEAT]


@pytest.mark.parametrize(
    ("kinds", "hidden"),
    [
        (["hide"], True),
        (["hide", "unhide"], False),
        (["hide", "approve"], False),
        (["hide", "ban"], True),
        (["ban"], False),
    ],
)
def test_knows_whether_a_thing_is_hidden(kinds: list[str], hidden: bool) -> None:
    actions = [event("moderation.action", n, action={"kind": kind, "target_id": "c"}) for n, kind in enumerate(kinds)]
    assert after(*actions)[0].hidden is hidden


def test_takes_what_is_held_for_hidden_until_it_is_approved() -> None:
    approved = event("moderation.action", 1, action={"kind": "approve", "target_id": "c"})
    assert after(comment("comment.held"))[0].hidden
    assert not after(comment("comment.held"), approved)[0].hidden


@pytest.mark.parametrize(
    ("kinds", "is_hidden"),
    [
        (["hide"], True),
        (["remove"], True),
        (["hide", "unhide"], False),
        (["remove", "approve"], False),
        (["remove", "lock"], True),
    ],
)
def test_knows_whether_an_object_is_hidden_by_what_moderators_did(kinds: list[str], is_hidden: bool) -> None:
    acts = [event("moderation.action", number, action={"kind": kind}) for number, kind in enumerate(kinds, 1)]
    thing, _ = after(comment("comment.created", 0, "a"), *acts)
    assert thing.hidden is is_hidden


def test_keeps_the_newest_text_when_an_older_one_comes_late() -> None:
    thing, said = after(comment("comment.updated", 5, "new"), comment("comment.created", 0, "old"))
    newest, _ = after(comment("comment.updated", 5, "new"))
    assert said == [FRESH, FRESH]
    assert (thing.text_hash, thing.text_at) == (newest.text_hash, newest.text_at)


def test_takes_a_text_without_a_time_for_the_newest() -> None:
    thing, _ = after(comment("comment.created", 5, "old"), comment("comment.updated", None, "new"))
    newest, _ = after(comment("comment.updated", None, "new"))
    assert thing.text_hash == newest.text_hash


def test_takes_a_change_that_is_dated_like_the_creation_for_the_newest() -> None:
    dated = event("comment.updated", 0, comment={"id": "c", "text": "new", "created_at": NOON})
    thing, _ = after(comment("comment.updated", 5, "old"), dated)
    newest, _ = after(dated)
    assert thing.text_hash == newest.text_hash
