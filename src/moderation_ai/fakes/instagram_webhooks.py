"""Meta's webhooks for Instagram: one address for an app, asked when it is set, and accounts that install the app.

Sources: those of the rows, ``platforms/instagram/webhook_calls.py``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from moderation_ai.core.calls import Call
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.replies import Reply, say

_WRONG = (400, "100")
_FIELDS = ("comments", "live_comments", "mentions", "story_insights", "messages")
_OF_PAGES = ("feed", "mention", "messages")


class Callback(msgspec.Struct, kw_only=True):
    """What an app is subscribed to, and where."""

    url: str
    fields: list[str]
    is_active: bool = True


class InstagramWebhooks(Fake):
    """Play what is registered at Meta: nothing is posted of an account that has not installed the app."""

    def __init__(self, **arguments: Any) -> None:
        """Begin with nothing registered."""
        super().__init__(**arguments)
        self.callback: Callback | None = None
        self.installed: dict[str, list[str]] = {}
        """By the account or Page that installed the app, the fields that it did so for."""

    def addresses(self, kind: str) -> tuple[str, ...]:
        """Return the app's address where it is subscribed to the field, and the account installed the app."""
        there = self.callback
        is_told = there is not None and there.is_active and kind in there.fields and self._owner() in self.installed
        return (there.url,) if there is not None and is_told else ()

    def do_app_subscriptions(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show what the app is subscribed to."""
        self._require_app(call, values)
        there = self.callback
        if there is None:
            return say({"data": []})
        fields = [{"name": each, "version": "v25.0"} for each in there.fields]
        row = {"object": "instagram", "callback_url": there.url, "active": there.is_active, "fields": fields}
        return say({"data": [row]})

    def do_subscribe_app(self, call: Call, values: dict[str, Any]) -> Reply:
        """Set the app's address, if it gives the challenge back; an address that was there is there no more."""
        self._require_app(call, values)
        fields = values["fields"].split(",")
        if not values["callback_url"].startswith("https://") or not set(fields) <= set(_FIELDS):
            raise self.refusal(call, _WRONG)
        challenge = str(1_158_000_000 + self.next_id())
        asked = {"mode": "subscribe", "challenge": challenge, "verify_token": values["verify_token"]}
        heard = self.asker.ask(values["callback_url"], {f"hub.{name}": value for name, value in asked.items()})
        if heard.status != 200 or heard.body != challenge.encode():
            raise self.refusal(call, (400, "2200"))
        before, self.callback = self.callback, Callback(url=values["callback_url"], fields=fields)
        self.note(call, "register", self.callback.url, changed=before != self.callback)
        return say({"success": "true"})

    def do_unsubscribe_app(self, call: Call, values: dict[str, Any]) -> Reply:
        """Forget the app's address."""
        self._require_app(call, values)
        self.note(call, "delete", "instagram", changed=self.callback is not None)
        self.callback = None
        return say({"success": "true"})

    def do_installed(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show which apps an account or Page has installed: another one of the Page's, and ours."""
        fields = self.installed.get(self._asset(call, values))
        ours = [] if fields is None else [{"id": self.client.id, "name": "Comments", "subscribed_fields": fields}]
        others = [{"id": "1", "name": "Shop", "subscribed_fields": ["messages"]}] if self.page_id else []
        return say({"data": others + ours})

    def do_install(self, call: Call, values: dict[str, Any]) -> Reply:
        """Have an account or Page install the app."""
        asset, fields = self._asset(call, values), values["subscribed_fields"].split(",")
        if not set(fields) <= set(_OF_PAGES if self.page_id else _FIELDS):
            raise self.refusal(call, _WRONG)
        self.note(call, "install", asset, changed=self.installed.get(asset) != fields)
        self.installed[asset] = fields
        return say({"success": "true" if self.page_id else True})

    def do_uninstall(self, call: Call, values: dict[str, Any]) -> Reply:
        """Have an account or Page uninstall the app."""
        asset = self._asset(call, values)
        self.note(call, "uninstall", asset, changed=self.installed.pop(asset, None) is not None)
        return say({"success": True})

    def _owner(self) -> str:
        return self.page_id or self.account

    def _asset(self, call: Call, values: dict[str, Any]) -> str:
        """Return whose apps are meant: the account's at Instagram, the Page's at Facebook."""
        host, named = ("graph.facebook.com", self.page_id) if self.page_id else ("graph.instagram.com", "me")
        if (values["host"], values["asset"]) != (host, named):
            raise self.refusal(call, self.gone)
        return self._owner()

    def _require_app(self, call: Call, values: dict[str, Any]) -> None:
        if values["app_id"] != self.client.id:
            raise self.refusal(call, self.gone)
