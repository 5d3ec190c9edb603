"""Echoes: what a platform tells of our own actions is recognised, and what a moderator does there is a verdict."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.acts import Target
from moderation_ai.core.events import Fact, finish
from moderation_ai.core.subjects import Action as Acted
from moderation_ai.core.subjects import Comment, Data
from moderation_ai.stores.base import Delivery
from moderation_ai.stores.ledger import Judgement, Settled, Wanted
from tests.kinds import KINDS
from tests.pipeline.moderated import Moderated, moderated

pytestmark = pytest.mark.anyio

TELLS_HIDING = ("reddit", "tiktok")
TELLS_REPLIES = ("twitter", "instagram", "reddit", "youtube")


async def receipts(play: Moderated) -> list[list[str]]:
    """Return the statuses in the history of each action, oldest first."""
    return [[line.status for line in await play.store.receipts(each.id)] for each in await play.actions()]


async def tell(play: Moderated, kind: str, object_id: str, *, actor: str | None = None) -> None:
    """Let the gateway handle that somebody did something to a comment on the platform."""
    data = Data(action=Acted(kind=kind, target_id=object_id, target_type="comment", actor_id=actor))
    await receive(play, Fact(event_type="moderation.action", object_id=object_id, data=data, version=kind))


async def say(play: Moderated, object_id: str, text: str) -> None:
    """Let the gateway handle another event that shows a comment with a text."""
    now = play.parts.clock.now()
    data = Data(comment=Comment(id=object_id, text=text, author_id="somebody"))
    version = f"{text} {now}"
    await receive(
        play, Fact(event_type="comment.updated", object_id=object_id, data=data, version=version, timestamp=now)
    )
    await play.settled()


async def receive(play: Moderated, fact: Fact) -> None:
    name, now = play.fake.name, play.parts.clock.now()
    event = finish(fact, platform=name, received_at=now)
    await play.store.add(Delivery(platform=name, received_at=now, body=b"{}", events=[event]))
    play.parts.worker.wake()

    async def is_handled() -> bool:
        return not (await play.store.counts()).by_status.get("pending", 0)

    await play.until(is_handled)


@pytest.mark.parametrize("name", TELLS_HIDING)
@pytest.mark.parametrize("kind", KINDS)
async def test_the_echo_of_a_hiding_is_marked_and_starts_nothing(name: str, kind: str) -> None:
    async with moderated(name, kind) as play:
        bad = await play.write("A turnip!")
        (history,) = await receipts(play)
        assert sorted(history) == ["done", "echo"]  # it may come before the answer does
        assert [each.by_person for each in await play.decisions()] == [False]
        assert [event.event_type for event in await play.events()] == ["comment.created", "moderation.action"]
        assert play.fake.count(bad) == 1


async def test_an_echo_that_is_handled_again_is_marked_once() -> None:
    async with moderated("reddit") as play:
        await play.write("A turnip!")
        echo = (await play.events())[-1]
        await play.store.replay([echo.seq], play.parts.clock.now())
        play.parts.worker.wake()
        await play.settled()
        assert sorted(*await receipts(play)) == ["done", "echo"]
        assert len(await play.decisions()) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_an_echo_may_come_while_the_action_is_being_sent(kind: str) -> None:
    async with moderated("reddit", kind) as play:
        await play.parts.outbox.stop(30)  # another process sends
        now = play.parts.clock.now()
        sent = await play.store.want(Wanted(platform="reddit", action="hide", target=Target(id="t1_x")), now)
        await play.store.claim_actions("another", 1, now, 60)
        await tell(play, "remove", "t1_x")
        assert [line.status for line in await play.store.receipts(sent.id)] == ["echo"]
        await play.store.settle_actions([Settled(id=sent.id, status="done")], now, worker="another")
        assert await play.decisions() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_moderator_gave_back_is_not_hidden_again_as_long_as_its_text_stays(kind: str) -> None:
    async with moderated("reddit", kind) as play:
        bad = await play.write("A turnip!")
        await tell(play, "approve", bad, actor="t2_moderator")
        verdict = (await play.decisions())[-1]
        assert (verdict.by_person, verdict.verdict, verdict.made_by) == (True, "approve", "reddit:t2_moderator")
        assert verdict.version == (await play.decisions())[0].version
        await say(play, bad, "A turnip!")
        assert len(await play.actions()) == 1
        await say(play, bad, "A nettle!")
        assert [each.action for each in await play.actions()] == ["hide", "remove"]


async def test_what_another_policy_says_of_a_text_does_not_overrule_a_person() -> None:
    async with moderated("reddit") as play:
        bad = await play.write("A turnip!")
        await tell(play, "approve", bad, actor="t2_moderator")
        first = (await play.decisions())[0]
        wanted = Wanted(platform="reddit", action="remove", target=Target(id=bad), version=first.version)
        judgement = Judgement(
            platform="reddit",
            object_id=bad,
            version=first.version,
            made_by="garden@8",
            verdict="remove",
            wanted=wanted,
        )
        stored, action = await play.store.decide(judgement, play.parts.clock.now())
        assert (action, stored.reason) == (None, "a person decided about this text")


async def test_what_a_moderator_approves_before_we_come_to_it_is_left_alone() -> None:
    async with moderated("reddit", has_token=False) as play:
        bad = await play.write("A turnip!")
        now = play.parts.clock.now()
        version = (await play.decisions())[0].version
        hide = Wanted(platform="reddit", action="hide", target=Target(id=bad), version=version)
        open_one = await play.store.want(hide, now)
        await tell(play, "approve", bad)
        left = await play.store.action(open_one.id)
        assert left is not None
        assert left.status == "overtaken"


async def test_our_own_hand_on_the_platform_is_a_person_too() -> None:
    async with moderated("reddit") as play:
        bad = await play.write("A turnip!")
        await tell(play, "approve", bad, actor=play.fake.account)
        assert [(each.by_person, each.verdict) for each in await play.decisions()] == [
            (False, "hide"),
            (True, "approve"),
        ]


@pytest.mark.parametrize("name", TELLS_REPLIES)
@pytest.mark.parametrize("knows", ["the account's id", "nothing"])
async def test_our_own_reply_is_marked_and_not_moderated(name: str, knows: str) -> None:
    def forget(session: Any) -> Any:
        return session if knows == "the account's id" else replace(session, account_id=None)

    async with moderated(name, session=forget) as play:
        asked = await play.write("Is there bread?")
        parent = play.fake.things[asked]
        target = Target(id=asked, post_id=parent.post_id, parent_id=parent.parent_id, author_id=parent.author_id)
        reply = Wanted(platform=name, action="reply", target=target, text="No, a turnip.")
        await play.store.want(reply, play.parts.clock.now())
        play.parts.outbox.wake()
        await play.settled()
        (history,) = await receipts(play)
        assert sorted(history) == ["done", "echo"]
        assert await play.decisions() == []
        assert len(play.fake.messages) == 1


async def test_where_no_id_is_configured_the_platform_is_asked_whose_token_it_is_once() -> None:
    async with moderated("instagram", session=lambda session: replace(session, account_id=None)) as play:
        ours = await play.write("A turnip!", is_ours=True)
        theirs = await play.write("A turnip!")
        assert play.fake.state_of(ours) == "visible"
        assert play.fake.state_of(theirs) == "hidden"
        assert [asked.call for asked in play.fake.calls].count("me") == 1


async def test_where_the_platform_does_not_tell_who_we_are_moderation_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async with moderated("twitter", session=lambda session: replace(session, account_id=None)) as play:
        for _ in range(5):
            play.fake.faults.order("limited", "me")
        bad = await play.write("A turnip!")
        assert play.fake.state_of(bad) == "hidden"
        assert "does not say whose token it is" in caplog.text
