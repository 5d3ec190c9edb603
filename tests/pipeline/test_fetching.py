"""Fetching: a comment that came without its text is looked at before it is judged, by as few calls as can be."""

from __future__ import annotations

import pytest

from moderation_ai.core.events import Fact, finish
from moderation_ai.core.subjects import Comment, Data
from moderation_ai.fakes.things import Thing
from moderation_ai.pipeline.handling.handlers import MODERATION
from moderation_ai.stores.base import Delivery
from tests.pipeline.moderated import NAMES, Moderated, moderated

pytestmark = pytest.mark.anyio


async def hear(play: Moderated, *things: Thing) -> None:
    """Let comments be told of without their texts, as if the platform had pushed no more."""
    name, now = play.fake.name, play.parts.clock.now()
    events = [
        finish(
            Fact(
                event_type="comment.created",
                object_id=thing.id,
                data=Data(comment=Comment(id=thing.id, post_id=thing.post_id)),
            ),
            platform=name,
            received_at=now,
        )
        for thing in things
    ]
    await play.store.add(Delivery(platform=name, received_at=now, body=b"{}", events=events))
    play.parts.worker.wake()
    await play.settled()


def write(play: Moderated, text: str) -> Thing:
    """Have a comment written that nobody is told of."""
    thing = play.fake.new_thing(text)
    play.fake.things[thing.id] = thing
    return thing


@pytest.mark.parametrize("name", NAMES)
async def test_a_comment_without_its_text_is_fetched_and_then_judged(name: str) -> None:
    async with moderated(name) as play:
        bad, good = write(play, "A turnip!"), write(play, "Lovely bread.")
        await hear(play, bad, good)
        assert play.fake.state_of(bad.id) in ("hidden", "removed")
        assert play.fake.state_of(good.id) == "visible"
        (decided,) = await play.decisions()
        assert (decided.object_id, decided.verdict) == (bad.id, "hide")


@pytest.mark.parametrize("name", ["twitter", "reddit", "youtube"])
async def test_many_are_fetched_by_few_calls(name: str) -> None:
    async with moderated(name) as play:
        await hear(play, *(write(play, f"Lovely bread, the {number}th.") for number in range(40)))
        looks = [
            each for each in play.fake.calls if each.call in ("things", "info", "posts", "list", "tweets", "comments")
        ]
        assert 1 <= len(looks) <= 8, [each.call for each in play.fake.calls]
        assert play.parts.tally.not_assessed == {}


async def test_what_cannot_be_fetched_is_not_assessed_and_not_retried() -> None:
    async with moderated("twitter", has_token=False) as play:
        await hear(play, write(play, "A turnip!"))
        (event,) = await play.events()
        assert event.status == "done"
        assert play.parts.tally.not_assessed == {"twitter": 1}
        assert await play.decisions() == []


async def test_what_is_gone_meanwhile_is_left_alone() -> None:
    async with moderated("twitter") as play:
        thing = write(play, "A turnip!")
        del play.fake.things[thing.id]
        await hear(play, thing)
        assert play.parts.tally.not_assessed == {"twitter": 1}
        assert await play.decisions() == []


async def test_a_platform_that_is_away_is_asked_again_by_the_retry() -> None:
    async with moderated("twitter") as play:
        thing = write(play, "A turnip!")
        play.fake.faults.order("fails", "posts")
        await hear(play, thing)
        assert play.fake.state_of(thing.id) == "hidden"
        (event,) = await play.events()
        (attempt,) = await play.store.attempts(event.seq)
        assert (attempt.handler, attempt.state, attempt.attempts) == (MODERATION, "done", 2)
