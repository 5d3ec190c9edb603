"""Medium's feeds, polled over HTTP on a simulated clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation_ai.core.errors import ConfigurationError, ContentGone, RateLimited
from moderation_ai.fakes.medium import MediumFake
from moderation_ai.platforms.medium.fetching import feed_name
from tests.fakes.reader import Reader
from tests.fakes.stage import Stage


def test_a_post_comes_once_by_feed_and_hub() -> None:
    with Stage("medium").served() as stage:
        reader = Reader(stage, "@rye")
        one = stage.fake.write("Why crust & crumb matter")
        (event,) = reader.poll()
        post = event.data.post
        assert (event.event_type, event.sighting, event.timestamp) == ("post.created", True, one.created_at)
        assert post is not None
        assert (post.id, post.title, post.author_username) == (one.id, one.text, "Rye Fan")
        assert post.permalink == f"https://medium.com/@rye/a-post-{one.id}", "where a reader came from is left out"
        assert reader.receive() == []
        assert reader.poll(after=900) == []
        assert not stage.fake.misunderstood


def test_what_has_not_changed_is_not_sent_again() -> None:
    with Stage("medium").served() as stage:
        reader = Reader(stage, "@rye")
        one = stage.fake.write("A")
        reader.poll()
        reader.poll(after=900)
        assert [page.body == b"" for page in reader.pages] == [False, True]
        assert [bool(call.values.get("If-None-Match")) for call in stage.fake.calls] == [False, True]
        stage.fake.edit(one.id, "B")
        (event,) = reader.poll(after=900)
        assert (event.data.id, event.data.title) == (one.id, "B")
        assert event.timestamp == stage.fake.things[one.id].edited_at, "a change is dated by atom:updated"


def test_every_change_of_a_post_is_one_of_its_own() -> None:
    with Stage("medium").served() as stage:
        reader = Reader(stage, "@rye")
        one = stage.fake.write("A")
        reader.poll()
        titles = []
        for text in ("B", "A", "B"):
            stage.clock.set(stage.clock.now() + timedelta(seconds=60))
            stage.fake.edit(one.id, text)
            titles += [event.data.title for event in reader.poll(after=900)]
        assert titles == ["B", "A", "B"]


def test_ten_new_posts_may_be_more_and_that_is_told() -> None:
    with Stage("medium").served() as stage:
        reader = Reader(stage, "@rye")
        for number in range(3):
            stage.fake.write(f"{number}")
        reader.poll()
        for number in range(9):
            stage.fake.write(f"{number}")
        assert len(reader.poll(after=900)) == 9
        assert not reader.pages[-1].gap
        for number in range(11):
            stage.fake.write(f"{number}")
        assert len(reader.poll(after=900)) == 10
        assert reader.pages[-1].gap


def test_a_post_that_leaves_the_feed_was_not_deleted() -> None:
    with Stage("medium").served() as stage:
        reader = Reader(stage, "@rye")
        old = stage.fake.write("old")
        reader.poll()
        for number in range(10):
            stage.fake.write(f"{number}")
        types = {event.event_type for event in [*reader.poll(after=900), *reader.poll(after=900)]}
        assert types == {"post.created"}
        assert old.id not in {event.data.id for event in reader.events[1:]}


@pytest.mark.parametrize("status", [403, 429])
def test_who_looks_like_a_robot_is_told_to_wait(status: int) -> None:
    with Stage("medium").served() as stage:
        reader = Reader(stage, "@rye")
        row = next(each for each in MediumFake.platform.api.failures if each.status == status)
        stage.fake.faults.order(row, "feed")
        with pytest.raises(RateLimited) as caught:
            reader.poll()
        assert caught.value.retry_after == row.wait
        one = stage.fake.write("A")
        assert reader.told(after=3600) == [("post.created", one.id)]


def test_a_feed_that_is_none_is_said_to_be_none() -> None:
    with Stage("medium").served() as stage, pytest.raises(ContentGone, match="no such feed"):
        Reader(stage, "@nobody").poll()


@pytest.mark.parametrize("watched", ["tag/bread", "@rye/tagged/bread"])
def test_tags_are_feeds_too(watched: str) -> None:
    with Stage("medium").served() as stage:
        one = stage.fake.write("A")
        assert Reader(stage, watched).told() == [("post.created", one.id)]


@pytest.mark.parametrize(
    ("watched", "name"),
    [
        ("@rye", "@rye"),
        ("the-crumb", "the-crumb"),
        ("tag/bread", "tag/bread"),
        ("the-crumb/tagged/bread", "the-crumb/tagged/bread"),
        ("https://medium.com/feed/@rye", "@rye"),
        ("https://medium.com/@rye?source=home", "@rye"),
        ("https://www.medium.com/the-crumb/", "the-crumb"),
        ("https://medium.com/feed/the-crumb/tagged/bread", "the-crumb/tagged/bread"),
        ("https://rye.medium.com/feed", "@rye"),
        ("https://rye.medium.com", "@rye"),
    ],
)
def test_a_feed_is_named_in_any_usual_way(watched: str, name: str) -> None:
    assert feed_name(watched) == name


@pytest.mark.parametrize(
    "watched",
    [
        "",
        "@",
        "tag/",
        "tag",
        "..",
        "https://medium.com/",
        "https://blog.example.org/feed",
        "https://medium.com.example.org/feed/@rye",
        "https://medium.com@example.org/feed/@rye",
        "http://169.254.169.254/latest",
        "@rye/../../x",
        "a b",
        "//example.org",
    ],
)
def test_only_medium_com_is_asked(watched: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no feed of medium\.com"):
        feed_name(watched)
