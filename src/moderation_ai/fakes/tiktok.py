"""TikTok's Accounts API: a code inside of a 200, refresh tokens that rotate, and filters that keep a comment hidden.

Sources: those of the table, ``platforms/tiktok/calls.py``. Only what changes a comment's visibility comes back.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from moderation_ai.core.acts import GONE, HIDDEN, VISIBLE
from moderation_ai.core.calls import Call
from moderation_ai.fakes.replies import Reply, row_of
from moderation_ai.fakes.things import Thing
from moderation_ai.fakes.tiktok_videos import TikTokVideos, comment_of, ok
from moderation_ai.platforms.tiktok import PLATFORM

_WRONG, _UNKNOWN = (200, "40002"), (200, "40006")
_LONGEST = 150
_KINDS = {"comment.update": "COMMENT", "brand.mention.event": "BRAND_MENTION"}


class TikTokFake(TikTokVideos):
    """Play TikTok; ``webhooks`` are the addresses that the app has, by their kind."""

    name = "tiktok"
    platform = PLATFORM
    account: ClassVar[str] = "biz_sample"
    lifetime = 86_400
    rotates = True
    rejected = (200, "40105")
    denied = (200, "40105")
    gone = (200, "40002")
    limited = (200, "40100")
    fails = (200, "50000")

    def __init__(self, **arguments: Any) -> None:
        """Begin with nothing registered."""
        super().__init__(**arguments)
        self.webhooks: dict[str, str] = {}

    def addresses(self, kind: str) -> tuple[str, ...]:
        """Return the address that the app has for such events."""
        url = self.webhooks.get(_KINDS.get(kind, "VIDEO"))
        return (url,) if url else ()

    def do_webhooks(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the address of a kind, if there is one."""
        self._require_app(call, values)
        url = self.webhooks.get(values["event_type"])
        shown = {"app_id": self.client.id, "event_type": values["event_type"]}
        return ok({**shown, "callback_url": url} if url else shown)

    def do_set_webhook(self, call: Call, values: dict[str, Any]) -> Reply:
        """Set the address of a kind, and ask nobody there."""
        self._require_app(call, values)
        if not values["callback_url"].startswith("https://"):
            raise self.refusal(call, _WRONG)
        kind, url = values["event_type"], values["callback_url"]
        self.note(call, "register", kind, changed=self.webhooks.get(kind) != url)
        self.webhooks[kind] = url
        return ok({"app_id": self.client.id, "event_type": kind, "callback_url": url})

    def do_delete_webhook(self, call: Call, values: dict[str, Any]) -> Reply:
        """Forget the address of a kind."""
        self._require_app(call, values)
        gone = self.webhooks.pop(values["event_type"], None)
        self.note(call, "delete", values["event_type"], changed=gone is not None)
        return ok({"app_id": self.client.id, "event_type": values["event_type"]})

    def _require_app(self, call: Call, values: dict[str, Any]) -> None:
        if (values["app_id"], values["secret"]) != (self.client.id, self.client.secret):
            raise self.refusal(call, self.denied)

    def new_thing(self, text: str, **fields: Any) -> Thing:
        """Return a new comment."""
        ours = fields.get("is_ours")
        usual = {
            "post_id": "7390000000000000001",
            "author_id": "+Zq1/bakery==" if ours else "+Zq1/ryeFan==",
            "author_username": "corner_bakery" if ours else "rye_fan",
            "created_at": self.now(),
        }
        return Thing(id=str(7_450_000_000_000_000_000 + self.next_id()), text=text, **{**usual, **fields})

    def tell_written(self, thing: Thing) -> None:
        """Send ``comment.update`` with ``insert``."""
        self._tell(thing, "insert", text=thing.text)

    def _tell(self, thing: Thing, action: str, **more: Any) -> None:
        body = self.shape(f"comment.update:{action}")
        content = {
            "comment_id": int(thing.id),
            "video_id": int(thing.post_id),
            "parent_comment_id": int(thing.parent_id or 0),
            "comment_type": "reply" if thing.parent_id else "comment",
            "comment_action": action,
            "timestamp": int(self.now().timestamp() * 1000),
            "unique_identifier": thing.author_id,
            **more,
        }
        self.tell("comment.update", {**body, "content": json.dumps(content, separators=(",", ":"))})

    def tell_erased(self, thing: Thing) -> None:
        """Send ``comment.update`` with ``delete``."""
        self._tell(thing, "delete")

    def do_hide(self, call: Call, values: dict[str, Any]) -> Reply:
        """Hide a comment or show it; a filter of TikTok's may keep it hidden, and it says yes all the same."""
        thing = self._own(call, values)
        hides = values["action"] == "HIDE"
        state = HIDDEN if hides or thing.is_filtered else VISIBLE
        if self.change(call, thing, "hide" if hides else "unhide", state=state):
            self._tell(thing, "set_to_hidden" if hides else "set_to_public")
        return ok({})

    def do_reply(self, call: Call, values: dict[str, Any]) -> Reply:
        """Answer a comment, in 150 characters."""
        parent, text = self._own(call, values), values["text"]
        if len(text) > _LONGEST:
            raise self.refusal(call, _WRONG)
        return ok({"comment_id": self.answer_with(call, parent, text).id})

    def do_delete(self, call: Call, values: dict[str, Any]) -> Reply:
        """Delete a comment of the account's own."""
        thing = self.thing(call, values["comment_id"])
        if values["business_id"] != self.account or not thing.is_ours:
            raise self.refusal(call, _WRONG)
        self.change(call, thing, "retract", state=GONE)
        return ok({})

    def _own(self, call: Call, values: dict[str, Any]) -> Thing:
        thing = self.thing(call, values["comment_id"])
        if values["business_id"] != self.account or values["video_id"] != thing.post_id or thing.is_elsewhere:
            raise self.refusal(call, _WRONG)
        return thing

    def do_comments(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show comments of one video; only what exists comes back."""
        try:
            ids = json.loads(values["comment_ids"])
        except (ValueError, RecursionError) as error:
            raise self.refusal(call, _WRONG) from error
        if values["business_id"] != self.account or not isinstance(ids, list) or len(ids) > 30:
            raise self.refusal(call, _WRONG)
        found = [self.things.get(each) for each in ids if isinstance(each, str)]
        there = [each for each in found if each and each.is_there and each.post_id == values["video_id"]]
        return ok({"comments": [comment_of(each) for each in there], "has_more": False, "cursor": 0})

    def tokens(self) -> dict[str, Any]:
        """Return TikTok's answer: the tokens stand in ``data``."""
        more = {"refresh_token_expires_in": 31_536_000, "open_id": self.account, "scope": "comment.list"}
        return {"code": 0, "message": "OK", "request_id": "2026", "data": {**super().tokens(), **more}}

    def misread(self, *, is_known: bool) -> Reply:
        """Return TikTok's code for a parameter that is wrong, or for a call that it does not know."""
        row = row_of(PLATFORM.api.failures, *(_WRONG if is_known else _UNKNOWN))
        return Reply(status=row.status, body=row.example.encode())


FAKE = TikTokFake
