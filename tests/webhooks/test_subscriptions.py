"""Webhooks are registered, listed and deleted: at the platform where a token is configured, else noted for later."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.errors import ConfigurationError, PlatformError, UnknownPlatform
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.sender import Sender
from moderation_ai.stores.register import Cursor
from moderation_ai.utils import WebhookHandler, delete_webhook, list_webhooks, register_webhook
from tests.kinds import content_of, lasting_store, lasting_url, new_store

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.org/webhook/twitter"


async def test_what_was_registered_is_listed_until_it_is_deleted(tmp_path: Path) -> None:
    store = lasting_url(tmp_path / "w.db")
    made = await register_webhook(platform="twitter", url=URL, secret="s", events=["post.created"], store=store)
    assert (made.platform, made.url, made.events, made.status) == ("twitter", URL, ["post.created"], "registered")
    assert made.created_at is not None
    other = await register_webhook("instagram", "https://hooks.example.org/webhook/instagram", store=store)
    assert [one.id for one in await list_webhooks(platform="twitter", store=store)] == [made.id]
    assert {one.id for one in await list_webhooks(store=store)} == {made.id, other.id}
    assert await delete_webhook(platform="twitter", webhook_id=made.id, store=store) is True
    assert await delete_webhook(platform="twitter", webhook_id=made.id, store=store) is False
    assert await list_webhooks(platform="x", store=store) == []


async def test_the_same_address_again_is_the_same_subscription() -> None:
    store = new_store()
    one, two = [await register_webhook("x", URL, "s", store=store) for _ in range(2)]
    assert one.id == two.id
    three = await register_webhook("x", URL, account="shop", store=store)
    assert three.id != one.id
    assert len(await list_webhooks("twitter", store=store)) == 2


async def test_an_id_belongs_to_its_platform() -> None:
    store = new_store()
    made = await register_webhook("twitter", URL, store=store)
    assert await delete_webhook("instagram", made.id, store=store) is False
    assert len(await list_webhooks(store=store)) == 1


async def test_the_secret_is_not_kept(tmp_path: Path) -> None:
    await register_webhook("twitter", URL, "very secret indeed", store=lasting_url(tmp_path / "w.db"))
    kept = content_of(lasting_store(tmp_path / "w.db"))
    assert URL.encode() in kept
    assert b"very secret indeed" not in kept


async def test_the_current_handlers_store_is_used() -> None:
    handler = WebhookHandler(secret="s", store=new_store())
    made = await register_webhook("twitter", URL)
    assert await handler.runtime().parts.store.subscriptions() == [made]
    assert await list_webhooks() == [made]


async def test_without_a_handler_the_store_that_serves_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODERATION_AI_STORE__URL", raising=False)
    made = await register_webhook("twitter", URL)
    assert (tmp_path / "moderation.db").exists()
    assert await list_webhooks() == [made]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"platform": "nowhere", "url": URL}, UnknownPlatform),
        ({"platform": None, "url": URL}, UnknownPlatform),
        ({"platform": "twitter", "url": "hooks.example.org"}, ConfigurationError),
        ({"platform": "twitter", "url": "ftp://hooks.example.org"}, ConfigurationError),
        ({"platform": "twitter", "url": "https://"}, ConfigurationError),
        ({"platform": "twitter", "url": "https://[bad"}, ConfigurationError),
        ({"platform": "twitter", "url": URL, "secret": ""}, ConfigurationError),
        ({"platform": "twitter", "url": "http://hooks.example.org/webhook/twitter"}, ConfigurationError),
        ({"platform": "twitter", "url": "https://10.0.0.7/webhook/twitter"}, ConfigurationError),
    ],
)
async def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await register_webhook(**arguments, store=new_store())


async def test_without_a_token_it_says_that_the_platform_was_not_told(caplog: pytest.LogCaptureFixture) -> None:
    made = await register_webhook("twitter", URL, "s", store=new_store())
    assert made.status == "registered"
    assert made.reason is not None
    assert "the platform was not told" in made.reason
    assert "platforms.twitter.access_token" in made.reason
    assert made.reason in caplog.text


@pytest.mark.parametrize(("platform", "hint"), [("reddit", "have it polled"), ("generic", "your own sender")])
async def test_a_platform_that_cannot_be_told_at_all_says_what_is_done_instead(platform: str, hint: str) -> None:
    made = await register_webhook(platform, f"https://hooks.example.org/webhook/{platform}", store=new_store())
    assert (made.status, hint in (made.reason or "")) == ("registered", True)


TIKTOK = "https://hooks.example.org/webhook/tiktok"


@pytest.fixture
def tiktok(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Fake, Sender]]:
    """Return TikTok's fake, whose app is configured in the environment, and a sender that asks it."""
    fake = find_fake("tiktok", times=1000)
    monkeypatch.setenv("MODERATION_AI_PLATFORMS__TIKTOK__CLIENT_ID", fake.client.id)
    monkeypatch.setenv("MODERATION_AI_PLATFORMS__TIKTOK__CLIENT_SECRET", fake.client.secret)
    with fake.serve() as served:
        yield fake, served.sender(timeout=60)


