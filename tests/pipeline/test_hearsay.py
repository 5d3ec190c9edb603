"""What the generic address is told of a platform that has an address of its own changes nothing there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from moderation_ai.core.access import Access
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Session
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source, closed
from moderation_ai.pipeline.handling.handlers import Handlers
from moderation_ai.platforms import find_platform
from tests.pipeline.moderated import Moderated, moderated

pytestmark = pytest.mark.anyio

SECRET = "the secret of a bridge"


async def carry(play: Moderated, kind: str, data: dict[str, Any], *, platform: str = "instagram") -> None:
    """Post an envelope to the generic address, as a sender that has its secret may."""
    generic = find_platform("generic")
    play.parts.intake.sources["generic"] = Source(platform=generic, credential=Credential(secrets=(SECRET,)))
    body = json.dumps({"event_type": kind, "platform": platform, "data": data}).encode()
    now = play.parts.clock.now()
    request = Request(body=body, headers=Headers.of(generic.sign(body, SECRET, now)), received_at=now)
    assert (await play.parts.intake.receive(request, "generic")).status == 200
    await play.settled()


async def test_a_comment_that_a_bridge_tells_of_is_not_hidden_with_the_platforms_token() -> None:
    told: list[tuple[str, str]] = []
    handlers = Handlers()

    async def note(event: WebhookEvent) -> None:
        told.append((event.platform, event.event_type))

    handlers.add(note, ("*",))
    async with moderated("instagram", handlers=handlers) as play:
        good = await play.write("Lovely bread.")
        await carry(play, "comment.updated", {"comment": {"id": good, "text": "A turnip!"}})
        assert play.fake.state_of(good) == "visible"
        assert await play.decisions() == []
        assert told[-1] == ("instagram", "comment.updated")


async def test_what_a_bridge_tells_of_a_moderator_overrules_nothing() -> None:
    async with moderated("instagram") as play:
        bad = await play.write("A turnip!")
        before = await play.decisions()
        await carry(play, "moderation.action", {"action": {"kind": "approve", "target_id": bad}})
        assert await play.decisions() == before


async def test_a_bridge_keeps_nothing_from_being_judged_that_is_yet_to_come() -> None:
    async with moderated("instagram") as play:
        one, two = [int(await play.write("Lovely bread.")) for _ in range(2)]
        coming = str(two + two - one)
        await carry(play, "comment.deleted", {"comment_id": coming})
        late = "2099-01-01T00:00:00Z"
        await carry(play, "comment.updated", {"comment": {"id": coming, "text": "Fine.", "updated_at": late}})
        bad = await play.write("A turnip!")
        assert (bad, play.fake.state_of(bad)) == (coming, "hidden")


async def test_a_place_without_an_address_of_its_own_is_told_of_as_before() -> None:
    async with moderated("instagram") as play:
        await carry(play, "comment.created", {"comment": {"id": "7", "text": "A turnip!"}}, platform="forum")
        (decided,) = await play.decisions()
        assert (decided.platform, decided.verdict) == ("forum", "hide")


def test_a_platform_that_takes_generic_signatures_is_open_and_one_that_is_only_acted_on_is_closed() -> None:
    source = Source(platform=find_platform("instagram"), credential=Credential(secrets=("a secret",)))
    opened = replace(source, credential=replace(source.credential, generic=True))
    access = Access(platform=find_platform("reddit"), session=Session(access_token="t"))
    assert closed([source], [access]) == {"instagram", "reddit"}
    assert closed([opened], [access]) == {"reddit"}
