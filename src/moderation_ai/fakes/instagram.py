"""Instagram's API on both of Meta's hosts: what the owner wrote stays visible, and what is hidden cannot be answered.

Sources: those of the table, ``platforms/instagram/calls.py``. Hiding, deletions and blocks come back as no webhook.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from moderation_ai.core.acts import GONE, HIDDEN, VISIBLE
from moderation_ai.core.calls import Call
from moderation_ai.fakes.instagram_media import InstagramMedia, comment_shape
from moderation_ai.fakes.instagram_webhooks import InstagramWebhooks
from moderation_ai.fakes.limits import Window
from moderation_ai.fakes.replies import Reply, row_of, say
from moderation_ai.fakes.things import Thing
from moderation_ai.platforms.instagram import PLATFORM

_WRONG = (400, "100")


class InstagramFake(InstagramMedia, InstagramWebhooks):
    """Play Instagram for an account that logged in with Instagram or, with ``page_id`` set, with Facebook."""

    name = "instagram"
    platform = PLATFORM
    account: ClassVar[str] = "17841400000000077"
    lifetime = 60 * 86_400
    rejected = (400, "190")
    denied = (400, "190")
    gone = (400, "100/33")
    limited = (400, "80002")
    fails = (500, "2")

    def new_thing(self, text: str, **fields: Any) -> Thing:
        """Return a new comment."""
        ours = fields.get("is_ours")
        usual = {
            "post_id": "17900000000000001",
            "author_id": self.account if ours else "6677889900112233",
            "author_username": "corner.bakery" if ours else "sourdough.sam",
            "created_at": self.now(),
        }
        return Thing(id=str(17_950_000_000_000_000 + self.next_id()), text=text, **{**usual, **fields})

    def tell_written(self, thing: Thing) -> None:
        """Send ``comments``; one of ours bears the account's id in the app's scope."""
        body = self.shape("comments:own" if thing.is_ours else "comments")
        value = body["entry"][0]["changes"][0]["value"]
        value.update(id=thing.id, text=thing.text, media={"id": thing.post_id, "media_product_type": "FEED"})
        value["from"].update(id=thing.author_id, username=thing.author_username)
        value.pop("parent_id", None)
        if thing.parent_id:
            value["parent_id"] = thing.parent_id
        self.tell("comments", body)

    def do_hide(self, call: Call, values: dict[str, Any]) -> Reply:
        """Hide or show a comment; what the owner wrote stays visible all the same."""
        thing, hide = self.thing(call, values["comment_id"]), values["hide"]
        state = HIDDEN if hide and not thing.is_ours else VISIBLE
        self.change(call, thing, "hide" if hide else "unhide", state=state)
        return say({"success": True})

    def do_delete(self, call: Call, values: dict[str, Any]) -> Reply:
        """Delete a comment below the account's media, or one of its own."""
        thing = self.thing(call, values["comment_id"])
        if thing.is_elsewhere and not thing.is_ours:
            raise self.refusal(call, _WRONG)
        self.change(call, thing, "retract" if thing.is_ours else "remove", state=GONE)
        return say({"success": True})

    def do_reply(self, call: Call, values: dict[str, Any]) -> Reply:
        """Answer a comment of the first level that is not hidden."""
        top = self.thing(call, values["top_id"])
        if top.parent_id or top.state != VISIBLE:
            raise self.refusal(call, _WRONG)
        reply = self.answer_with(call, top, values["message"])
        self.tell_written(reply)
        return say({"id": reply.id})

    def do_block(self, call: Call, values: dict[str, Any]) -> Reply:
        """Block or unblock users."""
        users = [str(each.get("id")) for each in values["user_ids"] if isinstance(each, dict) and each.get("id")]
        if values["actions"] not in (["block_user"], ["unblock_user"]) or not users:
            raise self.refusal(call, _WRONG)
        on = values["actions"] == ["block_user"]
        for user in users:
            self.mark(call, user, "ban" if on else "unban", "banned", on=on)
        return say({"success": "true"})

    def do_comment(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show a comment, and whether it is hidden."""
        thing = self.thing(call, values["comment_id"])
        media = {"id": thing.post_id, "permalink": "https://www.instagram.com/p/x/"}
        return say({**comment_shape(thing), "like_count": 0, "media": media})

    def do_me(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the account."""
        return say({"user_id": self.account, "username": "corner.bakery", "id": "998877"})

    def do_page(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the account of the Page."""
        if values["page_id"] != self.page_id:
            raise self.refusal(call, self.gone)
        return say({"instagram_business_account": {"id": self.account}, "id": self.page_id})

    def do_refresh(self, call: Call, values: dict[str, Any]) -> Reply:
        """Renew the token itself, while it has not ended."""
        return self._renewed(call, values["access_token"])

    def do_exchange(self, call: Call, values: dict[str, Any]) -> Reply:
        """Renew the token of an account that logged in with Facebook."""
        if (values["client_id"], values["client_secret"]) != (self.client.id, self.client.secret):
            raise self.refusal(call, _WRONG)
        return self._renewed(call, values["fb_exchange_token"])

    def _renewed(self, call: Call, token: str) -> Reply:
        session = self.session
        if token != session.access_token or session.is_due(self.now(), ahead=self.now() - self.now()):
            raise self.refusal(call, self.denied)
        self._renew_tokens()
        return say(self.tokens())

    def misread(self, *, is_known: bool) -> Reply:
        """Return Meta's error: it calls an unknown address a thing that does not exist."""
        row = row_of(PLATFORM.api.failures, *(_WRONG if is_known else self.gone))
        return Reply(status=row.status, body=row.example.encode())

    def rate_headers(self, call: Call, windows: list[Window]) -> dict[str, str]:
        """Return how much of the account's day is used, as percentages."""
        whole = [each for each in windows if each.limit][-1:]
        used = [int(100 * each.used / each.limit) for each in whole]
        minutes = [
            int((each.ends_at - self.now()).total_seconds() / 60) + 1 for each in whole if each.used >= each.limit
        ]
        use = {
            "type": "instagram",
            "call_count": max(used, default=0),
            "total_cputime": 0,
            "total_time": 0,
            "estimated_time_to_regain_access": max(minutes, default=0),
        }
        return {"x-business-use-case-usage": json.dumps({self.account: [use]})}


FAKE = InstagramFake