async def test_the_platform_is_told_and_says_what_it_has(tiktok: tuple[Fake, Sender]) -> None:
    fake, sender = tiktok
    store = new_store()
    made = await register_webhook("tiktok", TIKTOK, store=store, sender=sender)
    assert (made.status, made.url, made.ours) == ("active", TIKTOK, True)
    assert fake.count() > 0
    assert made.id in {each.id for each in await list_webhooks("tiktok", store=store, sender=sender)}
    changes = fake.count()
    again = await register_webhook("tiktok", TIKTOK, store=store, sender=sender)
    assert (again.id, fake.count()) == (made.id, changes)
    for each in await list_webhooks("tiktok", store=store, sender=sender):
        assert await delete_webhook("tiktok", each.id, store=store, sender=sender) is True
    assert await list_webhooks("tiktok", store=store, sender=sender) == []


async def test_the_current_handler_speaks_with_its_own_sender(tiktok: tuple[Fake, Sender]) -> None:
    fake, sender = tiktok
    handler = WebhookHandler(secret="s", store=new_store(), sender=sender)
    made = await register_webhook("tiktok", TIKTOK, "s")
    assert made.status == "active"
    assert made in await handler.runtime().parts.store.subscriptions()
    assert fake.count() > 0


async def test_what_is_there_and_nobody_registered_here_is_shown_as_not_ours(tiktok: tuple[Fake, Sender]) -> None:
    _, sender = tiktok
    await register_webhook("tiktok", TIKTOK, store=new_store(), sender=sender)
    other = new_store()
    found = await list_webhooks("tiktok", store=other, sender=sender)
    assert {(each.url, each.ours) for each in found} == {(TIKTOK, False)}
    await other.open()
    assert await other.subscriptions() == []


async def test_a_platform_that_does_not_answer_is_told_in_the_log(
    tiktok: tuple[Fake, Sender], caplog: pytest.LogCaptureFixture
) -> None:
    fake, sender = tiktok
    store = new_store()
    made = await register_webhook("tiktok", TIKTOK, store=store, sender=sender)
    fake.faults.order("fails", None)
    listed = await list_webhooks("tiktok", store=store, sender=sender)
    assert made.id in {each.id for each in listed}
    assert "does not tell what it has" in caplog.text


async def test_what_the_platform_refuses_is_an_error_and_leaves_nothing(
    tiktok: tuple[Fake, Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sender = tiktok
    monkeypatch.setenv("MODERATION_AI_PLATFORMS__TIKTOK__CLIENT_SECRET", "wrong")
    store = new_store()
    with pytest.raises(PlatformError):
        await register_webhook("tiktok", TIKTOK, store=store, sender=sender)
    assert await store.subscriptions() == []


async def test_an_account_that_is_not_configured_is_told(
    tiktok: tuple[Fake, Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODERATION_AI_PLATFORMS__TIKTOK__ACCOUNTS__SHOP__ID", "77")
    with pytest.raises(ConfigurationError, match="configured are shop"):
        await register_webhook("tiktok", TIKTOK, account="sohp", store=new_store(), sender=tiktok[1])


async def test_a_secret_by_which_nothing_is_verified_is_told(
    tiktok: tuple[Fake, Sender], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await register_webhook("tiktok", TIKTOK, "another", store=new_store(), sender=tiktok[1])
    assert "platforms.tiktok.secrets" in caplog.text
    assert "another" not in caplog.text


async def test_what_is_polled_stands_for_a_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_AI_PLATFORMS__REDDIT__ACCESS_TOKEN", "t")
    store = new_store()
    await store.open()
    now = datetime.now(UTC)
    for feed, next_at in (("comments:python", now), ("comments:old", now - timedelta(days=2))):
        await store.save_cursor(Cursor(platform="reddit", account="", feed=feed, polled_at=now, next_at=next_at))
    (found,) = await list_webhooks("reddit", store=store)
    assert (found.id, found.status, found.verified_at) == ("poll:comments:python", "polled", now)
    assert await list_webhooks("twitter", store=store) == []
    with pytest.raises(ConfigurationError, match=r"platforms\.reddit\.watch"):
        await delete_webhook("reddit", found.id, store=store)


async def test_an_address_whose_place_is_taken_is_named(
    tiktok: tuple[Fake, Sender], caplog: pytest.LogCaptureFixture
) -> None:
    _, sender = tiktok
    store = new_store()
    await register_webhook("tiktok", TIKTOK, store=store, sender=sender)
    assert "takes the place" not in caplog.text
    moved = await register_webhook("tiktok", TIKTOK.replace("hooks", "new"), store=store, sender=sender)
    assert f"takes the place of {TIKTOK}" in caplog.text
    assert [each.id for each in await list_webhooks("tiktok", store=store, sender=sender)] == [moved.id]
