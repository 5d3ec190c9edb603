"""The outbox where tokens end or are refused: no action is lost by it, and none done twice."""

from __future__ import annotations

import pytest

from moderation_ai.core.calls import Failure
from moderation_ai.fakes import Fake
from moderation_ai.fakes.replies import row_of
from moderation_ai.stores.register import SavedSession
from tests.pipeline.acted import NAMES, NOW, staged

pytestmark = pytest.mark.anyio


BY_REFRESH_TOKEN = ["twitter", "reddit", "youtube", "tiktok"]


@pytest.mark.parametrize("name", BY_REFRESH_TOKEN)
async def test_a_token_that_ends_in_mid_run_costs_no_action_and_doubles_none(name: str) -> None:
    async with staged(name) as stage:
        things = [stage.fake.write(f"{number}") for number in range(14)]
        wanted = [await stage.want(thing) for thing in things[:7]]
        stage.begin()
        await stage.until(wanted[0], "done")
        stage.fake.expire()
        wanted += [await stage.want(thing) for thing in things[7:]]
        for action in wanted:
            await stage.until(action, "done")
        assert [stage.fake.count(thing.id) for thing in things] == [1] * 14
        refreshes = [asked.call for asked in stage.fake.calls].count("refresh")
        assert refreshes == 1
        assert [each.paused_until for each in await stage.store.outboxes()] == [None]


@pytest.mark.parametrize("name", ["twitter", "reddit", "youtube"])
async def test_a_reply_that_met_an_ended_token_is_written_once(name: str) -> None:
    async with staged(name) as stage:
        thing = stage.fake.write("Where is it?")
        stage.fake.expire()
        action = await stage.want(thing, "reply", text="Thank you")
        stage.begin()
        assert (await stage.until(action, "done", "uncertain", "dead")).status == "done"
        assert [message.text for message in stage.fake.messages] == ["Thank you"]


async def test_a_reply_is_not_uncertain_because_the_next_token_could_not_be_had_at_once() -> None:
    async with staged("twitter") as stage:
        thing = stage.fake.write("Where is it?")
        stage.fake.expire()
        stage.fake.faults.order("limited", "refresh")
        action = await stage.want(thing, "reply", text="Thank you")
        stage.begin()
        await stage.until_tried(action)
        stage.later(120)
        assert (await stage.until(action, "done", "uncertain", "dead")).status == "done"
        assert len(stage.fake.messages) == 1


async def test_an_act_is_tried_once_more_with_new_tokens_and_not_twice() -> None:
    async with staged("youtube") as stage:
        row = row_of(stage.fake.platform.api.failures, 403, "insufficientPermissions")
        for _ in range(5):
            stage.fake.faults.order(row, "moderate")
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        await stage.until_tried(action)
        assert [asked.call for asked in stage.fake.calls] == ["moderate", "refresh", "moderate"]


@pytest.mark.parametrize("name", NAMES)
async def test_an_account_that_must_be_authorised_again_rests_and_gives_nothing_up(name: str) -> None:
    async with staged(name) as stage:
        stage.fake.expire()
        stage.fake.faults.order(row_of_denial(stage.fake), "refresh")
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        await stage.until_tried(action)
        (outbox,) = await stage.store.outboxes()
        assert outbox.open == 1
        assert outbox.paused_until is not None
        assert "authorise" in str(outbox.reason) or "refresh" in str(outbox.reason)
        (saved,) = await stage.store.sessions()
        assert saved.refused_at is not None


def row_of_denial(fake: Fake) -> Failure:
    api = fake.platform.api
    return row_of((*api.call("refresh").failures, *api.failures), *fake.denied)


async def test_an_account_on_instagram_whose_token_ended_goes_on_once_it_is_authorised_again() -> None:
    async with staged("instagram") as stage:
        things = [stage.fake.write(f"{number}") for number in range(4)]
        stage.fake.expire()
        wanted = [await stage.want(thing) for thing in things]
        stage.begin()
        await stage.until_tried(wanted[0])
        await stage.end()
        stage.fake.authorise()
        stage.restart()
        stage.begin()
        stage.later(400)
        for action in wanted:
            await stage.until(action, "done")
        assert [stage.fake.count(thing.id) for thing in things] == [1] * 4
        (saved,) = await stage.store.sessions()
        assert saved.refused_at is None


async def test_tokens_that_no_key_opens_give_nothing_up() -> None:
    async with staged("twitter") as stage:
        foreign = SavedSession(platform="twitter", sealed=b"sealed by another", saved_at=NOW)
        await stage.store.save_session(foreign)
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()

        async def is_put_off() -> bool:
            found = await stage.store.action(action.id)
            return found is not None and found.reason is not None

        await stage.until_so(is_put_off)
        found = await stage.store.action(action.id)
        assert found is not None
        assert (found.status, found.tries) == ("open", 0)
        assert "key" in str(found.reason)
