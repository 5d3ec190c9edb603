"""How X is told to post to us: a webhook of the app, and what is subscribed to it for each account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from msgspec.structs import replace

from moderation_ai.core.api import Reading, at
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time
from moderation_ai.core.errors import ContentGone, PlatformError
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.subscribing import ACTIVE, INVALID, Subscribes, Subscription, Wish
from moderation_ai.platforms.twitter import account_activity
from moderation_ai.platforms.twitter.activity import KINDS
from moderation_ai.platforms.twitter.calls import API
from moderation_ai.platforms.twitter.webhook_calls import PRIVATE, PUBLIC, WEBHOOK_CALLS

ACCOUNT_ACTIVITY = "account_activity"
"""What the older API is called here: it has one subscription for all that happens to an account."""
_NOT_VALID = "X got no right answer when it checked the address, and posts nothing until a check succeeds"
_NOTHING = "nothing is subscribed there for this account, so X posts nothing of it"

Json = dict[str, Any]
T = TypeVar("T")


class TwitterSubscribes(Subscribes):
    """Subscribe at X: register the webhook as the app, and private events with the account's own token."""

    api = API
    subscribe = True
    subscribe_needs = ("access_token", "app_token")
    subscribing = (*(call.name for call in WEBHOOK_CALLS), "me")
    pushes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **{event: (KINDS[event],) for event in (*PRIVATE, *PUBLIC)},
        ACCOUNT_ACTIVITY: tuple(account_activity.KINDS),
    }
    usual = ("post.reply.create", "post.mention.create")

    def registered(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Return the app's webhooks, each with what is subscribed to it for the account.

        What the older API has is asked where the wish names it, or nothing else is there: not every plan may.
        """
        with_older = ACCOUNT_ACTIVITY in self.events_of(wish)
        me = yield from self._whose(wish, session)
        webhooks = yield from self._webhooks(client)
        if not webhooks:
            return ()
        subscribed = yield from self._if_told(self._subscribed(client), [])
        found = []
        for webhook in webhooks:
            ours = [each for each in subscribed if _is_of(each, webhook, me)]
            events = [str(each.get("event_type")) for each in ours]
            if with_older or not events:
                accounts = yield from self._if_told(self._accounts_of(_id(webhook), client), set())
                events += [ACCOUNT_ACTIVITY] * (me in accounts)
            found.append(_subscription(webhook, events, wish, me))
        return tuple(found)

    def register(self, wish: Wish, session: Session, client: Client) -> Flow[tuple[Subscription, ...]]:
        """Have a valid webhook at the address, and everything that is wanted subscribed to it.

        What was subscribed to another webhook of the app is moved here: X has one place for an account's event.
        """
        wanted = self.events_of(wish)
        me = yield from self._whose(wish, session)
        webhook_id = yield from self._webhook_at(wish.url, client)
        events = [each for each in wanted if each != ACCOUNT_ACTIVITY]
        subscribed = (yield from self._subscribed(client)) if events else []
        for event in events:
            yield from self._subscribe(event, me, webhook_id, subscribed, session, client)
        if ACCOUNT_ACTIVITY in wanted and me not in (yield from self._accounts_of(webhook_id, client)):
            yield from self.api.ask("subscribe_account", {"webhook_id": webhook_id}, session, client)
        found = yield from self.registered(wish, session, client)
        return tuple(each for each in found if each.url == wish.url)

    def renew(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[Subscription]:
        """Have X check the address again; raise ``PlatformError`` where it got no right answer."""
        reading = yield from self.api.ask("check_webhook", {"webhook_id": _webhook_id(known)}, session, client)
        is_valid = at(reading.body, "data.valid") is True
        return replace(known, status=ACTIVE if is_valid else INVALID, reason=None if is_valid else _NOT_VALID)

    def unregister(self, known: Subscription, wish: Wish, session: Session, client: Client) -> Flow[None]:
        """Delete what is subscribed for the account, and the webhook where nothing else is subscribed to it."""
        me, webhook_id = (yield from self._whose(wish, session)), _webhook_id(known)
        subscribed = yield from self._if_told(self._subscribed(client), [])
        at_webhook = [each for each in subscribed if as_id(each.get("webhook_id")) == webhook_id]
        ours = [each for each in at_webhook if _user(each) == me]
        for each in ours:
            yield from self._without("unsubscribe", {"subscription_id": _id(each, "subscription_id")}, client)
        accounts = yield from self._if_told(self._accounts_of(webhook_id, client), set())
        if me in accounts:
            yield from self._without("unsubscribe_account", {"webhook_id": webhook_id, "user_id": me}, client)
        if len(at_webhook) == len(ours) and not accounts - {me}:
            yield from self._without("delete_webhook", {"webhook_id": webhook_id}, client)

    # --- single questions ---

    def _whose(self, wish: Wish, session: Session) -> Flow[str]:
        """Return the account whose events are meant; X is asked whose token it is where nobody says."""
        known = wish.account_id or session.account_id
        if known:
            return known
        reading = yield from self.api.ask("me", {}, session)
        return as_id(at(reading.body, "data.id")) or ""

    def _webhooks(self, client: Client) -> Flow[list[Json]]:
        reading = yield from self.api.ask("webhooks", {}, None, client)
        return [each for each in map(as_dict, as_list(at(reading.body, "data"))) if _id(each) and each.get("url")]

    def _webhook_at(self, url: str, client: Client) -> Flow[str]:
        """Return the id of the valid webhook at ``url``: made, or checked again, if need be."""
        webhook = _at_url(url, (yield from self._webhooks(client)))
        if webhook is None:
            webhook = yield from self._add_webhook(url, client)
        if webhook.get("valid") is False:
            yield from self.api.ask("check_webhook", {"webhook_id": _id(webhook)}, None, client)
        return _id(webhook)

    def _add_webhook(self, url: str, client: Client) -> Flow[Json]:
        try:
            reading = yield from self.api.ask("add_webhook", {"url": url}, None, client)
        except PlatformError as error:
            # Somebody else may have made it meanwhile, or we in a call whose answer got lost.
            there = None if error.retryable else _at_url(url, (yield from self._webhooks(client)))
            if there is None:
                raise
            return there
        return as_dict(at(reading.body, "data"))

    def _subscribed(self, client: Client) -> Flow[list[Json]]:
        """Return all that is subscribed in the Activity API, page by page."""
        found: list[Json] = []
        token: str | None = None
        while True:
            reading = yield from self.api.ask("subscriptions", {"pagination_token": token}, None, client)
            found += _several(reading)
            following = as_text(at(reading.body, "meta.next_token"))
            if not following or following == token or len(found) > _MOST:
                return found
            token = following

    def _subscribe(
        self, event: str, me: str, webhook_id: str, subscribed: Iterable[Json], session: Session, client: Client
    ) -> Flow[None]:
        there = [each for each in subscribed if each.get("event_type") == event and _user(each) == me]
        if any(as_id(each.get("webhook_id")) == webhook_id for each in there):
            return
        if there:
            values = {"subscription_id": _id(there[0], "subscription_id"), "webhook_id": webhook_id}
            yield from self.api.ask("move_subscription", values, session, client)
            return
        name = "subscribe_public" if event in PUBLIC else "subscribe"
        values = {"event_type": event, "filter.user_id": me, "webhook_id": webhook_id}
        yield from self.api.ask(name, values, session, client)

    def _accounts_of(self, webhook_id: str, client: Client) -> Flow[set[str]]:
        """Return the accounts that the older API posts of; none where the webhook is gone."""
        try:
            reading = yield from self.api.ask("subscribed_accounts", {"webhook_id": webhook_id}, None, client)
        except ContentGone:
            return set()
        found = (as_id(at(each, "user_id")) for each in as_list(at(reading.body, "data.subscriptions")))
        return {each for each in found if each}

    def _if_told(self, flow: Flow[T], otherwise: T) -> Flow[T]:
        """Return what one of X's products tells, or ``otherwise`` where the app's plan has no part in it."""
        try:
            return (yield from flow)
        except PlatformError as error:
            if error.retryable:
                raise
            return otherwise

    def _without(self, name: str, values: Mapping[str, object], client: Client) -> Flow[None]:
        """Delete something; what is gone already is no error."""
        try:
            yield from self.api.ask(name, values, None, client)
        except ContentGone:
            return


_MOST = 150_000
"""Subscriptions that the largest plan allows; a list that goes on beyond has no end."""


def _several(reading: Reading) -> list[Json]:
    return [as_dict(each) for each in as_list(at(reading.body, "data"))]


def _subscription(webhook: Json, events: list[str], wish: Wish, me: str) -> Subscription:
    is_valid = webhook.get("valid") is not False
    reason = None if is_valid and events else _NOTHING if is_valid else _NOT_VALID
    return Subscription(
        # One webhook serves all accounts of the app.
        id=f"{_id(webhook)}/{me}",
        url=str(webhook["url"]),
        platform=wish.platform,
        account=wish.account,
        events=sorted(set(events)),
        status=INVALID if reason else ACTIVE,
        reason=reason,
        created_at=as_time(webhook.get("created_at")),
    )


def _webhook_id(known: Subscription) -> str:
    return known.id.partition("/")[0]


def _id(thing: Json, name: str = "id") -> str:
    return as_id(thing.get(name)) or ""


def _user(subscribed: Json) -> str | None:
    return as_id(at(subscribed, "filter.user_id"))


def _is_of(subscribed: Json, webhook: Json, me: str) -> bool:
    return as_id(subscribed.get("webhook_id")) == _id(webhook) and _user(subscribed) == me


def _at_url(url: str, webhooks: Iterable[Json]) -> Json | None:
    return next((each for each in webhooks if each.get("url") == url), None)
