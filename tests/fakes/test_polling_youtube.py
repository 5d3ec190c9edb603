"""YouTube's lists, polled over HTTP on a simulated clock, with all that they do not show at first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from moderation_ai.core.errors import ConfigurationError, ContentGone, PlatformError, RateLimited
from moderation_ai.fakes.channel import SHORT
from moderation_ai.fakes.youtube import YouTubeFake
from tests.fakes.reader import Reader, only, write_some
from tests.fakes.stage import Stage, target_of

THREADS = "threads"


def fake_of(stage: Stage) -> YouTubeFake:
    assert isinstance(stage.fake, YouTubeFake)
    return stage.fake


def test_a_comment_comes_once_with_all_that_is_known_of_it() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        one = stage.fake.write("Nice <b>loaf</b> & crust")
        event = only(reader.poll())
        assert (event.event_type, event.timestamp, event.source) == ("comment.created", one.created_at, "poll")
        comment = event.data.comment
        assert comment is not None
        assert (comment.id, comment.post_id, comment.parent_id, comment.text) == (one.id, one.post_id, None, one.text)
        assert (comment.author_id, comment.author_username) == ("UCryefan", "@ryefan")
        assert comment.permalink == f"https://www.youtube.com/watch?v={one.post_id}&lc={one.id}"
        assert stage.fake.calls[0].values["textFormat"] == "plainText"
        assert reader.poll(after=60) == []
        assert reader.receive() == [], "a bridge that tells it too names the same event"
        assert not stage.fake.misunderstood


def test_a_short_page_is_not_the_last_one() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        write_some(stage, 1)
        reader.poll(THREADS)
        stage.clock.set(stage.clock.now() + timedelta(hours=1))
        late = write_some(stage, 3 * SHORT + 7)
        assert {event.data.id for event in reader.poll(THREADS, after=60)} == set(late)


def test_what_comes_while_pages_are_turned_moves_them_and_is_not_missed() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        write_some(stage, 1)
        reader.poll(THREADS)
        stage.clock.set(stage.clock.now() + timedelta(hours=1))
        late = write_some(stage, 2 * SHORT)
        page = reader.ask(reader.feed(THREADS))
        reader.cursors[reader.feed(THREADS).key] = page.cursor
        told = {event.data.id for fact in page.facts if (event := reader.keep(fact))}
        late += write_some(stage, 3)
        told |= {event.data.id for event in [*reader.poll(THREADS), *reader.poll(THREADS, after=60)]}
        assert told == set(late)


def test_a_reply_on_an_old_thread_moves_nothing_and_is_found_all_the_same() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        old = stage.fake.write("old")
        reader.poll(THREADS)
        stage.clock.set(stage.clock.now() + timedelta(hours=1))
        write_some(stage, 2 * SHORT)
        reader.poll(THREADS, after=60)
        reply = stage.fake.write("late to the party", parent_id=old.id)
        found = [event for _ in range(6) for event in reader.poll(THREADS, after=60)]
        event = only(found)
        assert (event.data.id, event.data.parent_id, event.data.post_id) == (reply.id, old.id, old.post_id)


def test_a_thread_shows_five_replies_and_the_others_are_asked_for() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("top")
        reader.poll(THREADS)
        replies = write_some(stage, SHORT + 5, parent_id=top.id)
        found = reader.poll(THREADS, after=60)
        assert {event.data.id for event in found} == set(replies)
        assert {event.data.post_id for event in found} == {top.post_id}, "a list of replies does not name the video"
        asked = [call.call for call in stage.fake.calls]
        assert reader.poll(THREADS, after=60) == []
        assert [call.call for call in stage.fake.calls][len(asked) :].count("replies") == 0


def test_a_thread_that_goes_while_its_replies_are_read_stops_nothing() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("top")
        reader.poll(THREADS)
        write_some(stage, 9, parent_id=top.id)
        feed = reader.feed(THREADS)
        page = reader.ask(replace(feed))
        assert page.more
        reader.cursors[feed.key] = page.cursor
        stage.fake.erase(top.id)
        later = stage.fake.write("another")
        assert [each for each in reader.told(THREADS, after=60) if each[1] == later.id] == [
            ("comment.created", later.id)
        ]


def test_replies_that_cannot_be_read_keep_nobody_from_seeing_what_is_new() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("top")
        reader.poll(THREADS)
        replies = write_some(stage, 9, parent_id=top.id)
        stage.fake.faults.order("fails", "replies")
        with pytest.raises(PlatformError):
            reader.poll(THREADS, after=60)
        later = stage.fake.write("another")
        found = {event.data.id for event in reader.poll(THREADS, after=60)}
        assert found >= {later.id}
        assert set(replies) <= {fact.object_id for page in reader.pages for fact in page.facts}


@pytest.mark.parametrize("parent", [False, True], ids=["thread", "reply"])
def test_an_edit_is_told_by_the_time_of_it(parent: bool) -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        one = stage.fake.write("A")
        if parent:
            one = stage.fake.write("A", parent_id=one.id)
        reader.poll(THREADS)
        texts = []
        for text in ("B", "A", "B"):
            stage.clock.set(stage.clock.now() + timedelta(seconds=300))
            stage.fake.edit(one.id, text)
            found = [event for _ in range(6) for event in reader.poll(THREADS, after=60)]
            event = only(found)
            edited_at = fake_of(stage).things[one.id].edited_at
            assert (event.event_type, event.timestamp, event.data.updated_at) == (
                "comment.updated",
                edited_at,
                edited_at,
            )
            texts.append(event.text)
        assert texts == ["B", "A", "B"]


@pytest.mark.parametrize("parent", [False, True], ids=["thread", "reply"])
def test_a_deletion_takes_two_looks_that_agree(parent: bool) -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage)
        top = stage.fake.write("stays")
        one = stage.fake.write("goes", parent_id=top.id if parent else None)
        reader.poll(THREADS)
        stage.fake.erase(one.id)
        looks = "comments" if parent else "threads_by_id"
        found: list[tuple[str, str]] = []
        while not found:
            found = reader.told(THREADS, after=60)
            assert len(stage.fake.calls) < 60
        assert found == [("comment.deleted", one.id)]
        assert [call.call for call in stage.fake.calls].count(looks) >= 2
        assert [each for _ in range(8) for each in reader.told(THREADS, after=60)] == []


def test_what_is_held_and_what_is_taken_for_spam_is_told_to_the_owner_alone() -> None:
    with Stage("youtube").served() as stage:
        reader = Reader(stage, "vid00000001")
        held = stage.fake.write("hm", state="hidden")
        spam = stage.fake.write("buy now", is_filtered=True)
        assert reader.told("held", "spam") == [("comment.held", held.id), ("comment.held", spam.id)]
        assert reader.told("held", "spam", after=300) == []
        stage.act("approve", target_of(held))
        assert reader.told(THREADS, after=60) == [("comment.created", held.id)]
        without = replace(stage.fake.session, account_id=None)
        assert [feed.name for feed in fake_of(stage).platform.feeds(("vid00000001",), without)] == ["video_threads"]


def test_an_unchanged_list_is_answered_304_and_costs_a_unit_all_the_same() -> None:
    with Stage("youtube", times=10 / 10_000).served() as stage:
        reader = Reader(stage)
        stage.fake.write("one")
        reader.poll(THREADS)
        for _ in range(2):
            reader.poll(THREADS, after=60)
        first, *rest = [call for call in stage.fake.calls if call.call == THREADS]
        assert "If-None-Match" not in first.values
        assert all(call.values["If-None-Match"] for call in rest)
        (window,) = stage.fake.meter.windows(fake_of(stage).platform.api.call(THREADS))
        assert window.used == len(stage.fake.calls)
        assert reader.pages[-1].facts == ()


def test_spent_units_come_back_at_midnight_in_california() -> None:
    with Stage("youtube", times=3.5 / 10_000).served() as stage:
        reader = Reader(stage)
        for _ in range(3):
            reader.poll("held", after=120)
        with pytest.raises(RateLimited, match="quotaExceeded") as caught:
            reader.poll("held", after=120)
        midnight = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
        assert caught.value.retry_after == (midnight - stage.clock.now()).total_seconds()
        one = stage.fake.write("one")
        stage.clock.set(midnight + timedelta(seconds=1))
        assert reader.told(THREADS) == [("comment.created", one.id)]


def test_a_video_can_be_watched_and_one_without_comments_says_so() -> None:
    with Stage("youtube").served() as stage:
        fake_of(stage).closed = frozenset({"vid00000002"})
        one = stage.fake.write("one")
        stage.fake.write("elsewhere", post_id="vid00000003")
        reader = Reader(
            stage, "vid00000001", "vid00000002", "vid00000009", session=replace(stage.fake.session, account_id=None)
        )
        first, closed, gone = reader.feeds
        reader.feeds = (first,)
        assert reader.told() == [("comment.created", one.id)]
        for feed, error in ((closed, PlatformError), (gone, ContentGone)):
            with pytest.raises(error, match="watch it no more"):
                reader.ask(feed)


def test_what_is_watched_is_a_channel_or_a_video() -> None:
    platform, session = YouTubeFake().platform, YouTubeFake().session
    channel = "UC" + "x" * 22
    assert [feed.key for feed in platform.feeds((channel, " vid00000001 "), session)] == [
        "threads:UC1",
        f"threads:{channel}",
        "video_threads:vid00000001",
        "held:UC1",
        "spam:UC1",
    ]
    for odd in ("", "@rye", "https://www.youtube.com/watch?v=vid00000001", "UC1"):
        with pytest.raises(ConfigurationError, match="neither a channel nor a video"):
            platform.feeds((odd,), session)


def test_an_author_who_deleted_the_account_has_no_channel_any_more() -> None:
    with Stage("youtube").served() as stage:
        body = b'{"items":[{"id":"Ugx1","snippet":{"authorDisplayName":"@gone","textDisplay":"x","publishedAt":"2019-06-23T02:49:00.000Z","updatedAt":"2019-06-23T02:49:00.000Z"}}]}'
        (fact,) = fake_of(stage).platform.read_page(body, stage.clock.now()).facts
        assert (fact.author_id, fact.event_type) == (None, "comment.created")
        assert fact.timestamp == datetime(2019, 6, 23, 2, 49, tzinfo=UTC)
