"""The outbox against the platforms' fakes, over HTTP: what is wanted is done once, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation_ai.core.access import Access
from moderation_ai.core.acts import Target
from moderation_ai.core.calls import Failure
from moderation_ai.core.errors import PlatformError
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.fakes.replies import row_of
from moderation_ai.fakes.things import Thing
from moderation_ai.pipeline.acting.outbox import Outbox
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import Action, Wanted
from moderation_ai.stores.register import SavedSession
from tests.kinds import KINDS, new_store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ["twitter", "instagram", "reddit", "youtube", "tiktok"]


class Stage:
    """A fake that is served, a store, and an outbox that may be replaced by another."""

    def __init__(self, fake: Fake, store: Store, clock: ManualClock, make: Callable[[], Outbox]) -> None:
        self.fake, self.store, self.clock, self._make = fake, store, clock, make
        self.outbox = make()
        self._running: asyncio.Task[None] | None = None

    def restart(self) -> None:
        """Put another outbox in the place of this one, with the tokens that are good now."""
        self.outbox = self._make()

    def begin(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self.outbox.run())

    async def end(self) -> None:
        if self._running is not None:
            await self.outbox.stop(30)
            await self._running
            self._running = None

    async def want(self, thing: Thing, action: str = "hide", *, severity: int = 0, text: str | None = None) -> Action:
        target = Target(
            id=thing.id,
            post_id=thing.post_id,
            parent_id=thing.parent_id,
            author_id=thing.author_id,
            author_username=thing.author_username,
        )
        wanted = Wanted(platform=self.fake.name, action=action, target=target, severity=severity, text=text)
        action_of = await self.store.want(wanted, self.clock.now())
        self.outbox.wake()
        return action_of

    async def until(self, action: Action, *statuses: str) -> Action:
        """Return the action once it has one of ``statuses``."""

        async def is_so() -> bool:
            found = await self.store.action(action.id)
            assert found is not None
            return found.status in statuses

        await self.until_so(is_so)
        found = await self.store.action(action.id)
        assert found is not None
        return found

    async def until_tried(self, action: Action, times: int = 1) -> None:
        async def is_so() -> bool:
            return len(await self.store.receipts(action.id)) >= times

        await self.until_so(is_so)

    async def until_so(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while not await is_so():
                await asyncio.sleep(0.01)

    def later(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))
        self.outbox.wake()


class Looks:
    """A store that counts how often somebody looked for actions that are due."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim_actions(self, *arguments: Any, **named: Any) -> list[Action]:
        self.count += 1
        return await self._store.claim_actions(*arguments, **named)


@asynccontextmanager
async def staged(name: str, kind: str = "memory", *, times: float = 1000, factor: float = 1) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW)
    fake, store = find_fake(name, clock=clock, times=times), new_store(kind)
    with fake.serve() as served:
        await store.open()

        def make() -> Outbox:
            access = Access(platform=fake.platform, session=fake.session, client=fake.client, limits_factor=factor)
            return Outbox(
                store, [access], clock, lambda: 0.5, name="w1", sender=served.sender(timeout=60, now=clock.now)
            )

        stage = Stage(fake, store, clock, make)
        try:
            yield stage
        finally:
            await stage.end()
            await store.close()


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


async def test_fifty_comments_go_into_one_call_on_youtube_and_one_that_is_refused_harms_no_other() -> None:
    async with staged("youtube") as stage:
        things = [stage.fake.write(f"{number}") for number in range(50)]
        wanted = [await stage.want(thing) for thing in things]
        stage.begin()
        for action in wanted:
            await stage.until(action, "done")
        assert [asked.call for asked in stage.fake.calls] == ["moderate"]


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


def unavailable(fake: Fake) -> Failure:
    """Return the documented failure by which the platform says that it cannot now."""
    return row_of(fake.platform.api.failures, *fake.fails)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_platform_that_fails_again_and_again_is_left_alone_longer_each_time(kind: str) -> None:
    async with staged("twitter", kind) as stage:
        for _ in range(16 + 2):
            stage.fake.faults.order(unavailable(stage.fake), "hide")
        wanted = [await stage.want(stage.fake.write(f"{number}")) for number in range(16)]
        stage.begin()
        for action in wanted:
            await stage.until_tried(action)
        # What failed at one time is one failure, however many actions it met.
        (outbox,) = await stage.store.outboxes()
        assert outbox.paused_until == NOW + timedelta(seconds=2)
        assert outbox.reason is not None
        asked = len(stage.fake.calls)
        stage.later(1)
        await stage.want(stage.fake.write("One more."), severity=4)
        assert len(stage.fake.calls) == asked
        stage.later(3)

        async def rests_longer() -> bool:
            until = (await stage.store.outboxes())[0].paused_until
            return until is not None and until >= stage.clock.now() + timedelta(seconds=4)

        await stage.until_so(rests_longer)
        for _ in range(12):
            stage.later(60)
            await asyncio.sleep(0)
        for action in wanted:
            assert (await stage.until(action, "done", "dead", "uncertain")).status == "done"
        assert {stage.fake.count(action.target.id) for action in wanted} == {1}


async def test_a_success_ends_the_count_of_failures() -> None:
    async with staged("twitter") as stage:
        stage.begin()
        for number in range(12):
            if number % 4 != 3:
                stage.fake.faults.order(unavailable(stage.fake), "hide")
            action = await stage.want(stage.fake.write(f"{number}"))
            await stage.until_tried(action)
        assert [each.paused_until for each in await stage.store.outboxes()] == [None]


@pytest.mark.parametrize("name", ["twitter", "instagram", "reddit", "tiktok"])
async def test_where_fewer_requests_are_wanted_and_nobody_says_for_how_long_the_account_rests_a_while(
    name: str,
) -> None:
    async with staged(name) as stage:
        stage.fake.faults.order("limited_silently")
        action = await stage.want(stage.fake.write("Too salty."))
        stage.begin()
        await stage.until_tried(action)
        (outbox,) = await stage.store.outboxes()
        assert outbox.paused_until is not None
        assert outbox.paused_until >= NOW + timedelta(seconds=60)
        stage.later((outbox.paused_until - NOW).total_seconds() + 1)
        assert (await stage.until(action, "done", "dead")).status == "done"
        assert stage.fake.count(action.target.id) == 1
