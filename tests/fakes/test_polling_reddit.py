"""Reddit's listings, polled over HTTP on a simulated clock: nothing is missed, and nothing is told twice."""

from __future__ import annotations

import pytest

from moderation_ai.core.errors import ConfigurationError, CredentialsRejected, PlatformError, RateLimited
from moderation_ai.fakes.reddit import RedditFake
from moderation_ai.platforms.reddit.calls import API
from moderation_ai.platforms.reddit.polled import POLLED
from tests.fakes.reader import Reader, only
from tests.fakes.stage import Stage, target_of

COMMENTS = "new_comments"


def fake_of(stage: Stage) -> RedditFake:
    assert isinstance(stage.fake, RedditFake)
    return stage.fake


def test_comments_come_once_the_oldest_first() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "r/breadmakers")
        first = [stage.fake.write(f"{n}") for n in range(3)]
        assert reader.told(COMMENTS) == [("comment.created", each.id) for each in first]
        assert reader.told(COMMENTS, after=10) == []
        one = stage.fake.write("Too salty.")
        event = only(reader.poll(COMMENTS, after=10))
        assert (event.data.id, event.data.post_id, event.data.parent_id) == (one.id, "t3_p9", None)
        assert (event.data.author_id, event.data.author_username, event.data.text) == ("t2_ryefan", "rye_fan", one.text)
        assert event.timestamp == event.data.created_at == one.created_at, (
            "created is eight hours off, created_utc is not"
        )
        assert not stage.fake.misunderstood


def test_what_a_trigger_told_too_is_one_event() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one = stage.fake.write("Too salty.")
        reader.receive()
        assert reader.poll() == []
        reader.stage.clock.set(stage.clock.now().replace(minute=30))
        stage.fake.edit(one.id, "Not too salty.")
        other = stage.fake.write("Fine.")
        stage.act("remove", target_of(other))
        pushed = {event.event_type for event in reader.receive()}
        assert pushed == {"comment.updated", "comment.created", "moderation.action"}
        assert reader.poll() == []
        stage.fake.erase(one.id)
        reader.poll(COMMENTS, after=61)
        deleted = reader.poll(COMMENTS, after=61)
        assert [event.event_type for event in deleted] == ["comment.deleted"]
        assert reader.receive() == [], "the trigger of the deletion names the same event"


def test_everything_that_was_written_while_nobody_polled_comes_afterwards() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        stage.fake.write("before")
        reader.poll(COMMENTS)
        late = []
        for n in range(450):
            stage.clock.set(
                stage.clock.now().fromtimestamp(stage.clock.now().timestamp() + 1, stage.clock.now().tzinfo)
            )
            late.append(stage.fake.write(f"{n}"))
        found = reader.poll(COMMENTS, after=3600)
        assert {event.data.id for event in found} == {each.id for each in late}
        assert len(found) == 450
        assert reader.poll(COMMENTS, after=10) == []
        assert not any(page.gap for page in reader.pages)


def test_a_page_whose_anchor_was_deleted_loses_nothing() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        stage.fake.write("before")
        reader.poll(COMMENTS)
        late = [stage.fake.write(f"{n}") for n in range(250)]
        feed = reader.feed(COMMENTS)
        page = reader.ask(feed)
        assert page.more
        reader.cursors[feed.key] = page.cursor
        kept = {event.data.id for fact in page.facts if (event := reader.keep(fact))}
        anchor = late[-len(page.facts)]  # What the next page follows.
        stage.fake.erase(anchor.id)
        reader.poll(COMMENTS, after=2)
        kept |= {event.data.id for event in [*reader.events, *reader.poll(COMMENTS, after=10)]}
        assert {each.id for each in late} <= kept


def test_the_newest_comment_may_be_deleted_and_the_next_is_seen_all_the_same() -> None:
    # `before=` on what is gone answers an empty page for ever, so nobody asks with it.
    assert not any(field.name == "before" for call in API.calls for field in call.fields)
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        newest = stage.fake.write("I am sorry.")
        reader.poll(COMMENTS)
        stage.fake.erase(newest.id)
        later = stage.fake.write("Do not be.")
        assert reader.told(COMMENTS, after=10) == [("comment.created", later.id)]


