"""Webhooks are registered, listed and forgotten; they outlive the process in a durable store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.errors import ConfigurationError, UnknownPlatform
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
    assert await handler.engine().parts.store.subscriptions() == [made]
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
    ],
)
async def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await register_webhook(**arguments, store=new_store())
