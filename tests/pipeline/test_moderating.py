"""Moderation by itself: a comment at the platform's fake is judged, and what the policy enforces is done there once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from moderation_ai import get_platform, hide_comment
from moderation_ai.core.decisions import read_decision
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import Fact, WebhookEvent, finish
from moderation_ai.core.subjects import Action, Comment, Data
from moderation_ai.pipeline.handling.handlers import MODERATION, Handlers
from moderation_ai.pipeline.handling.moderator import text_of
from moderation_ai.stores.base import Delivery
from tests.kinds import KINDS
from tests.pipeline.moderated import NAMES, moderated, standards

pytestmark = pytest.mark.anyio

HIDDEN = ("hidden", "removed")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_the_policy_hides_is_hidden_once_and_what_it_does_not_mind_stays(name: str, kind: str) -> None:
    async with moderated(name, kind) as play:
        bad, good = await play.write("A turnip!"), await play.write("Lovely bread.")
        assert play.fake.state_of(bad) in HIDDEN
        assert play.fake.state_of(good) == "visible"
        assert play.fake.count() == play.fake.count(bad) == 1


async def test_a_decision_is_kept_with_its_policy_its_signals_and_where_they_stand_in_the_text() -> None:
    async with moderated("instagram") as play:
        bad = await play.write("Oh, a turnip!")
        (decided,) = await play.decisions()
        (action,) = await play.actions()
        assert (decided.object_id, decided.verdict, decided.made_by) == (bad, "hide", "garden@7")
        assert (decided.severity, decided.action, action.severity) == (3, action.id, 3)
        assert decided.decision is not None
        decision = read_decision(decided.decision)
        assert [(each.rule, each.spans) for each in decision.findings] == [("garden.vegetable", ((6, 12),))]
        assert decision.policy_hash.startswith("sha256:")
        (event,) = await play.events()
        assert decided.seq == event.seq


async def test_in_shadow_what_would_be_hidden_is_recorded_and_changes_nothing() -> None:
    async with moderated("twitter", judge=standards("shadow")) as play:
        bad = await play.write("A turnip!")
        (decided,) = await play.decisions()
        assert (decided.verdict, decided.action) == ("flag", None)
        assert play.fake.state_of(bad) == "visible"
        assert play.fake.calls == []


async def test_what_is_only_flagged_is_recorded_to_be_listed() -> None:
    async with moderated("twitter") as play:
        await play.write("Some rhubarb.")
        (decided,) = await play.decisions()
        assert (decided.verdict, decided.severity, decided.reason) == ("flag", 1, None)
        assert await play.actions() == []


async def test_a_text_that_breaks_no_rule_leaves_nothing_behind() -> None:
    async with moderated("twitter") as play:
        await play.write("Lovely bread.")
        assert await play.decisions() == []
        (event,) = await play.events()
        assert event.status == "done"
        assert [each.handler for each in await play.store.attempts(event.seq)] == [MODERATION]


@pytest.mark.parametrize(("name", "action"), [("twitter", "hide"), ("tiktok", "hide"), ("reddit", "remove")])
async def test_what_a_platform_cannot_remove_is_hidden_instead(name: str, action: str) -> None:
    async with moderated(name) as play:
        bad = await play.write("A nettle!")
        assert [(each.action, each.target.id, each.severity) for each in await play.actions()] == [(action, bad, 4)]
        assert play.fake.state_of(bad) in HIDDEN


async def test_where_nothing_milder_is_wanted_the_decision_says_why_nothing_was_done() -> None:
    async with moderated("twitter", degrade=False) as play:
        await play.write("A nettle!")
        (decided,) = await play.decisions()
        assert (decided.verdict, decided.action) == ("remove", None)
        assert decided.reason is not None
        assert decided.reason.startswith("twitter cannot remove")
        assert (await play.store.counts()).dead_letters == 0


async def test_without_a_token_the_decision_says_so() -> None:
    async with moderated("twitter", has_token=False) as play:
        await play.write("A turnip!")
        (decided,) = await play.decisions()
        assert (decided.verdict, decided.action) == ("hide", None)
        assert decided.reason == "no access token is configured for twitter"


async def test_an_event_that_is_handled_again_is_not_hidden_again() -> None:
    async with moderated("instagram") as play:
        bad = await play.write("A turnip!")
        (event,) = await play.events()
        await play.store.replay([event.seq], play.parts.clock.now())
        play.parts.worker.wake()
        await play.settled()
        assert play.fake.count(bad) == 1
        assert len(await play.decisions()) == 1


async def test_what_a_handler_of_the_users_hides_too_is_hidden_once() -> None:
    handlers = Handlers()
    async with moderated("instagram", handlers=handlers) as play:
        told: list[str] = []

        async def hide(event: WebhookEvent) -> None:
            told.append((await hide_comment(event)).status)

        handlers.add(hide, ("comment.created",))
        bad = await play.write("A turnip!")
        assert told == ["done"]
        assert [asked.call for asked in play.fake.calls] == ["hide"]
        assert play.fake.count(bad) == 1


async def test_our_own_comment_is_not_moderated() -> None:
    async with moderated("instagram") as play:
        source = play.parts.sources["instagram"]
        accounts = {play.fake.account: "main"}
        play.parts.sources["instagram"] = play.parts.intake.sources["instagram"] = replace(
            source, credential=replace(source.credential, accounts=accounts)
        )
        ours = await play.write("A turnip!", is_ours=True)
        (event,) = await play.events()
        assert (event.own, event.status) == (True, "unhandled")
        assert play.fake.state_of(ours) == "visible"


async def test_a_very_long_text_is_judged_beside_the_loop() -> None:
    async with moderated("twitter") as play:
        bad = await play.write("bread " * 5000 + "turnip")
        assert play.fake.state_of(bad) == "hidden"


async def test_what_no_rule_of_ours_is_about_stays_unhandled() -> None:
    async with moderated("twitter", judge=standards()) as play:
        await play.write("")
        (event,) = await play.events()
        assert event.status == "unhandled"


async def test_without_policy_and_token_nothing_is_judged_and_events_stay_unhandled() -> None:
    async with moderated("reddit", judges=False, has_token=False) as play:
        await play.write("A turnip!")
        now = play.parts.clock.now()
        data = Data(action=Action(kind="approve", target_id="t1_x", target_type="comment"))
        fact = Fact(event_type="moderation.action", object_id="t1_x", data=data, version="1")
        told = finish(fact, platform="reddit", received_at=now)
        await play.store.add(Delivery(platform="reddit", received_at=now, body=b"{}", events=[told]))
        play.parts.worker.wake()
        await play.settled()
        events = await play.events()
        assert [event.status for event in events] == ["unhandled", "unhandled"]
        assert [await play.store.attempts(event.seq) for event in events] == [[], []]
        assert await play.decisions() == []


async def test_with_a_token_and_no_policy_echoes_are_recognised_and_nothing_is_judged() -> None:
    async with moderated("reddit", judges=False) as play:
        thing = await play.write("A turnip!")
        assert play.fake.state_of(thing) == "visible"
        await get_platform("reddit").moderate_comment(thing, "hide")
        await play.settled()
        (action,) = await play.actions()
        assert sorted(line.status for line in await play.store.receipts(action.id)) == ["done", "echo"]
        assert await play.decisions() == []


def test_the_title_of_a_post_is_judged_with_its_text() -> None:
    post = {"id": "p", "title": "A turnip", "caption": "and bread"}
    event = WebhookEvent(event_type="post.created", data={"post": post})  # type: ignore[arg-type]  # a dict is taken too
    assert text_of(event) == "A turnip\nand bread"


def test_the_pipelines_own_name_is_nobody_elses() -> None:
    with pytest.raises(ConfigurationError, match="pipeline's own"):
        Handlers().add(print, ("*",), name=MODERATION)


async def test_a_text_that_comes_late_is_not_judged_where_a_newer_one_is_known() -> None:
    async with moderated("reddit") as play:
        now = play.parts.clock.now()
        events = [
            finish(
                Fact(
                    event_type=f"comment.{kind}",
                    object_id="t1_late",
                    data=Data(comment=Comment(id="t1_late", text=text, author_id="t2_x")),
                    timestamp=now - timedelta(minutes=age),
                    version=None if kind == "created" else "1",
                ),
                platform="reddit",
                received_at=now,
            )
            for kind, text, age in (("updated", "Lovely bread.", 1), ("created", "A turnip!", 2))
        ]
        await play.store.add(Delivery(platform="reddit", received_at=now, body=b"{}", events=events))
        play.parts.worker.wake()
        await play.settled()
        assert await play.decisions() == []


async def test_what_is_recorded_is_enough_to_take_the_decision_again_without_the_text() -> None:
    engine = standards()
    async with moderated("twitter", judge=engine) as play:
        await play.write("A turnip and some rhubarb!")
        (decided,) = await play.decisions()
        assert decided.decision is not None
        decision = read_decision(decided.decision)
        assert engine.engine.explain(decision) == decision
