"""X's lists, polled over HTTP on a simulated clock: off without a spend cap, and never dearer than that."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from moderation_ai.core.errors import ConfigurationError, RateLimited
from moderation_ai.core.polling import Feed
from moderation_ai.fakes.twitter import TwitterFake
from moderation_ai.platforms.twitter.polled import PRICES
from tests.fakes.reader import Reader, only, write_some
from tests.fakes.stage import Stage
from tests.platforms.driving import answer

CONVERSATION = "1940000000000000001"


def fake_of(stage: Stage) -> TwitterFake:
    assert isinstance(stage.fake, TwitterFake)
    return stage.fake


def test_nothing_is_read_without_a_spend_cap() -> None:
    platform, session = TwitterFake.platform, TwitterFake().session
    assert platform.feeds((CONVERSATION,), session) == ()
    assert platform.feeds((CONVERSATION,), session, 0.0) == ()
    feeds = platform.feeds((CONVERSATION, CONVERSATION), session, 2.0)
    assert [(feed.key, feed.spend_cap) for feed in feeds] == [("mentions:1201", 1.0), (f"search:{CONVERSATION}", 1.0)]
    for odd in ("", "@rye", "https://x.com/rye/status/1", "1 OR from:rye"):
        with pytest.raises(ConfigurationError, match="no conversation of X"):
            platform.feeds((odd,), session, 1.0)


def test_what_a_lost_webhook_did_not_tell_is_found() -> None:
    with Stage("twitter").served() as stage:
        reader = Reader(stage, spend_cap=1.0)
        stage.fake.write("told")
        reader.receive()
        assert reader.poll() == [], "what was pushed and polled is one event"
        lost = stage.fake.write("lost")
        event = only(reader.poll(after=300))
        comment = event.data.comment
        assert comment is not None
        assert (event.event_type, event.timestamp) == ("comment.created", lost.created_at)
        assert (comment.id, comment.post_id, comment.parent_id, comment.text) == (lost.id, CONVERSATION, None, "lost")
        assert (comment.author_id, comment.author_username) == ("1302", None), "a user would be billed too"
        assert reader.poll(after=300) == []
        assert not stage.fake.misunderstood


def test_an_answer_to_an_answer_is_found_in_the_conversation_that_is_watched() -> None:
    with Stage("twitter").served() as stage:
        reader = Reader(stage, CONVERSATION, spend_cap=1.0)
        first = stage.fake.write("first")
        nested = stage.fake.write("nested", parent_id=first.id, is_elsewhere=True)
        found = {event.data.id: event.data.parent_id for event in reader.poll()}
        assert found == {first.id: None, nested.id: first.id}
        assert [call.values["query"] for call in stage.fake.calls if call.call == "search"] == [
            f"conversation_id:{CONVERSATION}"
        ]


def test_an_empty_answer_has_no_data() -> None:
    with Stage("twitter").served() as stage:
        reader = Reader(stage, spend_cap=1.0)
        assert reader.poll() == []
        one = stage.fake.write("one")
        assert reader.told(after=300) == [("comment.created", one.id)]


def test_an_outage_of_push_is_healed_and_nothing_comes_twice() -> None:
    with Stage("twitter").served() as stage:
        reader = Reader(stage, spend_cap=1.0)
        before = write_some(stage, 3)
        reader.receive()
        reader.poll()
        late = write_some(stage, 250)
        found = [event.data.id for event in reader.poll(after=600)]
        assert sorted(found) == sorted(late)
        assert before[0] not in found
        assert reader.poll(after=300) == []
        assert reader.receive() == []


def test_a_day_never_costs_more_than_its_cap_and_the_next_goes_on() -> None:
    cap = 0.05
    with Stage("twitter").served() as stage:
        reader = Reader(stage, spend_cap=cap)
        write_some(stage, 1)
        reader.poll()
        late = write_some(stage, 120)
        with pytest.raises(RateLimited, match="poll_spend_cap") as caught:
            reader.poll(after=300)
        midnight = datetime(2026, 11, 25, tzinfo=UTC)
        assert caught.value.retry_after == (midnight - stage.clock.now()).total_seconds()
        asked = len(stage.fake.calls)
        with pytest.raises(RateLimited):
            reader.poll(after=300)
        assert len(stage.fake.calls) == asked, "nobody is asked for what cannot be paid"
        stage.clock.set(midnight)
        for _ in range(3):
            with suppress(RateLimited):
                reader.poll()
            stage.clock.set(stage.clock.now() + timedelta(days=1))
        for day in {day for day, _ in fake_of(stage).billed}:
            posts = sum(each == day for each, _ in fake_of(stage).billed)
            assert posts * PRICES["mentions"] <= cap + 1e-9
        assert {fact.object_id for page in reader.pages for fact in page.facts} >= set(late)


def test_posts_that_are_seen_again_the_same_day_are_paid_once() -> None:
    with Stage("twitter").served() as stage:
        reader = Reader(stage, spend_cap=0.02)
        write_some(stage, 3)
        for _ in range(30):
            reader.poll(after=300)
        assert len(fake_of(stage).billed) <= 20
        assert reader.events


@pytest.mark.parametrize(
    "spelled", ["2026-11-24T11:59:00.123456789Z", "2026-11-24T11:59:00.123Z", "2026-11-24T11:59:00Z"]
)
def test_a_time_may_have_any_fraction(spelled: str) -> None:
    body = f'{{"data":[{{"id":"1","text":"x","author_id":"2","conversation_id":"1","created_at":"{spelled}"}}]}}'
    (fact,) = TwitterFake.platform.read_page(body.encode(), datetime(2026, 11, 24, tzinfo=UTC)).facts
    assert fact.timestamp is not None
    assert fact.timestamp.replace(microsecond=0) == datetime(2026, 11, 24, 11, 59, tzinfo=UTC)


def test_a_post_that_mentions_us_and_answers_nobody_is_a_mention() -> None:
    with Stage("twitter").served() as stage:
        reader = Reader(stage, spend_cap=1.0)
        (feed,) = reader.feeds
        assert isinstance(feed, Feed)
        body = b'{"data":[{"id":"1","text":"@us hi","author_id":"2","conversation_id":"1"}],"meta":{"result_count":1}}'
        flow = reader.platform.ask_feed(feed, "", reader.session, stage.clock.now())
        next(flow)
        with pytest.raises(StopIteration) as end:
            flow.send(answer(200, body))
        assert [fact.event_type for fact in end.value.value.facts] == ["mention.created"]
