"""Registering webhooks: which platform is to send what, and where; told to the platform, and kept in the register."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from moderation_ai.config import DEFAULT_STORE_URL, ServerSettings, load_platforms, load_variable, sites_of
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.sites import Site
from moderation_ai.core.subscribing import PENDING, Subscription
from moderation_ai.pipeline.clock import SystemClock
from moderation_ai.pipeline.subscribing.registering import delete_one, list_all, register_all
from moderation_ai.pipeline.subscribing.subscriber import Subscriber
from moderation_ai.platforms import find_platform
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store
from moderation_ai.webhooks.choosing import choose_store
from moderation_ai.webhooks.handler import WebhookHandler
from moderation_ai.webhooks.parts import credentials_here

logger = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Subscriber], Awaitable[T]]


async def register_webhook(
    platform: str,
    url: str,
    secret: str | None = None,
    *,
    events: Sequence[str] = (),
    account: str | None = None,
    topic: str | None = None,
    store: str | Store | None = None,
    sender: Sender | None = None,
) -> Subscription:
    """Have ``platform`` post to ``url``, and return the subscription as it stands then.

    It is asked by its API where a token for that is configured (``MODERATION_AI_PLATFORMS__X__ACCESS_TOKEN``); else the
    address is only noted, with the status ``registered`` and the reason why the platform was not told. The same address
    again is the same subscription. A hub of topics (YouTube, Medium) is asked for ``topic``, else for the configured
    ones, of which the first is returned; it signs with ``secret``, else with the newest one. No secret is kept here:
    it belongs into the settings, or into the ``WebhookHandler`` that is to verify with it.

    Raises ``UnknownPlatform``, ``ConfigurationError`` for what makes no sense, ``PlatformError`` and
    ``UnsupportedAction`` for what the platform refuses, and ``StoreError``.
    """
    known = find_platform(platform)
    if secret is not None and not secret:
        raise ConfigurationError("the secret is empty")

    async def register(subscriber: Subscriber) -> Subscription:
        topics = () if topic is None else (topic,)
        made = await register_all(subscriber, known, url, account=account, topics=topics, events=events, secret=secret)
        for each in made:
            if each.status == PENDING and each.reason:
                logger.warning("%s is asked again later to post to %s: %s", known.name, url, each.reason)
        return made[0]

    return await _with_subscriber(store, sender, register)


async def list_webhooks(
    platform: str | None = None, *, store: str | Store | None = None, sender: Sender | None = None
) -> list[Subscription]:
    """Return the webhooks of one platform or of all, as the platforms that can be asked have them.

    What nobody registered here stands among them with ``ours`` false. A platform that does not answer is told in the
    log, and what is known of it is as it was.
    """
    name = find_platform(platform).name if platform is not None else None
    return await _with_subscriber(store, sender, lambda subscriber: list_all(subscriber, name))


async def delete_webhook(
    platform: str, webhook_id: str, *, store: str | Store | None = None, sender: Sender | None = None
) -> bool:
    """Have a webhook end, at the platform too where it was told; return whether there was one of that id.

    A hub asks back before it ends: until then its status is ``leaving``. Raises as ``register_webhook`` does.
    """
    name = find_platform(platform).name
    return await _with_subscriber(store, sender, lambda subscriber: delete_one(subscriber, name, webhook_id))


async def _with_subscriber(given: str | Store | None, sender: Sender | None, work: Work[T]) -> T:
    """Do ``work`` with the store that was given, else the current handler's, else the one that serves."""
    handler = WebhookHandler.current() if WebhookHandler.has_current() else None
    if given is None and handler is not None and sender is None:
        return await handler.runtime().run(_within(handler, work))
    store = handler.runtime().parts.store if given is None and handler is not None else None
    store = store or choose_store(given, fallback=DEFAULT_STORE_URL)
    sender = sender or (handler.sender if handler is not None else None)
    await store.open()
    try:
        sites, clock, keys = _sites(handler), SystemClock(), load_variable("credentials.keys") or ()
        credentials = credentials_here(store, [each.access for each in sites], clock, keys=keys, sender=sender)
        try:
            return await work(Subscriber(store, sites, clock, sender=sender, tokens=credentials))
        finally:
            await credentials.stop()
    finally:
        if isinstance(given, str) or (given is None and handler is None):
            await store.close()


async def _within(handler: WebhookHandler, work: Work[T]) -> T:
    """Do ``work`` on the handler's own loop, with its parts."""
    parts = handler.runtime().parts
    await parts.store.open()
    return await work(parts.subscriber)


def _sites(handler: WebhookHandler | None) -> list[Site]:
    if handler is not None:
        return handler.sites()
    return sites_of(load_platforms(), ServerSettings(public_url=load_variable("server.public_url")))
