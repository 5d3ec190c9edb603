"""Instagram's lists, polled over HTTP on a simulated clock: what is never pushed, and what a lost webhook did not tell."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation_ai.core.errors import ConfigurationError, ContentGone, PlatformError
from moderation_ai.core.things import REPEAT, Thing, observe
from moderation_ai.fakes.instagram import InstagramFake
from moderation_ai.platforms.instagram.calls import API
from tests.fakes.reader import Reader, only, write_some
from tests.fakes.stage import PAGE, Stage, target_of

MEDIA, OTHER = "17900000000000001", "17900000000000002"


@pytest.mark.parametrize("page_id", [None, PAGE], ids=["instagram login", "facebook login"])
def test_what_a_lost_webhook_did_not_tell_is_found(page_id: str | None) -> None:
    with Stage("instagram", page_id=page_id).served() as stage:
        reader = Reader(stage)
        told = stage.fake.write("told")
        reader.receive()
        assert reader.poll() == [], "what was pushed and polled is one event"
        lost = stage.fake.write("lost", post_id=OTHER)
        event = only(reader.poll(after=300))
        comment = event.data.comment
        assert comment is not None
        assert (event.event_type, event.timestamp) == ("comment.created", lost.created_at)
        assert (comment.id, comment.post_id, comment.parent_id, comment.text) == (lost.id, OTHER, None, "lost")
        assert (comment.author_id, comment.author_username) == ("6677889900112233", "sourdough.sam")
        assert told.id not in {each.data.id for each in reader.events}
        assert not stage.fake.misunderstood


def test_a_reply_stands_below_its_comment_and_ours_is_ours() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("top")
        reader.poll()
        stage.act("reply", target_of(top))
        event = only(reader.poll(after=300))
        assert (event.data.parent_id, event.data.author_id) == (top.id, stage.fake.account)


def test_only_next_says_that_there_is_another_page() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        write_some(stage, 1)
        reader.poll()
        late = write_some(stage, 120)
        assert {event.data.id for event in reader.poll(after=300)} == set(late)
        asked = [call.values.get("after") for call in stage.fake.calls if call.call == "media_comments"]
        assert asked == [None, None, "50", "100"], "the cursor of the last page is not followed"


def test_an_outage_of_push_is_healed_and_nothing_comes_twice() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        written = write_some(stage, 20)
        reader.receive()
        reader.poll()
        for media in (MEDIA, OTHER):
            written += write_some(stage, 60, post_id=media)
        found = [event.data.id for event in [*reader.poll(after=600), *reader.poll(after=300)]]
        assert sorted(found) == sorted(written[20:])
        assert reader.receive() == [], "the webhooks that come late tell nothing new"


def test_a_deletion_takes_two_polls_that_agree() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        stays, goes = stage.fake.write("stays"), stage.fake.write("goes")
        reader.poll()
        stage.fake.erase(goes.id)
        assert reader.told(after=300) == []
        event = only(reader.poll(after=300))
        assert (event.event_type, event.data.comment_id, event.data.post_id) == ("comment.deleted", goes.id, MEDIA)
        assert reader.told(after=300) == []
        assert stage.fake.state_of(stays.id) == "visible"


def test_a_comment_that_is_deleted_takes_its_replies_along() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("top")
        reply = stage.fake.write("reply", parent_id=top.id)
        other = stage.fake.write("other")
        reader.poll()
        stage.fake.erase(top.id)
        reader.poll(after=300)
        assert sorted(reader.told(after=300)) == sorted([("comment.deleted", top.id), ("comment.deleted", reply.id)])
        stage.fake.erase(other.id)
        assert reader.told(after=300) == []
        assert reader.told(after=300) == [("comment.deleted", other.id)]


def test_what_falls_off_the_first_page_was_not_deleted() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        old = write_some(stage, 50)
        reply = stage.fake.write("reply", parent_id=old[0])
        reader.poll()
        stage.clock.set(stage.clock.now() + timedelta(hours=1))
        write_some(stage, 40)
        types = {event.event_type for _ in range(4) for event in reader.poll(after=300)}
        assert types == {"comment.created"}
        assert stage.fake.state_of(reply.id) == "visible"


def test_what_was_written_before_the_first_poll_is_not_judged_when_it_moves_up() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        ids = write_some(stage, 60)
        assert {each[1] for each in reader.told()} == set(ids[10:])
        stage.clock.set(stage.clock.now() + timedelta(hours=1))
        for each in ids[-5:]:
            stage.fake.erase(each)
        reader.poll(after=300)
        assert {each for each, _ in reader.told(after=300)} == {"comment.deleted"}


def test_hiding_and_showing_is_told_each_time() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        one = stage.fake.write("Too salty.")
        reader.poll()
        kinds = []
        for action in ("hide", "unhide", "hide"):
            stage.act(action, target_of(one))
            event = only(reader.poll(after=300))
            assert (event.event_type, event.data.target_id, event.timestamp_inferred) == (
                "moderation.action",
                one.id,
                True,
            )
            kinds.append(event.data.kind)
        assert kinds == ["hide", "unhide", "hide"]
        known = Thing(kind="comment", hidden=True, seen_at=stage.clock.now())
        assert observe(known, event)[1] == REPEAT, "what a thing is known to be is no news"


def test_what_was_hidden_before_it_was_ever_seen_is_told_with_it() -> None:
    with Stage("instagram").served() as stage:
        one = stage.fake.write("Too salty.", state="hidden")
        assert Reader(stage).told() == [("comment.created", one.id), ("moderation.action", one.id)]


def test_an_edit_is_seen_in_the_text() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        one = stage.fake.write("A")
        reader.poll()
        texts = []
        for text in ("B", "A", "B"):
            stage.fake.edit(one.id, text)
            event = only(reader.poll(after=300))
            assert (event.event_type, event.timestamp_inferred) == ("comment.updated", True)
            texts.append(event.text)
        assert texts == ["B", "A", "B"]


def test_a_media_that_cannot_be_read_holds_up_no_other() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        stage.fake.write("x", post_id=MEDIA)
        stage.fake.write("x", post_id=OTHER)
        reader.poll()
        one, other = stage.fake.write("one", post_id=MEDIA), stage.fake.write("other", post_id=OTHER)
        found = []
        for _ in range(2):
            stage.fake.faults.order("fails", "media_comments")
            with pytest.raises(PlatformError):
                reader.poll(after=300)
        stage.fake.faults.order("fails", "media")
        with pytest.raises(PlatformError):
            reader.poll(after=300)
        found += reader.told(after=300)
        assert sorted(found) == sorted([("comment.created", one.id), ("comment.created", other.id)])


def test_a_media_that_is_gone_is_left_out() -> None:
    with Stage("instagram").served() as stage:
        reader = Reader(stage)
        one = stage.fake.write("one", post_id=MEDIA)
        gone = next(each for each in API.failures if each.error is ContentGone)
        stage.fake.write("x", post_id=OTHER)
        stage.fake.faults.order(gone, "media_comments")
        assert ("comment.created", one.id) in [*reader.told(), *reader.told(after=300), *reader.told(after=300)]


def test_a_media_may_be_watched_by_its_id() -> None:
    platform, session = InstagramFake.platform, InstagramFake().session
    assert [feed.key for feed in platform.feeds((f" {OTHER} ", OTHER), session)] == [
        "media:17841400000000077",
        f"media_comments:{OTHER}",
    ]
    with Stage("instagram").served() as stage:
        reader = Reader(stage, OTHER)
        one = stage.fake.write("one", post_id=OTHER)
        assert reader.told("media_comments") == [("comment.created", one.id)]
    for odd in ("", "x", "../me", "https://www.instagram.com/p/x/"):
        with pytest.raises(ConfigurationError, match="no media of Instagram"):
            platform.feeds((odd,), session)
