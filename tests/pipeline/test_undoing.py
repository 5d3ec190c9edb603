"""Undo: what was done on a platform is taken back there, once, and no policy does it again."""

from __future__ import annotations

import pytest

from moderation_ai import get_platform
from moderation_ai.core.acts import Target
from moderation_ai.core.errors import ModerationError, UnsupportedAction
from moderation_ai.pipeline.acting.undoing import undo
from moderation_ai.stores.ledger import Settled, Wanted
from tests.kinds import KINDS
from tests.pipeline.moderated import NAMES, Moderated, moderated

pytestmark = pytest.mark.anyio


async def undone(play: Moderated, action_id: int) -> str:
    """Take an action back and return what became of that."""
    clock, accesses = play.parts.clock, play.parts.outbox.accesses
    made = await undo(play.store, accesses, action_id, clock.now(), by="u1")
    play.parts.outbox.wake()
    await play.settled()
    found = await play.store.action(made.id)
    assert found is not None
    return found.status


@pytest.mark.parametrize("name", NAMES)
async def test_what_was_hidden_is_shown_again(name: str) -> None:
    async with moderated(name) as play:
        bad = await play.write("A turnip!")
        (hidden,) = await play.actions()
        assert await undone(play, hidden.id) in ("done", "not_needed")
        assert play.fake.state_of(bad) == "visible"


@pytest.mark.parametrize("kind", KINDS)
async def test_who_takes_a_hiding_back_has_decided_about_the_text(kind: str) -> None:
    async with moderated("reddit", kind) as play:
        bad = await play.write("A turnip!")
        (hidden,) = await play.actions()
        await undone(play, hidden.id)
        word = (await play.decisions())[-1]
        assert (word.by_person, word.made_by, word.verdict) == (True, "u1", "approve")
        (event,) = [each for each in await play.events() if each.event_type == "comment.created"]
        await play.store.replay([event.seq], play.parts.clock.now())
        play.parts.worker.wake()
        await play.settled()
        assert play.fake.state_of(bad) == "visible"
        assert [each.action for each in await play.actions()] == ["hide", "approve"]


async def test_the_echo_of_an_undo_is_ours() -> None:
    async with moderated("reddit") as play:
        await play.write("A turnip!")
        (hidden,) = await play.actions()
        await undone(play, hidden.id)
        histories = [await play.store.receipts(each.id) for each in await play.actions()]
        assert [sorted(line.status for line in lines) for lines in histories] == [["done", "echo"]] * 2
        assert len(await play.decisions()) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_sent_yet_is_not_sent_any_more(kind: str) -> None:
    async with moderated("twitter", kind) as play:
        await play.parts.outbox.stop(30)
        thing = play.fake.write("Lovely bread.")
        wanted = Wanted(platform="twitter", action="hide", target=Target(id=thing.id))
        action = await play.store.want(wanted, play.parts.clock.now())
        assert await undone(play, action.id) == "overtaken"
        assert await play.store.claim_actions("w", 10, play.parts.clock.now(), 30) == []


async def test_a_reply_is_taken_back_by_its_own_id() -> None:
    async with moderated("reddit") as play:
        asked = await play.write("Is there bread?")
        reply = Wanted(platform="reddit", action="reply", target=Target(id=asked), text="No.")
        action = await play.store.want(reply, play.parts.clock.now())
        play.parts.outbox.wake()
        await play.settled()
        assert await undone(play, action.id) == "done"
        (written,) = [thing for thing in play.fake.things.values() if thing.is_ours]
        assert written.state == "gone"


async def test_what_is_final_cannot_be_taken_back() -> None:
    async with moderated("youtube") as play:
        await play.write("A nettle!")
        (removed,) = await play.actions()
        with pytest.raises(UnsupportedAction, match="cannot take remove back"):
            await undone(play, removed.id)


@pytest.mark.parametrize("status", ["dead", "gone"])
async def test_there_is_nothing_to_take_back_of_what_was_never_done(status: str) -> None:
    async with moderated("twitter", has_token=False) as play:
        now = play.parts.clock.now()
        action = await play.store.want(Wanted(platform="twitter", action="hide", target=Target(id="c1")), now)
        await play.store.claim_actions("w", 1, now, 30)
        await play.store.settle_actions([Settled(id=action.id, status=status)], now, worker="w")
        with pytest.raises(ModerationError, match="nothing to take back"):
            await undone(play, action.id)
        with pytest.raises(ModerationError, match="no action 4711"):
            await undone(play, 4711)


async def test_without_a_token_nothing_is_taken_back() -> None:
    async with moderated("twitter", has_token=False) as play:
        now = play.parts.clock.now()
        action = await play.store.want(Wanted(platform="twitter", action="hide", target=Target(id="c1")), now)
        await play.store.claim_actions("w", 1, now, 30)
        await play.store.settle_actions([Settled(id=action.id, status="done")], now, worker="w")
        with pytest.raises(UnsupportedAction, match="no access token is configured for twitter"):
            await undone(play, action.id)


async def test_a_receipt_is_enough_to_take_its_action_back() -> None:
    async with moderated("instagram") as play:
        thing = await play.write("Lovely bread.")
        account = get_platform("instagram")
        receipt = await account.moderate_comment(thing, "hide")
        assert (receipt.status, play.fake.state_of(thing)) == ("done", "hidden")
        back = await account.undo(receipt)
        assert (back.action, back.status, play.fake.state_of(thing)) == ("unhide", "done", "visible")
        with pytest.raises(UnsupportedAction, match="nothing was stored"):
            await account.undo(await account.moderate_comment(thing, "flag"))
