"""Registering webhooks: which platform is to send what, and where; kept in the store's register."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from moderation_ai.config import DEFAULT_STORE_URL
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.subscribing import Subscription
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import Store
from moderation_ai.webhooks.choosing import choose_store
from moderation_ai.webhooks.handler import WebhookHandler

T = TypeVar("T")


async def register_webhook(
    platform: str,
    url: str,
    secret: str | None = None,
    *,
    events: Sequence[str] = (),
    account: str | None = None,
    store: str | Store | None = None,
) -> Subscription:
    """Note that ``platform`` is to post to ``url``, and return the subscription with its id.

    The same address again is the same subscription. The secret is not kept here: it belongs into the settings, or
    into the ``WebhookHandler`` that is to verify with it. Raises ``UnknownPlatform`` and ``ConfigurationError``.
    """
    name = find_platform(platform).name
    _check_url(url)
    if secret is not None and not secret:
        raise ConfigurationError("the secret is empty")

    async def register(opened: Store) -> Subscription:
        for known in await opened.subscriptions(name):
            if known.url == url and known.account == account:
                return known
        made = Subscription(
            id="wh_" + secrets.token_hex(8),
            url=url,
            platform=name,
            account=account,
            events=list(events),
            created_at=datetime.now(UTC),
        )
        await opened.save_subscription(made)
        return made

    return await _with_store(store, register)


async def list_webhooks(platform: str | None = None, *, store: str | Store | None = None) -> list[Subscription]:
    """Return the webhooks that are registered, of one platform or of all."""
    name = find_platform(platform).name if platform is not None else None
    return await _with_store(store, lambda opened: opened.subscriptions(name))


async def delete_webhook(platform: str, webhook_id: str, *, store: str | Store | None = None) -> bool:
    """Forget a webhook; return whether there was one of that id."""
    name = find_platform(platform).name
    return await _with_store(store, lambda opened: opened.delete_subscription(name, webhook_id))


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigurationError(f"{url!r} is no address that a platform could post to: write https://…")


async def _with_store(given: str | Store | None, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do ``work`` with the store that was given, else the current handler's, else the one that serves."""
    if given is None and WebhookHandler.has_current():
        parts = await _opened(WebhookHandler.current())
        return await work(parts)
    store = choose_store(given, fallback=DEFAULT_STORE_URL)
    await store.open()
    try:
        return await work(store)
    finally:
        if given is None or isinstance(given, str):
            await store.close()


async def _opened(handler: WebhookHandler) -> Store:
    store = handler.engine().parts.store
    await store.open()
    return store
