"""The outbox against the platforms' fakes, over HTTP: what is wanted is done once, whatever goes wrong."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from moderation_ai.core.calls import Failure
from moderation_ai.core.errors import PlatformError
from tests.kinds import KINDS
from tests.pipeline.acted import NAMES, NOW, Looks, Slow, staged

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_wanted_is_done_and_the_receipt_says_so(name: str, kind: str) -> None:
    async with staged(name, kind) as stage:
        thing = stage.fake.write("Too salty.")
        action = await stage.want(thing)
        stage.begin()
        assert (await stage.until(action, "done", "dead")).status == "done"
        assert stage.fake.count(thing.id) == 1
        assert [line.status for line in await stage.store.receipts(action.id)] == ["done"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["lost", "fails"])
async def test_what_was_done_without_an_answer_is_not_done_twice(name: str, fault: str) -> None:
    async with staged(name) as stage:
        stage.fake.faults.order(fault, None)  # type: ignore[arg-type]  # the faults' names
        thing = stage.fake.write("Too salty.")
        action = await stage.want(thing)
        stage.begin()
        await stage.until_tried(action)
        stage.later(10)
        assert (await stage.until(action, "done", "not_needed", "dead")).status in ("done", "not_needed")
        assert stage.fake.count(thing.id) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["lost", "fails"])
async def test_a_message_of_which_nobody_knows_goes_to_a_person(name: str, fault: str) -> None:
    async with staged(name) as stage:
        stage.fake.faults.order(fault, "reply")  # type: ignore[arg-type]  # the faults' names
        action = await stage.want(stage.fake.write("Too salty."), "reply", text="Thank you")
        stage.begin()
        assert (await stage.until(action, "uncertain", "done", "dead")).status == "uncertain"
        stage.later(10_000)
        stage.outbox.wake()
        await asyncio.sleep(0)
        assert len(stage.fake.messages) == 1


async def test_a_message_that_a_process_left_behind_is_not_sent_again() -> None:
    async with staged("twitter") as stage:
        action = await stage.want(stage.fake.write("Too salty."), "reply", text="Thank you")
        await stage.store.claim_actions("gone", 10, NOW, 30)
        stage.later(31)
        stage.begin()
        assert (await stage.until(action, "uncertain", "done")).status == "uncertain"
        assert not stage.fake.messages


@pytest.mark.parametrize("kind", KINDS)
async def test_where_fewer_requests_are_wanted_the_account_rests_as_long(kind: str) -> None:
    async with staged("reddit", kind) as stage:
        stage.fake.faults.order("limited", "remove")
        first = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        await stage.until_tried(first)
        second = await stage.want(stage.fake.write("Too sweet."))
        (outbox,) = await stage.store.outboxes()
        assert outbox.paused_until == NOW + timedelta(seconds=7)
        asked = len(stage.fake.calls)
        stage.later(6)
        assert (await stage.store.action(second.id)).status == "open"  # type: ignore[union-attr]  # it is there
        assert len(stage.fake.calls) == asked
        stage.later(2)
        for action in (first, second):
            await stage.until(action, "done")


async def test_a_refusal_is_not_repeated() -> None:
    async with staged("twitter") as stage:
        refused = next(
            row
            for call in stage.fake.platform.api.calls
            for row in (*call.failures, *stage.fake.platform.api.failures)
            if row.error is PlatformError
        )
        assert isinstance(refused, Failure)
        stage.fake.faults.order(refused, "hide")
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        ended = await stage.until(action, "dead", "done")
        assert ended.status == "dead"
        assert ended.reason
        assert [asked.call for asked in stage.fake.calls] == ["hide"]


async def test_a_comment_that_is_gone_is_no_failure() -> None:
    async with staged("instagram") as stage:
        thing = stage.fake.write("Too salty.")
        del stage.fake.things[thing.id]
        action = await stage.want(thing)
        stage.begin()
        assert (await stage.until(action, "gone", "dead")).status == "gone"


async def test_within_the_documented_limits_nothing_is_refused_and_the_severest_is_first() -> None:
    async with staged("twitter", times=1) as stage:
        limit = stage.fake.platform.api.call("hide").limits[0]
        wanted = [
            await stage.want(stage.fake.write(f"{number}"), severity=number % 5) for number in range(limit.units + 10)
        ]
        stage.begin()

        async def has_spent() -> bool:
            return len(stage.fake.calls) >= limit.units and (await stage.store.outboxes())[0].paused_until is not None

        await stage.until_so(has_spent)
        await stage.end()
        done = {each.object_id for each in stage.fake.effects}
        left = [each for each in wanted if each.target.id not in done]
        assert len(done) == limit.units
        assert {each.severity for each in left} == {0}


async def test_what_was_refused_before_it_was_done_is_no_try_of_it() -> None:
    async with staged("twitter") as stage:
        for fault in [*["limited"] * 13, "fails"]:
            stage.fake.faults.order(fault, "hide")  # type: ignore[arg-type]  # the faults' names
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        for number in range(1, 15):
            await stage.until_tried(action, number)
            stage.later(700)
        assert (await stage.until(action, "done", "dead")).status == "done"


@pytest.mark.parametrize("name", ["reddit", "youtube"])
async def test_a_token_that_did_not_come_says_nothing_of_what_was_to_be_done_with_it(name: str) -> None:
    async with staged(name) as stage:
        stage.fake.faults.order("expired", "reply")
        stage.fake.faults.order("lost", "refresh")
        action = await stage.want(stage.fake.write("Too salty."), "reply", text="Thank you")
        stage.begin()
        for number in (1, 2):
            await stage.until_tried(action, number)
            stage.later(400)
        assert (await stage.until(action, "done", "dead", "uncertain")).status == "done"
        assert len(stage.fake.messages) == 1


async def test_who_was_granted_more_may_ask_for_more() -> None:
    async with staged("twitter", factor=2) as stage:
        limit = stage.fake.platform.api.call("hide").limits[0]
        wanted = [await stage.want(stage.fake.write(f"{number}")) for number in range(2 * limit.units + 1)]
        stage.begin()

        async def rests() -> bool:
            return (await stage.store.outboxes())[0].paused_until is not None

        await stage.until_so(rests)
        await stage.end()
        assert len({each.object_id for each in stage.fake.effects}) == len(wanted) - 1


async def test_who_does_not_wait_any_more_keeps_nobody_else_from_hearing() -> None:
    async with staged("twitter") as stage:
        action = await stage.want(stage.fake.write("Too salty."))
        gone, waiting = stage.outbox.expect(action.id), stage.outbox.expect(action.id)
        gone.cancel()
        stage.begin()
        async with asyncio.timeout(60):
            await asyncio.wrap_future(waiting)
        assert (await stage.until(action, "done")).status == "done"


async def test_what_waits_for_its_object_is_done_as_soon_as_that_is_free() -> None:
    async with staged("twitter") as stage:
        thing = stage.fake.write("Too salty.")
        wanted = [await stage.want(thing, "reply", text="Thank you"), await stage.want(thing)]
        stage.begin()  # The clock stands still: nobody looks again for want of news.
        for action in wanted:
            await stage.until(action, "done")


async def test_nothing_is_looked_for_where_nothing_can_be_due() -> None:
    async with staged("twitter") as stage:
        looks = stage.outbox.store = Looks(stage.store)  # type: ignore[assignment]  # it has all of the verbs
        actions = [await stage.want(stage.fake.write(f"Too salty {number}.")) for number in range(3)]
        stage.begin()
        for action in actions:
            await stage.until(action, "done")
        await stage.end()
        assert looks.count == 1


async def test_what_is_claimed_while_it_stops_is_given_back_before_it_has_stopped() -> None:
    async with staged("twitter") as stage:
        slow = stage.outbox.store = Slow(stage.store)  # type: ignore[assignment]  # it has all of the verbs
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        await slow.asked.wait()
        stopping = asyncio.ensure_future(stage.outbox.stop(30))
        await asyncio.sleep(0)
        slow.gate.set()
        assert await stopping
        [left] = await stage.store.actions_on("twitter", action.target.id)
        assert (left.status, left.is_sending) == ("open", False), "nobody would do it before the lease ends"
        assert not stage.fake.effects
        await stage.end()


async def test_fifty_comments_go_into_one_call_on_youtube_and_one_that_is_refused_harms_no_other() -> None:
    async with staged("youtube") as stage:
        things = [stage.fake.write(f"{number}") for number in range(50)]
        wanted = [await stage.want(thing) for thing in things]
        stage.begin()
        for action in wanted:
            await stage.until(action, "done")
        assert [asked.call for asked in stage.fake.calls] == ["moderate"]
