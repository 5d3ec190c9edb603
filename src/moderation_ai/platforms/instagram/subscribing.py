"""How Meta is told to post to us: the app has one address for all of Instagram, and each account installs the app."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from msgspec.structs import replace

from moderation_ai.core.api import at
from moderation_ai.core.content import as_dict, as_id, as_list, as_text
from moderation_ai.core.errors import ContentGone, UnsupportedAction
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.subscribing import ACTIVE, INVALID, Subscribes, Subscription, Wish
from moderation_ai.platforms.instagram.calls import API
from moderation_ai.platforms.instagram.hosts import BY_FACEBOOK, BY_INSTAGRAM
from moderation_ai.platforms.instagram.webhook_calls import WEBHOOK_CALLS

_OF_ACCOUNTS = ("comments", "live_comments")
"""What an account that logged in with Instagram installs the app for; mentions come with them, or by a Page."""
_OF_PAGES = "feed"
"""What a Page installs the app for, so that its Instagram account is told of: any field will do."""
_NOT_ACTIVE = "Meta has switched it off: register it again"
_NOT_INSTALLED = "the account has not installed the app, so Meta posts nothing of it"

Json = dict[str, Any]


class InstagramSubscribes(Subscribes):
    """Subscribe at Meta: the app's address with its id and secret, each account with its own token."""

    api = API
    subscribe = True
    subscribe_needs = ("access_token", "client_id", "client_secret")
    one_address = True
    subscribing = tuple(call.name for call in WEBHOOK_CALLS)
    pushes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "comments": ("comment.created",),
        "live_comments": ("comment.created",),
        "mentions": ("mention.created",),
    }
    usual = tuple(pushes)

    def registered(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Return the app's address for Instagram, if it has one, and whether the account installed the app."""
        app = yield from self._app(client)
        if app is None:
            return ()
        is_installed = yield from self._is_installed(session, client)
        return (_subscription(app, wish, is_installed=is_installed),)

    def register(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Have the app's address be ours, for all that is wanted, and the account install the app.

        An app has one address: ours takes the place of another. Raises ``UnsupportedAction`` without a verify token.
        """
        wanted, app = self.events_of(wish), (yield from self._app(client))
        has_all = app is not None and app.get("callback_url") == wish.url and app.get("active") is True
        if not has_all or not set(wanted) <= set(_fields(app)):
            yield from self._subscribe(wish, {*wanted, *(_fields(app) if has_all else ())}, client)
        if not (yield from self._is_installed(session, client)):
            fields = _OF_PAGES if session.page_id else ",".join(_OF_ACCOUNTS)
            yield from self.api.ask("install", {**_asset(session), "subscribed_fields": fields}, session)
        return (yield from self.registered(wish, session, client))

    def renew(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[Subscription]:
        """Have Meta ask the address again, and return how it stands then."""
        yield from self._subscribe(wish, {*known.events, *self.events_of(wish)}, client)
        found = yield from self.register(wish, session, client)
        return found[0] if found else replace(known, status=INVALID, reason=_NOT_ACTIVE)

    def unregister(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[None]:
        """Have the account uninstall the app; the app's address goes where no account is named and it is ours still."""
        with suppress(ContentGone):  # It is not installed, or its Page is gone.
            yield from self.api.ask("uninstall", _asset(session), session)
        app = (yield from self._app(client)) if known.account is None else None
        if app is not None and app.get("callback_url") == known.url:
            yield from self.api.ask("unsubscribe_app", {"app_id": client.id}, None, client)

    def _app(self, client: Client) -> Flow[Json | None]:
        reading = yield from self.api.ask("app_subscriptions", {"app_id": client.id}, None, client)
        found = map(as_dict, as_list(at(reading.body, "data")))
        return next((each for each in found if each.get("object") == "instagram" and each.get("callback_url")), None)

    def _subscribe(self, wish: Wish, fields: set[str], client: Client) -> Flow[None]:
        if not wish.verify_token:
            raise UnsupportedAction("Meta asks the address with a token that we agree on: configure verify_token")
        ours = ",".join(each for each in self.pushes if each in fields)
        values = {
            "app_id": client.id,
            "callback_url": wish.url,
            "fields": ours,
            "verify_token": wish.verify_token,
        }
        yield from self.api.ask("subscribe_app", values, None, client)

    def _is_installed(self, session: Session, client: Client) -> Flow[bool]:
        reading = yield from self.api.ask("installed", _asset(session), session)
        ids = [as_id(at(each, "id")) for each in as_list(at(reading.body, "data"))]
        # A Page shows all of its apps; with Instagram Login ours may have another id than at Facebook.
        return client.id in ids if session.page_id else bool(ids)


def _asset(session: Session) -> Json:
    if session.page_id:
        return {"host": BY_FACEBOOK, "asset": session.page_id}
    return {"host": BY_INSTAGRAM, "asset": "me"}


def _fields(app: Json | None) -> tuple[str, ...]:
    names = (as_text(at(each, "name")) for each in as_list((app or {}).get("fields")))
    return tuple(each for each in names if each)


def _subscription(app: Json, wish: Wish, *, is_installed: bool) -> Subscription:
    reason = _NOT_ACTIVE if app.get("active") is not True else None if is_installed else _NOT_INSTALLED
    there = replace(wish, url=str(app["callback_url"]))
    return Subscription(
        id=there.id,
        url=there.url,
        platform=wish.platform,
        account=wish.account,
        events=sorted(_fields(app)) if is_installed else [],
        status=INVALID if reason else ACTIVE,
        reason=reason,
    )
