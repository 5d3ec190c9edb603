"""X's API v2: hiding cannot be looked at, the same is not answered twice, and refresh tokens are for one use.

Sources: those of the table, ``platforms/twitter/calls.py``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from moderation_ai.core.acts import GONE, HIDDEN, VISIBLE
from moderation_ai.core.calls import Call
from moderation_ai.fakes.limits import Window
from moderation_ai.fakes.replies import Reply, row_of, say
from moderation_ai.fakes.things import Thing
from moderation_ai.fakes.twitter_posts import TwitterPosts, post_of
from moderation_ai.fakes.twitter_webhooks import TwitterWebhooks
from moderation_ai.platforms.twitter import PLATFORM

_FORBIDDEN = (403, None)
_RELATIONS = {"mute": "mute.mute", "unmute": "mute.unmute"}


class TwitterFake(TwitterPosts, TwitterWebhooks):
    """Play X; a hidden reply is told to nobody, and mutes, replies and deletions come back as webhooks."""

    name = "twitter"
    platform = PLATFORM
    account: ClassVar[str] = "1201"
    lifetime = 7200
    rotates = True
    rejected = (401, None)
    denied = (400, None)
    gone = (404, "resource-not-found")
    limited = (429, None)
    fails = (503, None)

    def new_thing(self, text: str, **fields: Any) -> Thing:
        """Return a new post; without ``post_id`` it answers a post of ours that began the conversation."""
        # Ids of X begin with the milliseconds since November 2010.
        number = (int(self.now().timestamp() * 1000) - 1_288_834_974_657 << 22) + self.next_id()
        ours = fields.get("is_ours")
        usual = {
            "post_id": "1940000000000000001",
            "author_id": self.account if ours else "1302",
            "author_username": "corner_bakery" if ours else "rye_fan",
            "created_at": self.now(),
        }
        return Thing(id=str(number), text=text, **{**usual, **fields})

    def tell_written(self, thing: Thing) -> None:
        """Send ``post.reply.create``."""
        body = self.shape("post.reply.create")
        users = {"id": thing.author_id, "username": thing.author_username, "name": "A name", "protected": False}
        body["data"]["payload"].update(
            id=thing.id,
            text=thing.text,
            author_id=thing.author_id,
            created_at=thing.created_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            conversation_id=thing.post_id,
            in_reply_to_tweet_id=thing.parent_id or thing.post_id,
            edit_history_tweet_ids=[thing.id],
        )
        body["data"]["includes"] = {"users": [users]}
        self.tell("post.reply.create", body)

    def do_hide(self, call: Call, values: dict[str, Any]) -> Reply:
        """Hide or show a reply in a conversation that the account began."""
        thing = self.thing(call, values["tweet_id"])
        if thing.is_elsewhere:
            raise self.refusal(call, _FORBIDDEN)
        hidden = values["hidden"]
        self.change(call, thing, "hide" if hidden else "unhide", state=HIDDEN if hidden else VISIBLE)
        return say({"data": {"hidden": hidden}})

    def do_reply(self, call: Call, values: dict[str, Any]) -> Reply:
        """Write a post; the same text twice is refused."""
        parent = self.thing(call, values["reply.in_reply_to_tweet_id"])
        same = [each for each in self.things.values() if each.is_ours and each.is_there and each.text == values["text"]]
        if same:
            raise self.refusal(call, _FORBIDDEN)
        reply = self.answer_with(call, parent, values["text"])
        self.tell_written(reply)
        return say({"data": {"id": reply.id, "text": reply.text}}, 201)

    def do_delete(self, call: Call, values: dict[str, Any]) -> Reply:
        """Delete a post of the account's own."""
        thing = self.thing(call, values["tweet_id"])
        if not thing.is_ours:
            raise self.refusal(call, _FORBIDDEN)
        self.change(call, thing, "retract", state=GONE)
        body = self.shape("post.delete")
        body["data"]["payload"].update(id=thing.id, author_id=thing.author_id)
        self.tell("post.delete", body)
        return say({"data": {"deleted": True}})

    def do_mute(self, call: Call, values: dict[str, Any]) -> Reply:
        """Mute a user for the account."""
        return self._relate(call, values)

    def do_unmute(self, call: Call, values: dict[str, Any]) -> Reply:
        """Take a mute back."""
        return self._relate(call, values)

    def _relate(self, call: Call, values: dict[str, Any]) -> Reply:
        if values["me"] != self.account:
            raise self.refusal(call, _FORBIDDEN)
        on, user = call.name == "mute", values["target_user_id"]
        if self.mark(call, user, call.name, "muted", on=on):
            body = self.shape(_RELATIONS[call.name])
            body["data"]["payload"]["target"]["data"]["id"] = user
            self.tell(_RELATIONS[call.name], body)
        return say({"data": {"muting": on}})

    def do_posts(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show posts; those that are gone stand among the errors, and whether one is hidden is not told."""
        found = [self.things.get(each) for each in values["ids"].split(",")]
        there = [each for each in found if each is not None and each.is_there]
        names = {each.author_id: each.author_username for each in there}
        missing = set(values["ids"].split(",")) - {each.id for each in there}
        body: dict[str, Any] = {}
        if there:
            body["data"] = [post_of(each) for each in there]
            body["includes"] = {"users": [{"id": id_, "username": name} for id_, name in names.items()]}
        if missing:
            kind = "https://api.x.com/2/problems/resource-not-found"
            body["errors"] = [{"type": kind, "value": each, "title": "Not Found Error"} for each in sorted(missing)]
        return say(body)

    def do_me(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the account."""
        return say({"data": {"id": self.account, "name": "Corner Bakery", "username": "corner_bakery"}})

    def misread(self, *, is_known: bool) -> Reply:
        """Return X's problem."""
        code = (400, "invalid-request") if is_known else self.gone
        row = row_of(PLATFORM.api.failures, *code)
        return Reply(status=row.status, body=row.example.encode())

    def rate_headers(self, call: Call, windows: list[Window]) -> dict[str, str]:
        """Return X's three header fields."""
        if not windows:
            return {}
        window = windows[0]
        return {
            "x-rate-limit-limit": str(int(window.limit)),
            "x-rate-limit-remaining": str(int(window.limit - window.used)),
            "x-rate-limit-reset": str(int(window.ends_at.timestamp())),
        }


FAKE = TwitterFake