def test_a_cache_does_not_keep_what_is_new_from_us() -> None:
    with Stage("reddit").served() as stage:
        fake_of(stage).caches = True
        reader = Reader(stage, "breadmakers")
        stage.fake.write("before")
        reader.poll(COMMENTS)
        for _ in range(4):
            one = stage.fake.write("Too salty.")
            assert reader.told(COMMENTS, after=10) == [("comment.created", one.id)]


def test_a_stranger_sees_what_moderators_removed_as_gone() -> None:
    with Stage("reddit").served() as stage:
        body = (
            b'{"kind":"Listing","data":{"children":[{"kind":"t1","data":{"name":"t1_c1","link_id":"t3_p1",'
            b'"author":"[deleted]","body":"[removed]","created_utc":1795521000.0,"edited":false}}]}}'
        )
        (fact,) = fake_of(stage).platform.read_page(body, stage.clock.now()).facts
        assert (fact.event_type, fact.object_id, fact.data.extra) == (
            "comment.deleted",
            "t1_c1",
            {"deleted_by": "moderator"},
        )


def test_more_than_a_listing_holds_is_told_as_a_gap() -> None:
    with Stage("reddit", times=10).served() as stage:
        reader = Reader(stage, "breadmakers")
        stage.fake.write("before")
        reader.poll(COMMENTS)
        for n in range(1100):
            stage.fake.write(f"{n}")
        assert 700 <= len(reader.poll(COMMENTS, after=3600)) <= 1000
        assert reader.poll(COMMENTS, after=10) == []
        assert [page.gap for page in reader.pages].count(True) == 1


def test_a_deletion_takes_two_looks_that_agree() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one, other = stage.fake.write("one"), stage.fake.write("other")
        reader.poll(COMMENTS)
        stage.fake.erase(one.id)
        assert reader.told(COMMENTS, after=61) == []
        event = only(reader.poll(COMMENTS, after=61))
        assert (event.event_type, event.data.comment_id, event.data.post_id) == ("comment.deleted", one.id, one.post_id)
        assert event.data.extra["deleted_by"] == "user"
        assert reader.told(COMMENTS, after=61) == []
        assert stage.fake.state_of(other.id) == "visible"


def test_what_one_look_missed_and_the_next_finds_was_not_deleted() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one = stage.fake.write("one")
        reader.poll(COMMENTS)
        hidden = fake_of(stage).things.pop(one.id)
        assert reader.told(COMMENTS, after=61) == []
        fake_of(stage).things[one.id] = hidden
        assert reader.told(COMMENTS, after=61) == []
        del fake_of(stage).things[one.id]
        assert reader.told(COMMENTS, after=61) == []
        assert reader.told(COMMENTS, after=61) == [("comment.deleted", one.id)]


def test_what_a_moderator_removed_is_no_deletion_but_an_action_in_the_log() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one = stage.fake.write("Too salty.")
        reader.poll()
        stage.act("remove", target_of(one))
        event = only([*reader.poll(after=61), *reader.poll(after=61)])
        assert (event.event_type, event.data.kind, event.data.target_id) == ("moderation.action", "remove", one.id)
        assert event.data.actor_id == stage.fake.account


def test_every_edit_is_told_once_whichever_listing_shows_it() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one = stage.fake.write("A")
        reader.poll()
        texts = []
        for text in ("B", "A", "B"):
            stage.clock.set(
                stage.clock.now().fromtimestamp(stage.clock.now().timestamp() + 60, stage.clock.now().tzinfo)
            )
            stage.fake.edit(one.id, text)
            event = only(reader.poll())
            assert (event.event_type, event.timestamp) == ("comment.updated", stage.clock.now())
            texts.append(event.text)
        assert texts == ["B", "A", "B"]


def test_an_edit_that_is_not_marked_shows_in_the_text() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one = stage.fake.write("A")
        reader.poll()
        for text in ("B", "A", "B"):
            fake_of(stage).things[one.id] = type(one)(
                **{**{n: getattr(one, n) for n in one.__struct_fields__}, "text": text}
            )
            event = only(reader.poll(after=10))
            assert (event.event_type, event.text, event.timestamp_inferred) == ("comment.updated", text, True)


