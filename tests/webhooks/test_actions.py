"""``get_platform`` and ``hide_comment``: what a handler does about a comment, and what it is told of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import to_builtins

from moderation_ai import get_platform, hide_comment
from moderation_ai.core.errors import ConfigurationError, ModerationError, UnknownPlatform, UnsupportedAction
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.platform import Platform
from moderation_ai.core.subjects import Comment
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.fakes.things import Thing
from moderation_ai.pipeline.accounts import Account, Receipt
from moderation_ai.sender import Sender
from moderation_ai.utils import WebhookHandler
from tests.kinds import new_store
from tests.webhooks.events import made

pytestmark = pytest.mark.anyio


class Capable(Platform):
    name = "capable"
    actions = ("hide", "unhide")


async def test_an_action_that_the_platform_has_is_not_called_done_before_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        receipt = await Account(Capable()).moderate_comment("c1", "hide")
    assert (receipt.platform, receipt.action, receipt.target_id, receipt.status) == (
        "capable",
        "hide",
        "c1",
        "not_sent",
    )
    assert receipt.reason
    assert "hide of c1 on capable was not sent" in caplog.text


async def test_an_action_that_the_platform_lacks_is_refused_with_what_it_has() -> None:
    with pytest.raises(UnsupportedAction) as caught:
        await Account(Capable()).moderate_comment("c1", "remove")
    assert caught.value.alternatives == ("hide", "unhide")


async def test_a_flag_is_for_us_alone() -> None:
    receipt = await Account(Capable()).moderate_comment("c1", "flag")
    assert receipt.status == "not_needed"


async def test_platforms_are_found_by_name_and_alias() -> None:
    assert get_platform("X").name == get_platform("twitter").name == "twitter"
    for name in ("nowhere", "", None):
        with pytest.raises(UnknownPlatform):
            get_platform(name)  # type: ignore[arg-type]  # what a caller may do wrong


@pytest.mark.parametrize("kind", ["async", "plain"])
@pytest.mark.parametrize("what", ["the event", "its data", "its comment", "its id"])
async def test_in_a_handler_the_platform_is_the_events(kind: str, what: str) -> None:
    handler = WebhookHandler(store=new_store())
    told: list[str] = []

    def meant(event: WebhookEvent) -> Any:
        forms = {"the event": event, "its data": event.data, "its comment": event.data.comment, "its id": "c1"}
        return forms[what]

    if kind == "async":

        @handler.on("*")
        async def hide(event: WebhookEvent) -> None:
            told.append(str(await _tried(meant(event))))

    else:

        @handler.on("*")
        def hide_too(event: WebhookEvent) -> Any:
            return _note(told, meant(event))

    await handler.handle(made(platform="instagram"))
    assert len(told) == 1
    assert "instagram" in told[0]


async def _note(told: list[str], comment: Any) -> None:
    told.append(str(await _tried(comment)))


async def _tried(comment: Any) -> Any:
    """Return the receipt, or the error that says which platform was asked."""
    try:
        return await hide_comment(comment)
    except UnsupportedAction as error:
        return error


@pytest.mark.parametrize("comment", [Comment(id="c1"), "c1", made().data])
async def test_outside_a_handler_the_platform_has_to_be_named(comment: Any) -> None:
    with pytest.raises(ConfigurationError, match="platform="):
        await hide_comment(comment)
    with pytest.raises(UnknownPlatform):
        await hide_comment(comment, platform="nowhere")
    with pytest.raises(UnsupportedAction, match="generic cannot hide"):
        await hide_comment(comment, platform="generic")


async def test_an_event_says_itself_where_it_is_from() -> None:
    with pytest.raises(UnsupportedAction, match="generic cannot hide"):
        await hide_comment(made())


@pytest.mark.parametrize(
    "comment",
    [
        WebhookEvent(event_type="post.created", data={"post": {"id": "p"}}),
        WebhookEvent(event_type="comment.deleted", data={"comment_id": "c"}),
        WebhookEvent(),
        Comment(),
        None,
        "",
        object(),
    ],
    ids=["a post", "a deletion", "nothing known", "no id", "none", "no text", "no comment"],
)
async def test_what_names_no_comment_is_refused(comment: Any) -> None:
    with pytest.raises(ModerationError, match="no comment"):
        await hide_comment(comment, platform="generic")


@pytest.fixture
def x(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Fake, Sender]]:
    """X's fake, with its token where a handler looks for it, and what reaches it."""
    fake = find_fake("x", times=1000)
    monkeypatch.setenv("MODERATION_AI_PLATFORMS__TWITTER__ACCESS_TOKEN", fake.session.access_token)
    with fake.serve() as served:
        yield fake, served.sender(timeout=60)


async def test_a_handler_that_hides_is_told_that_it_is_done(x: tuple[Fake, Sender]) -> None:
    fake, sender = x
    handler = WebhookHandler(store=new_store(), sender=sender)
    thing = fake.write("Too salty.")
    told: list[Receipt] = []

    @handler.on("comment.created")
    async def hide(event: WebhookEvent) -> None:
        told.append(await hide_comment(event))

    await handler.handle(_written(thing))
    assert [(each.status, each.target_id) for each in told] == [("done", thing.id)]
    assert fake.state_of(thing.id) == "hidden"


async def test_a_handler_that_runs_again_hides_nothing_again(x: tuple[Fake, Sender]) -> None:
    fake, sender = x
    handler = WebhookHandler(store=new_store(), sender=sender)
    thing = fake.write("Too salty.")
    told: list[str] = []

    @handler.on("comment.created")
    async def hide(event: WebhookEvent) -> None:
        told.append((await get_platform("x").moderate_comment(event.data.id, "hide")).status)

    for _ in range(2):
        await handler.handle(_written(thing))
    assert told == ["done", "done"]
    assert [asked.call for asked in fake.calls if asked.call != "me"] == ["hide"]


async def test_who_changes_their_mind_outside_a_handler_is_heard(x: tuple[Fake, Sender]) -> None:
    fake, sender = x
    handler = WebhookHandler(store=new_store(), sender=sender)
    thing = fake.write("Too salty.")
    await handler.handle(_written(thing))
    for action, state in (("hide", "hidden"), ("unhide", "visible"), ("hide", "hidden"), ("hide", "hidden")):
        receipt = await get_platform("x").moderate_comment(thing.id, action)
        assert (receipt.status, fake.state_of(thing.id)) == ("done", state)
    assert len([asked for asked in fake.calls if asked.call == "hide"]) == 3


async def test_what_cannot_be_sent_now_is_pending_and_not_forgotten(x: tuple[Fake, Sender]) -> None:
    fake, sender = x
    fake.faults.order("limited", "hide")
    store = new_store()
    handler = WebhookHandler(store=store, sender=sender)
    thing = fake.write("Too salty.")
    await handler.handle(_written(thing))
    receipt = await get_platform("x").moderate_comment(thing.id, "hide")
    assert receipt.status == "pending"
    assert receipt.reason is not None
    (outbox,) = await store.outboxes()
    assert outbox.open == 1


def _written(thing: Thing) -> WebhookEvent:
    comment = Comment(id=thing.id, post_id=thing.post_id, author_id=thing.author_id, text=thing.text)
    return WebhookEvent(event_type="comment.created", platform="twitter", data={"comment": to_builtins(comment)})
