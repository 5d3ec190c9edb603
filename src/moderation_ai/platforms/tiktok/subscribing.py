"""How TikTok is told to post to us: the app has one address for each kind of event, for all of its accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from moderation_ai.core.api import at
from moderation_ai.core.content import as_text
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.subscribing import ACTIVE, INVALID, Subscribes, Subscription, Wish
from moderation_ai.platforms.tiktok.calls import API, WEBHOOK_CALLS, WEBHOOKS

_GONE = "TikTok does not list it any more: register it again"


class TikTokSubscribes(Subscribes):
    """Subscribe at TikTok with the app's id and secret; no account's token is asked for."""

    api = API
    subscribe = True
    subscribe_needs = ("client_id", "client_secret")
    one_address = True
    subscribing = tuple(call.name for call in WEBHOOK_CALLS)
    pushes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "COMMENT": ("comment.created", "comment.deleted", "moderation.action"),
        "BRAND_MENTION": ("mention.created",),
        "VIDEO": ("post.created", "post.deleted"),
    }
    usual = ("COMMENT", "BRAND_MENTION")

    def registered(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Return each address that the app has for some kind, with the kinds that are posted there."""
        by_url: dict[str, list[str]] = {}
        for kind in WEBHOOKS:
            url = yield from self._address_of(kind, client)
            if url:
                by_url.setdefault(url, []).append(kind)
        return tuple(_subscription(url, kinds, wish) for url, kinds in by_url.items())

    def register(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Have our address stand for every kind that is wanted, in the place of any other."""
        for kind in self.events_of(wish):
            if (yield from self._address_of(kind, client)) != wish.url:
                yield from self.api.ask("set_webhook", {**_app(kind, client), "callback_url": wish.url})
        found = yield from self.registered(wish, session, client)
        return tuple(each for each in found if each.url == wish.url)

    def renew(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[Subscription]:
        """Set the address again where it does not stand any more; TikTok never asks it."""
        found = yield from self.register(replace(wish, url=known.url), session, client)
        return found[0] if found else replace(known, status=INVALID, reason=_GONE)

    def unregister(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[None]:
        """Delete the kinds that are posted there, for all accounts of the app."""
        for kind in WEBHOOKS:
            if (yield from self._address_of(kind, client)) == known.url:
                yield from self.api.ask("delete_webhook", _app(kind, client))

    def _address_of(self, kind: str, client: Client) -> Flow[str | None]:
        reading = yield from self.api.ask("webhooks", _app(kind, client))
        return as_text(at(reading.body, "data.callback_url")) or None


def _app(kind: str, client: Client) -> dict[str, Any]:
    return {"app_id": client.id, "secret": client.secret, "event_type": kind}


def _subscription(url: str, kinds: list[str], wish: Wish) -> Subscription:
    return Subscription(
        id=replace(wish, url=url).id,
        url=url,
        platform=wish.platform,
        account=wish.account,
        events=kinds,
        status=ACTIVE,
    )