def test_what_was_edited_before_it_was_ever_seen_is_created_and_updated() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one = stage.fake.write("A")
        stage.fake.edit(one.id, "B")
        assert reader.told(COMMENTS) == [("comment.created", one.id), ("comment.updated", one.id)]


def test_what_waits_for_moderators_is_held_or_reported() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        spam = stage.fake.write("Buy now!", is_filtered=True)
        rude = stage.fake.write("You fool.", reports=("rude", "rude", "spam"))
        assert reader.told("modqueue") == [
            ("comment.held", spam.id),
            ("report.created", rude.id),
            ("report.created", rude.id),
        ]
        reported = [event for event in reader.events if event.event_type == "report.created"]
        assert {(event.data.reason, event.data.target_id) for event in reported} == {
            ("rude", rude.id),
            ("spam", rude.id),
        }
        assert reader.told("reports", "modqueue", after=30) == []
        assert reader.told(COMMENTS) == [("comment.created", rude.id)], "what is filtered stands in no listing"


def test_posts_are_polled_and_their_deletion_is_found() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        post = fake_of(stage).write_post("Starter help")
        assert reader.told("new_posts") == [("post.created", post.id)]
        fake_of(stage).posts[post.id] = type(post)(
            **{**{n: getattr(post, n) for n in post.__struct_fields__}, "state": "gone"}
        )
        assert reader.told("new_posts", after=61) == []
        assert reader.told("new_posts", after=61) == [("post.deleted", post.id)]


def test_a_look_that_fails_keeps_nobody_from_seeing_what_is_new() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        stage.fake.write("one")
        reader.poll(COMMENTS)
        feed = reader.feed(COMMENTS)
        stage.clock.set(stage.clock.now().replace(hour=13))
        for _ in range(3):
            stage.fake.faults.order("fails", "info")
        page = reader.ask(feed)
        assert page.more
        reader.cursors[feed.key] = page.cursor
        with pytest.raises(PlatformError):
            reader.ask(feed)
        later = stage.fake.write("two")
        assert reader.told(COMMENTS, after=10) == [("comment.created", later.id)]


def test_many_subreddits_are_one_request_and_names_are_checked() -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "r/breadmakers", "rye", "/r/rye/")
        assert reader.feed(COMMENTS).of == "breadmakers+rye"
        stage.fake.write("one")
        assert len(reader.poll(COMMENTS)) == 1
        assert stage.fake.calls[0].values["subreddits"] == "breadmakers+rye"
        assert stage.fake.platform.feeds((), stage.fake.session) == ()
        for odd in ("", "r/", "a", "bread makers", "https://www.reddit.com/r/rye", "rye/../mod"):
            with pytest.raises(ConfigurationError, match="no subreddit"):
                stage.fake.platform.feeds([odd], stage.fake.session)


def test_who_we_are_stands_in_every_request() -> None:
    session = RedditFake().session
    for call in POLLED:
        agent = dict(call.request({"subreddits": "rye", "limit": 100}, session).headers)["User-Agent"]
        assert agent == session.user_agent != ""


@pytest.mark.parametrize(
    ("fault", "error"), [("limited", RateLimited), ("expired", CredentialsRejected), ("fails", PlatformError)]
)
def test_what_goes_wrong_is_told_and_costs_nothing_that_was_written(fault: str, error: type[Exception]) -> None:
    with Stage("reddit").served() as stage:
        reader = Reader(stage, "breadmakers")
        one = stage.fake.write("one")
        reader.renews = False
        stage.fake.faults.order(fault, COMMENTS)  # type: ignore[arg-type] # The names are those of the faults.
        with pytest.raises(error):
            reader.poll(COMMENTS)
        stage.fake.authorise()
        reader.session = stage.fake.session
        assert reader.told(COMMENTS, after=10) == [("comment.created", one.id)]


def test_who_does_not_moderate_is_told_so() -> None:
    with Stage("reddit").served() as stage, pytest.raises(PlatformError, match="must moderate"):
        Reader(stage, "rye").poll("modqueue")
