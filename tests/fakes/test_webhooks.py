"""What a fake sends is accepted by a gateway that is really served, and becomes the events that it should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.fakes.faults import Faults
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.platforms import aliases
from moderation_ai.stores.base import EventFilter
from moderation_ai.web.gateway import Gateway
from tests.fakes.stage import NAMES, Stage, target_of
from tests.kinds import new_store
from tests.web.stage import Served, served

ECHOES = {
    "twitter": {"mute": ("moderation.action", "mute"), "unmute": ("moderation.action", "unmute")},
    "instagram": {},
    "reddit": {
        action: ("moderation.action", kind)
        for action, kind in {
            "hide": "remove",
            "remove": "remove",
            "lock": "lock",
            "unlock": "unlock",
            "ban": "ban",
            "unban": "unban",
            "mute": "mute",
            "unmute": "unmute",
        }.items()
    },
    "youtube": {},
    "tiktok": {"hide": ("moderation.action", "hide"), "unhide": ("moderation.action", "unhide")},
}
TELLS_REPLIES = ("twitter", "instagram", "reddit", "youtube")


class Loop:
    """A fake and a gateway, each on its own port, that hear of one another."""

    def __init__(self, stage: Stage, gateway: Served, store: object) -> None:
        self.stage, self.fake, self.gateway, self.store = stage, stage.fake, gateway, store

    def events(self) -> list[WebhookEvent]:
        """Return what the gateway has stored of all that was sent, oldest first."""
        self.fake.postman.settle()
        found: list[WebhookEvent] = self.gateway.do(self.store.events(EventFilter(), newest_first=False))  # type: ignore[attr-defined]
        return found


@contextmanager
def loop(name: str, faults: Faults | None = None) -> Iterator[Loop]:
    stage = Stage(name, faults=faults)
    credential = Credential(secrets=(stage.fake.secret,))
    store = new_store()
    sources = {name: Source(platform=stage.fake.platform, credential=credential)}
    app = Gateway(Intake(store, sources, aliases=aliases()), clock=stage.clock)
    with served(app, store=store) as gateway, stage.served():
        with stage.fake.push_to(f"http://127.0.0.1:{gateway.port}/webhook/{name}"):
            yield Loop(stage, gateway, store)
        assert all(each.status == 200 for each in stage.fake.postman.sent)


@pytest.mark.parametrize("name", NAMES)
def test_a_comment_that_is_written_there_becomes_an_event_here(name: str) -> None:
    with loop(name) as each:
        thing = each.fake.write("Zu salzig 🧂 — as ever")
        (event,) = each.events()
        assert (event.platform, event.event_type) == (name, "comment.created")
        target = each.fake.platform.target(event)
        assert (target.id, target.post_id, target.author_id) == (thing.id, thing.post_id, thing.author_id)
        assert event.data.comment is not None
        assert event.data.comment.text == thing.text


@pytest.mark.parametrize("name", NAMES)
def test_the_event_leads_to_the_action(name: str) -> None:
    with loop(name) as each:
        each.fake.write("Too salty.")
        (event,) = each.events()
        each.stage.act("hide", each.fake.platform.target(event))
        assert each.fake.count(event.data.comment.id) == 1 if event.data.comment else False


@pytest.mark.parametrize(("name", "action"), [(name, action) for name in NAMES for action in ECHOES[name]])
def test_what_is_done_comes_back_where_the_platform_tells_of_it(name: str, action: str) -> None:
    first = {"unhide": "hide", "unlock": "lock", "unban": "ban", "unmute": "mute"}.get(action)
    with loop(name) as each:
        target = target_of(each.fake.write("Too salty."))
        if first:
            each.stage.act(first, target)
        before = len(each.events())
        each.stage.act(action, target)
        (echo,) = each.events()[before:]
        assert echo.data.action is not None
        assert (echo.event_type, echo.data.action.kind) == ECHOES[name][action]
        about = echo.data.action.target_id, echo.data.action.target_author_id
        by_name = echo.data.action.extra.get("target_author_username")
        assert {target.id, target.author_id, target.author_username} & {*about, by_name}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_comes_back_of_a_hide_that_the_platform_keeps_to_itself(name: str) -> None:
    with loop(name) as each:
        target = target_of(each.fake.write("Too salty."))
        each.stage.act("hide", target)
        each.stage.act("hide", target)
        assert len(each.events()) == 1 + ("hide" in ECHOES[name])


@pytest.mark.parametrize("name", TELLS_REPLIES)
def test_a_reply_of_ours_comes_back_as_a_comment(name: str) -> None:
    with loop(name) as each:
        outcome = each.stage.act("reply", target_of(each.fake.write("Too salty.")))
        echo = each.events()[1]
        assert (echo.event_type, each.fake.platform.target(echo).id) == ("comment.created", outcome.made_id)


@pytest.mark.parametrize("name", NAMES)
def test_a_webhook_that_comes_twice_is_one_event(name: str) -> None:
    with loop(name) as each:
        each.fake.faults.order_webhook("twice")
        each.fake.write("Too salty.")
        assert len(each.events()) == 1
        assert len(each.fake.postman.sent) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_webhook_may_come_late_or_after_the_next(name: str) -> None:
    with loop(name) as each:
        each.fake.faults.order_webhook("late")
        each.fake.faults.order_webhook("out_of_order")
        late, second, third = (each.fake.write(text) for text in ("late", "second", "third"))
        assert [each.fake.platform.target(event).id for event in each.events()] == [third.id, second.id]
        each.fake.postman.release()
        assert each.fake.platform.target(each.events()[2]).id == late.id


def test_what_was_written_before_there_is_a_gateway_is_sent_when_there_is_one() -> None:
    stage = Stage("reddit")
    stage.fake.write("early")
    assert not stage.fake.postman.sent
    with pytest.raises(ConfigurationError, match="this machine alone"), stage.fake.push_to("http://example.org/"):
        pass


def test_a_gateway_that_is_not_there_is_told_of() -> None:
    stage = Stage("reddit")
    with stage.fake.push_to("http://127.0.0.1:1/webhook/reddit"):
        stage.fake.write("Too salty.")
    assert [each.status for each in stage.fake.postman.sent] == [0]
