"""TikTok's lists, polled over HTTP on a simulated clock: short pages, pages that repeat each other, and lost webhooks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import ConfigurationError, RateLimited
from moderation_ai.core.flows import Outgoing
from moderation_ai.fakes.tiktok import TikTokFake
from tests.fakes.reader import Reader, only, write_some
from tests.fakes.stage import Stage, target_of
from tests.platforms.driving import answer, drive
from tests.platforms.fixtures import NOW

VIDEO, OTHER = "7390000000000000001", "7390000000000000002"


def test_what_a_lost_webhook_did_not_tell_is_found() -> None:
    with Stage("tiktok").served() as stage:
        reader = Reader(stage)
        stage.fake.write("told")
        reader.receive()
        assert reader.poll() == [], "what was pushed and polled is one event"
        lost = stage.fake.write("where is this?", post_id=OTHER)
        event = only(reader.poll(after=300))
        comment = event.data.comment
        assert comment is not None
        assert (event.event_type, event.timestamp) == ("comment.created", lost.created_at), "seconds in a text"
        assert (comment.id, comment.post_id, comment.parent_id, comment.text) == (lost.id, OTHER, None, lost.text)
        assert (comment.author_id, comment.author_username) == ("+Zq1/ryeFan==", "rye_fan")
        assert not stage.fake.misunderstood


def test_short_pages_that_repeat_each_other_are_read_to_the_last() -> None:
    with Stage("tiktok").served() as stage:
        reader = Reader(stage)
        write_some(stage, 1)
        reader.poll()
        late = write_some(stage, 90)
        found = [event.data.id for event in reader.poll(after=300)]
        assert sorted(found) == sorted(late)
        assert reader.poll(after=300) == []


def test_an_empty_page_in_the_middle_is_not_the_last() -> None:
    platform, session = TikTokFake.platform, replace(TikTokFake().session, account_id="biz")
    pages = [
        '{"code":0,"data":{"videos":[{"item_id":"7390000000000000001","comments":2}],"has_more":false,"cursor":0}}',
        '{"code":0,"data":{"comments":[],"has_more":true,"cursor":30}}',
        '{"code":0,"data":{"comments":[{"comment_id":"1","create_time":"1795521000"}],"has_more":true,"cursor":60}}',
        '{"code":0,"data":{"comments":[{"comment_id":"2","create_time":"1795520000"}],"has_more":true,"cursor":60}}',
    ]
    (feed, *_) = platform.feeds((), session)
    cursor = '{"high":1.0}'
    asked: list[Outgoing] = []
    told = []
    for body in pages:
        page, requests = drive(platform.ask_feed(feed, cursor, session, NOW), lambda _, body=body: answer(200, body))  # type: ignore[misc]
        cursor, asked, told = page.cursor, [*asked, *requests], [*told, *page.facts]
    assert [fact.object_id for fact in told] == ["1", "2"]
    assert not page.more, "a cursor that does not move leads nowhere"


def test_a_reply_stands_below_its_comment_and_ours_is_ours() -> None:
    with Stage("tiktok").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("top")
        reader.poll()
        stage.act("reply", target_of(top))
        reader.poll(after=300)
        (fact,) = [fact for page in reader.pages for fact in page.facts if fact.object_id == reader.events[-1].data.id]
        assert (fact.data.parent_id, fact.author_id) == (top.id, stage.fake.account)


@pytest.mark.parametrize("is_reply", [False, True], ids=["comment", "reply"])
def test_a_deletion_takes_two_polls_that_agree_and_has_the_id_that_the_webhook_gives_it(is_reply: bool) -> None:
    with Stage("tiktok").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("top")
        goes = stage.fake.write("goes", parent_id=top.id if is_reply else None)
        reader.receive()
        reader.poll()
        stage.fake.erase(goes.id)
        assert reader.told(after=300) == []
        event = only(reader.poll(after=300))
        assert (event.event_type, event.data.comment_id, event.data.post_id) == ("comment.deleted", goes.id, VIDEO)
        assert reader.receive() == []
        assert reader.told(after=300) == []


def test_hiding_is_told_each_time_and_what_a_filter_holds_is_hidden() -> None:
    with Stage("tiktok").served() as stage:
        reader = Reader(stage)
        held = stage.fake.write("buy now", is_filtered=True, state="hidden")
        assert reader.told() == [("comment.created", held.id), ("moderation.action", held.id)]
        one = stage.fake.write("Too salty.")
        reader.poll(after=300)
        kinds = []
        for action in ("hide", "unhide", "hide"):
            stage.act(action, target_of(one))
            event = only(reader.poll(after=300))
            kinds.append((event.event_type, event.data.kind, event.timestamp_inferred))
        assert kinds == [("moderation.action", kind, True) for kind in ("hide", "unhide", "hide")]


def test_a_limit_is_left_alone_for_five_minutes() -> None:
    with Stage("tiktok").served() as stage:
        reader = Reader(stage)
        one = stage.fake.write("one")
        stage.fake.faults.order("limited_silently", "videos")
        with pytest.raises(RateLimited) as caught:
            reader.poll()
        assert caught.value.retry_after == 300
        assert reader.told(after=300) == [("comment.created", one.id)]


def test_a_video_may_be_watched_by_its_id() -> None:
    platform, session = TikTokFake.platform, TikTokFake().session
    assert [feed.key for feed in platform.feeds((f" {OTHER} ", OTHER), session)] == [
        "videos:biz_sample",
        f"video_comments:{OTHER}",
    ]
    assert platform.feeds((OTHER,), replace(session, account_id=None)) == ()
    for odd in ("", "x", "123", "https://www.tiktok.com/@rye/video/7390000000000000001"):
        with pytest.raises(ConfigurationError, match="no video of TikTok"):
            platform.feeds((odd,), session)
