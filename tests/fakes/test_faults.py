"""What goes wrong at a platform arrives as the right error, and what was done is known at the fake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from moderation_ai.core.acts import Act, Target
from moderation_ai.core.calls import Call, Failure
from moderation_ai.core.errors import (
    CredentialsRejected,
    ModerationError,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
)
from moderation_ai.fakes import Fake
from moderation_ai.fakes.faults import RETRY_AFTER, Faults
from tests.fakes.stage import NAMES, Stage, target_of, values_of
from tests.platforms.driving import act_of


def rows(fake: Fake) -> list[tuple[Call, Failure]]:
    """Return each documented failure with a call that meets it: its own, or for those of all calls one that reads."""
    calls = fake.platform.api.calls
    reads = next(call for call in calls if call.effect == "reads" and not call.failures)
    own = [(call, row) for call in calls for row in call.failures]
    return own + [(reads, row) for row in fake.platform.api.failures]


@pytest.mark.parametrize("name", NAMES)
def test_every_documented_failure_arrives_as_its_error_and_nothing_is_done(name: str) -> None:
    with Stage(name).served() as stage:
        fake = stage.fake
        for call, row in rows(fake):
            fake.faults.order(row, call.name)
            flow = fake.platform.api.ask(call.name, values_of(call), fake.session, fake.client)
            with pytest.raises(ModerationError) as raised:
                stage.drive(flow)
            expected = OutcomeUnknown if call.effect == "adds" and row.error is PlatformUnavailable else row.error
            assert (call.name, row.code, type(raised.value)) == (call.name, row.code, expected)
        assert not fake.effects
        assert not fake.misunderstood


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["lost", "fails"])
def test_a_hide_whose_answer_is_lost_is_done_once_and_may_be_tried_again(name: str, fault: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        stage.fake.faults.order(fault)  # type: ignore[arg-type]
        with pytest.raises(PlatformUnavailable) as raised:
            stage.act("hide", target)
        assert not isinstance(raised.value, OutcomeUnknown)
        assert stage.fake.count(target.id) == 1
        stage.act("hide", target)
        assert stage.fake.count(target.id) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["lost", "fails"])
def test_of_a_reply_whose_answer_is_lost_nobody_knows(name: str, fault: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        stage.fake.faults.order(fault, "reply")  # type: ignore[arg-type]
        with pytest.raises(OutcomeUnknown):
            stage.act("reply", target)
        assert len(stage.fake.messages) == 1


def test_who_waits_in_vain_gives_up_in_time() -> None:
    stage = Stage("twitter")
    with stage.fake.serve() as served:
        stage.fake.faults.order("hangs", "hide")
        # Long enough for the request to arrive on a slow machine: the answer never comes.
        stage.sender = served.sender(timeout=2)
        target = target_of(stage.fake.write("Too salty."))
        with pytest.raises(PlatformUnavailable, match="did not answer within"):
            stage.act("hide", target)
        assert stage.fake.state_of(target.id) == "hidden"


@pytest.mark.parametrize("name", NAMES)
def test_who_asks_too_much_is_told_how_long_to_wait(name: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        stage.fake.faults.order("limited")
        with pytest.raises(RateLimited) as raised:
            stage.act("hide", target)
        assert raised.value.retry_after == RETRY_AFTER
        stage.fake.faults.order("limited_silently")
        with pytest.raises(RateLimited) as raised:
            stage.act("hide", target)
        assert (raised.value.retry_after or 0) > RETRY_AFTER
        assert not stage.fake.effects


@pytest.mark.parametrize("name", NAMES)
def test_a_token_that_ends_in_mid_run_is_refreshed(name: str) -> None:
    with Stage(name).served() as stage:
        fake, target = stage.fake, target_of(stage.fake.write("Too salty."))
        before = fake.session
        fake.faults.order("expired", stage.hiding.name)
        with pytest.raises(CredentialsRejected):
            stage.act("hide", target)
        assert not fake.effects
        if name == "instagram":  # Its token renews itself, and only while it lasts.
            with pytest.raises(CredentialsRejected):
                stage.drive(fake.platform.session(before, fake.client))
            fake.authorise()
            before = fake.session
        after = stage.drive(fake.platform.session(before, fake.client))
        assert (after.access_token, after.expires_at) == (fake.session.access_token, fake.session.expires_at)
        assert after.refresh_token == fake.session.refresh_token
        assert after.access_token != before.access_token
        stage.act("hide", target)
        assert fake.count(target.id) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_token_lives_as_long_as_documented(name: str) -> None:
    with Stage(name).served() as stage:
        target = target_of(stage.fake.write("Too salty."))
        ends = stage.fake.session.expires_at
        assert ends is not None
        stage.clock.set(ends - timedelta(seconds=1))
        stage.act("hide", target)
        stage.clock.set(ends)
        with pytest.raises(CredentialsRejected):
            stage.act("hide", target)


@pytest.mark.parametrize("name", NAMES)
def test_a_refresh_token_is_for_one_use_where_it_rotates(name: str) -> None:
    with Stage(name).served() as stage:
        fake, before = stage.fake, stage.fake.session
        stage.drive(fake.platform.session(before, fake.client))
        if fake.rotates or name == "instagram":
            with pytest.raises(CredentialsRejected):
                stage.drive(fake.platform.session(before, fake.client))
        else:
            assert stage.drive(fake.platform.session(before, fake.client)) == fake.session


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_gets_nothing(name: str) -> None:
    with Stage(name).served() as stage:
        fake = stage.fake
        act = Act(action="hide", targets=(target_of(fake.write("Too salty.")),))
        stranger = replace(fake.session, access_token="a-guess")
        with pytest.raises(CredentialsRejected):
            stage.drive(fake.platform.moderate(act, stranger))
        assert not fake.effects


# Of each platform: how many hides the documented limit allows, and how long it lasts (s).
LIMITS = {
    "twitter": (50, 900),
    "instagram": (4800, 86_400),
    "reddit": (1000, 600),
    "youtube": (200, 22 * 3600),
    "tiktok": (40, 300),
}


@pytest.mark.parametrize("name", NAMES)
def test_documented_limits_hold_and_end(name: str) -> None:
    share = 0.1
    with Stage(name, times=share).served() as stage:
        allowed, seconds = LIMITS[name]
        target = target_of(stage.fake.write("Too salty."))
        for _ in range(min(int(allowed * share), 40)):
            stage.act("hide", target)
        while stage.fake.meter.spend(stage.hiding) is None:
            pass  # The rest of large limits, without HTTP.
        with pytest.raises(RateLimited) as raised:
            stage.act("hide", target)
        wait = raised.value.retry_after
        assert wait is not None
        assert 0 < wait <= seconds + 60
        stage.clock.set(stage.clock.now() + timedelta(seconds=wait))
        stage.fake.authorise()
        stage.act("hide", target)


def test_a_plan_of_faults_is_the_same_by_the_same_seed() -> None:
    odds = {"fails": 0.2, "limited": 0.2, "twice": 0.3}

    def drawn(seed: int) -> list[object]:
        faults = Faults(seed=seed, odds=odds)
        return [(faults.of_call("hide"), faults.of_webhook()) for _ in range(100)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert {call for call, _ in drawn(1)} == {"fails", "limited", None}


def test_a_fault_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(ValueError, match="flying"):
        Faults(odds={"flying": 1})


def test_an_ordered_fault_waits_for_its_call() -> None:
    faults = Faults()
    faults.order("fails", "reply")
    assert [faults.of_call("hide"), faults.of_call("reply"), faults.of_call("reply")] == [None, "fails", None]


@pytest.mark.parametrize("name", NAMES)
def test_rate_headers_tell_what_is_left(name: str) -> None:
    with Stage(name).served() as stage:
        platform, api = stage.fake.platform, stage.fake.platform.api
        target = target_of(stage.fake.write("Too salty."))
        left = []
        for _ in range(2):
            body = stage.hiding.request(
                {**platform.values(act_of("hide", target), stage.fake.session), **platform.capabilities["hide"].values},
                stage.fake.session,
            )
            answer = asyncio.run(stage.sender.send(body, platform.hosts))
            left.append([(each.used, each.remaining) for each in api.budgets(stage.hiding, answer)])
        if name in ("youtube", "tiktok"):
            assert left == [[], []]
        elif name == "instagram":
            assert left == [[(0.0, None)]] * 2  # 1 of 4800 is no whole percent.
        else:
            assert left[0][0][1] == left[1][0][1] + 1


@pytest.mark.parametrize("name", NAMES)
def test_by_a_plan_of_faults_every_hide_is_done_exactly_once(name: str) -> None:
    odds = {"lost": 0.15, "fails": 0.15, "limited": 0.1, "limited_silently": 0.1, "expired": 0.1}
    with Stage(name, times=100, faults=Faults(seed=5, odds=odds)).served() as stage:
        things = [stage.fake.write(f"{number}") for number in range(30)]
        met = {type(error) for thing in things for error in _until_done(stage, target_of(thing))}
        assert met == {CredentialsRejected, RateLimited, PlatformUnavailable}
        assert [stage.fake.count(thing.id) for thing in things] == [1] * len(things)
        assert {stage.fake.state_of(thing.id) for thing in things} <= {"hidden", "removed"}


def _until_done(stage: Stage, target: Target) -> Iterator[PlatformError]:
    """Hide a comment, however often that takes; yield what was met on the way."""
    while True:
        try:
            stage.act("hide", target)
        except CredentialsRejected as error:
            stage.fake.authorise()
            yield error
        except (RateLimited, PlatformUnavailable) as error:
            yield error
        else:
            return
