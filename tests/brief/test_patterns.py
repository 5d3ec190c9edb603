"""The brief's patterns that act, as they stand, in the whole loop: a comment at the platform's fake, and what is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from moderation_ai import get_platform, hide_comment, standards_engine
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.utils import WebhookHandler
from tests.blocks import run_block
from tests.kinds import ANY, KINDS, new_store

pytestmark = pytest.mark.anyio

BLOCKS = Path(__file__).parent / "blocks"
SPAM = "DM me on telegram, check my profile, click the link in bio"
HIDDEN = ("hidden", "removed")
PLACES = [(name, ANY) for name in ("twitter", "instagram", "reddit", "youtube", "tiktok")] + [
    ("twitter", kind) for kind in KINDS if kind != ANY
]


@asynccontextmanager
async def pattern(
    block: str, name: str, kind: str, monkeypatch: pytest.MonkeyPatch, fake: Fake
) -> AsyncIterator[WebhookHandler]:
    """Serve a handler with a block's function, to a fake whose token is where a handler looks for it."""
    above = f"MODERATION_AI_PLATFORMS__{name.upper()}__ACCOUNTS__MAIN"
    monkeypatch.setenv(f"{above}__ID", fake.account)
    monkeypatch.setenv(f"{above}__ACCESS_TOKEN", fake.session.access_token)
    with fake.serve() as served:
        handler = WebhookHandler(secret=fake.secret, store=new_store(kind), sender=served.sender(timeout=60))
        names = {
            "handler": handler,
            "standards_engine": standards_engine,
            "get_platform": get_platform,
            "hide_comment": hide_comment,
        }
        await run_block((BLOCKS / block).read_text(encoding="utf-8"), names, block)
        ready = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(handler.start(port=0, host="127.0.0.1", ready=ready.set_result))
        await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
        try:
            async with fake.push_to(f"{ready.result()['gateway']}/webhook/{name}"):
                yield handler
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize(("name", "kind"), PLACES)
async def test_pattern_1_hides_what_the_standards_engine_wants_hidden(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = find_fake(name, times=1000)
    async with pattern("15_pattern_1_real_time_moderation.py", name, kind, monkeypatch, fake):
        insult, praise = fake.write("You are a worthless idiot."), fake.write("What a lovely garden!")
        spam = fake.write(SPAM)
        await asyncio.to_thread(fake.wait_until, lambda: fake.count() > 0, 60)
    assert fake.state_of(spam.id) in HIDDEN
    assert {fake.state_of(insult.id), fake.state_of(praise.id)} == {"visible"}
    assert fake.count() == fake.count(spam.id) == 1


# TikTok's webhooks name no authors.
@pytest.mark.parametrize(("name", "kind"), [place for place in PLACES if place[0] != "tiktok"])
async def test_pattern_4_hides_what_certain_authors_write(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = find_fake(name, times=1000)
    async with pattern("18_pattern_4_conditional_processing.py", name, kind, monkeypatch, fake):
        praise = fake.write("What a lovely garden!")
        spam = fake.write("What a lovely garden!!", author_username="spammer2")
        await asyncio.to_thread(fake.wait_until, lambda: fake.count() > 0, 60)
    assert fake.state_of(spam.id) in HIDDEN
    assert fake.state_of(praise.id) == "visible"
    assert fake.count() == fake.count(spam.id) == 1
