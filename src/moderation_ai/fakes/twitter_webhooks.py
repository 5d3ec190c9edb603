"""X's webhooks: checked when they are made, on demand and ever again; and what is subscribed to them.

Sources: those of the rows, ``platforms/twitter/webhook_calls.py``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from moderation_ai.core.api import at
from moderation_ai.core.calls import Call
from moderation_ai.core.content import read_json
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.replies import Reply, say

WEBHOOKS, SUBSCRIPTIONS, PAGE = 1, 1500, 100
"""What an app has where each use is paid for, and how many subscriptions stand on one page."""
CHECKED_AFTER, GIVEN_UP_AFTER = timedelta(hours=24), timedelta(hours=28)
"""An address is asked again when its last right answer is that old, and given up when it is that old."""
_LONGEST_URL = 200


class Webhook(msgspec.Struct, kw_only=True):
    """A webhook as X keeps it: its address, and when a check of it was last right."""

    id: str
    url: str
    created_at: datetime
    checked_at: datetime
    is_valid: bool = True
    accounts: set[str] = msgspec.field(default_factory=set)
    """Who is subscribed by the Account Activity API."""


class TwitterWebhooks(Fake):
    """Play what is registered at X. ``allowed`` is how many webhooks the plan has: one, where each use is paid for."""

    allowed: int = WEBHOOKS

    def __init__(self, **arguments: Any) -> None:
        """Begin with nothing registered."""
        super().__init__(**arguments)
        self.webhooks: dict[str, Webhook] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}

    # --- for tests and demos ---

    def check_webhooks(self) -> None:
        """Do what X does every half hour: check the addresses whose last right answer is a day old."""
        with self._changed:
            for webhook in self.webhooks.values():
                if webhook.is_valid and self.now() - webhook.checked_at >= CHECKED_AFTER:
                    self._check(webhook)

    def addresses(self, kind: str) -> tuple[str, ...]:
        """Return the valid webhooks that an event of that kind is subscribed to."""
        ids = {each["webhook_id"] for each in self.subscriptions.values() if each["event_type"] == kind}
        return tuple(each.url for each in self.webhooks.values() if each.id in ids and each.is_valid)

    # --- webhooks ---

    def do_webhooks(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the app's webhooks."""
        found = [_shown(each) for each in self.webhooks.values()]
        return say({"data": found, "meta": {"result_count": len(found)}})

    def do_add_webhook(self, call: Call, values: dict[str, Any]) -> Reply:
        """Make a webhook if its address answers right. That the plan has no more is said before all else."""
        url = values["url"]
        if len(self.webhooks) >= self.allowed:
            raise self.refusal(call, (400, "WebhookLimitExceeded"))
        if not _is_public(url):
            raise self.refusal(call, (400, "UrlValidationFailed"))
        if any(each.url == url for each in self.webhooks.values()):
            raise self.refusal(call, (400, "DuplicateUrlFailed"))
        now = self.now()
        webhook = Webhook(id=str(self._number()), url=url, created_at=now, checked_at=now)
        if not self._answers_right(url):
            raise self.refusal(call, (400, "CrcValidationFailed"))
        self.webhooks[webhook.id] = webhook
        self.note(call, "register", webhook.id)
        return say({"data": _shown(webhook)})

    def do_check_webhook(self, call: Call, values: dict[str, Any]) -> Reply:
        """Check an address anew, and use it again if its answer is right."""
        webhook = self._webhook(call, values)
        self._check(webhook, at_once=True)
        if not webhook.is_valid:
            raise self.refusal(call, (400, "CrcValidationFailed"))
        return say({"data": {"valid": True}})

    def do_delete_webhook(self, call: Call, values: dict[str, Any]) -> Reply:
        """Delete a webhook; what was subscribed to it stays, and leads nowhere."""
        del self.webhooks[self._webhook(call, values).id]
        self.note(call, "delete", values["webhook_id"])
        return say({"data": {"deleted": True}})

    def _webhook(self, call: Call, values: dict[str, Any]) -> Webhook:
        found = self.webhooks.get(values["webhook_id"])
        if found is None:
            raise self.refusal(call, (400, "WebhookIdInvalid"))
        return found

    def _check(self, webhook: Webhook, *, at_once: bool = False) -> None:
        """Ask an address: a wrong answer ends it at once, a failure only when the last right answer is too old."""
        right = self._answers_right(webhook.url)
        if right:
            webhook.checked_at, webhook.is_valid = self.now(), True
        elif at_once or right is False or self.now() - webhook.checked_at > GIVEN_UP_AFTER:
            webhook.is_valid = False

    def _answers_right(self, url: str) -> bool | None:
        """Return whether the address signs a token as ours does; None where it fails for now."""
        token = f"crc-{self.next_id()}"
        heard = self.asker.ask(url, {"crc_token": token})
        if heard.status == 0 or heard.status >= 400:
            return None
        signed = self.platform.sign(token.encode("ascii"), self.secret, self.now())
        return heard.status < 300 and _response_token(heard.body) in signed.values()

    # --- what is subscribed ---

    def do_subscriptions(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show all that is subscribed, a page at a time."""
        token = values.get("pagination_token", "0")
        start = int(token) if token.isascii() and token.isdigit() and len(token) < 9 else 0
        meta = {"total_subscriptions": len(self.subscriptions)}
        if start + PAGE < len(self.subscriptions):
            meta = {**meta, "next_token": str(start + PAGE)}  # type: ignore[dict-item] # The token is a text.
        return say({"data": list(self.subscriptions.values())[start : start + PAGE], "meta": meta})

    def do_subscribe(self, call: Call, values: dict[str, Any]) -> Reply:
        """Subscribe to a private event of the account whose token it is."""
        if values["filter.user_id"] != self.account:
            raise self.refusal(call, (403, None))
        return self._subscribe(call, values)

    def do_subscribe_public(self, call: Call, values: dict[str, Any]) -> Reply:
        """Subscribe to a public event of anybody."""
        return self._subscribe(call, values)

    def _subscribe(self, call: Call, values: dict[str, Any]) -> Reply:
        webhook = self._webhook(call, values)
        event, user = values["event_type"], values["filter.user_id"]
        if any(
            (each["event_type"], each["filter"]["user_id"]) == (event, user) for each in self.subscriptions.values()
        ):
            raise self.refusal(call, (400, "DuplicateSubscriptionFailed"))
        if len(self.subscriptions) >= SUBSCRIPTIONS:
            raise self.refusal(call, (400, "SubscriptionLimitExceeded"))
        number = str(self._number())
        self.subscriptions[number] = {
            "subscription_id": number,
            "event_type": event,
            "filter": {"user_id": user},
            "webhook_id": webhook.id,
            "created_at": _stamp(self.now()),
        }
        self.note(call, "subscribe", event)
        return say({"data": self.subscriptions[number], "meta": {"total_subscriptions": len(self.subscriptions)}})

    def do_move_subscription(self, call: Call, values: dict[str, Any]) -> Reply:
        """Lead what is subscribed to another webhook."""
        found = self._subscription(call, values)
        found["webhook_id"] = self._webhook(call, values).id
        self.note(call, "subscribe", found["event_type"])
        return say({"data": found, "meta": {"total_subscriptions": len(self.subscriptions)}})

    def do_unsubscribe(self, call: Call, values: dict[str, Any]) -> Reply:
        """Delete what is subscribed."""
        found = self._subscription(call, values)
        del self.subscriptions[found["subscription_id"]]
        self.note(call, "unsubscribe", found["event_type"])
        return say({"data": {"deleted": True}, "meta": {"total_subscriptions": len(self.subscriptions)}})

    def _subscription(self, call: Call, values: dict[str, Any]) -> dict[str, Any]:
        found = self.subscriptions.get(values["subscription_id"])
        if found is None:
            raise self.refusal(call, (400, "SubscriptionNotFound"))
        return found

    def do_subscribed_accounts(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show whom the Account Activity API posts of."""
        webhook = self._webhook(call, values)
        users = [{"user_id": each} for each in sorted(webhook.accounts)]
        data = {"application_id": "13090192", "webhook_id": webhook.id, "webhook_url": webhook.url}
        return say({"data": {**data, "subscriptions": users}})

    def do_subscribe_account(self, call: Call, values: dict[str, Any]) -> Reply:
        """Subscribe the account whose token it is to the Account Activity API."""
        webhook = self._webhook(call, values)
        if self.account in webhook.accounts:
            raise self.refusal(call, (400, "DuplicateSubscriptionFailed"))
        webhook.accounts.add(self.account)
        self.note(call, "subscribe", self.account)
        return say({"data": {"subscribed": True}})

    def do_unsubscribe_account(self, call: Call, values: dict[str, Any]) -> Reply:
        """Take an account out of the Account Activity API."""
        webhook = self._webhook(call, values)
        if values["user_id"] not in webhook.accounts:
            raise self.refusal(call, (400, "SubscriptionNotFound"))
        webhook.accounts.remove(values["user_id"])
        self.note(call, "unsubscribe", values["user_id"])
        return say({"data": {"subscribed": False}})

    def _number(self) -> int:
        return 1_976_000_000_000_000_000 + self.next_id()


def _shown(webhook: Webhook) -> dict[str, Any]:
    created = _stamp(webhook.created_at)
    return {"id": webhook.id, "url": webhook.url, "valid": webhook.is_valid, "created_at": created}


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _is_public(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port is None and len(url) <= _LONGEST_URL
    except ValueError:
        return False


def _response_token(body: bytes) -> object:
    try:
        return at(read_json(body), "response_token")
    except MalformedPayload:
        return None
