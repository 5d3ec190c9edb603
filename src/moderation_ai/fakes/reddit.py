"""Reddit's Data API, with the Devvit app that tells of what happens: errors inside of a 200, bans that send a message.

Sources: those of the table, ``platforms/reddit/calls.py``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from moderation_ai.core.acts import GONE, REMOVED, VISIBLE
from moderation_ai.core.calls import Call
from moderation_ai.fakes.limits import Window
from moderation_ai.fakes.replies import Reply, say
from moderation_ai.fakes.subreddit import SPACE, SPACE_ID, Subreddit, listed
from moderation_ai.fakes.things import Message, Thing
from moderation_ai.platforms.reddit import PLATFORM

MODERATOR = "bread_bot"
_FORBIDDEN = (403, None)
_NATIVE = {
    "approve": "approvecomment",
    "remove": "removecomment",
    "lock": "lock",
    "unlock": "unlock",
    "ban": "banuser",
    "unban": "unbanuser",
    "mute": "muteuser",
    "unmute": "unmuteuser",
}


class RedditFake(Subreddit):
    """Play Reddit for a moderator of one subreddit; what moderators do comes back as ``ModAction``."""

    name = "reddit"
    platform = PLATFORM
    account: ClassVar[str] = "t2_app"
    lifetime = 86_400
    rejected = (401, None)
    denied = (400, "invalid_grant")
    gone = (404, None)
    limited = (429, None)
    fails = (503, None)

    def __init__(self, **arguments: Any) -> None:
        """Begin with a subreddit in which nobody wrote anything; ``arguments`` are those of ``Fake``."""
        super().__init__(**arguments)
        self.log, self.posts, self.cached = [], {}, {}

    def new_thing(self, text: str, **fields: Any) -> Thing:
        """Return a new comment."""
        ours = fields.get("is_ours")
        usual = {
            "post_id": "t3_p9",
            "author_id": self.account if ours else "t2_ryefan",
            "author_username": MODERATOR if ours else "rye_fan",
            "created_at": self.now(),
        }
        return Thing(id=f"t1_f{self.next_id()}", text=text, **{**usual, **fields})

    def tell_written(self, thing: Thing) -> None:
        """Send ``CommentSubmit``."""
        body = self.shape("CommentSubmit")
        body["comment"].update(_trigger_comment(thing))
        body["post"]["id"] = thing.post_id
        body["author"].update(id=thing.author_id, name=thing.author_username)
        self.tell("CommentSubmit", body)

    def tell_edited(self, thing: Thing) -> None:
        """Send ``CommentUpdate``."""
        body = self.shape("CommentUpdate")
        body["comment"].update(_trigger_comment(thing), lastModifiedAt=int(self.now().timestamp()) * 1000)
        body["author"].update(id=thing.author_id, name=thing.author_username)
        self.tell("CommentUpdate", body)

    def tell_erased(self, thing: Thing) -> None:
        """Send ``CommentDelete``."""
        body = self.shape("CommentDelete")
        body.update(commentId=thing.id, postId=thing.post_id, deletedAt=self.now().isoformat())
        self.tell("CommentDelete", body)

    def do_approve(self, call: Call, values: dict[str, Any]) -> Reply:
        """Approve a comment."""
        return self._on_thing(call, values, state=VISIBLE, is_approved=True)

    def do_remove(self, call: Call, values: dict[str, Any]) -> Reply:
        """Remove a comment; it exists still for its author and moderators."""
        return self._on_thing(call, values, state=REMOVED, is_approved=False)

    def do_lock(self, call: Call, values: dict[str, Any]) -> Reply:
        """Let nobody answer a comment."""
        return self._on_thing(call, values, is_locked=True)

    def do_unlock(self, call: Call, values: dict[str, Any]) -> Reply:
        """Let a comment be answered again."""
        return self._on_thing(call, values, is_locked=False)

    def _on_thing(self, call: Call, values: dict[str, Any], **fields: Any) -> Reply:
        thing = self.thing(call, values["id"])
        if thing.is_elsewhere:
            raise self.refusal(call, _FORBIDDEN)
        if self.change(call, thing, call.name, **fields):
            self._tell_action(call.name, thing=thing)
        return say({})

    def _tell_action(self, action: str, *, thing: Thing | None = None, user: str = "") -> None:
        body = self.shape("ModAction")
        body.update(id=f"ModAction_{self.next_id()}", action=_NATIVE[action])
        self.log.append(
            {
                "id": body["id"],
                "action": body["action"],
                "mod": MODERATOR,
                "mod_id36": self.account[3:],
                "sr_id36": SPACE_ID[3:],
                "target_fullname": thing.id if thing else None,
                "target_author": thing.author_username if thing else user,
                "created_utc": self.now().timestamp(),
            }
        )
        body["moderator"].update(id=self.account, name=MODERATOR)
        if thing is None:
            del body["targetComment"], body["targetPost"]
            body["targetUser"].update(id=f"t2_{user.replace('_', '')}", name=user)
        else:
            body["targetComment"].update(_trigger_comment(thing))
            body["targetPost"]["id"] = thing.post_id
            body["targetUser"].update(id=thing.author_id, name=thing.author_username)
        self.tell("ModAction", body)

    def do_reply(self, call: Call, values: dict[str, Any]) -> Reply:
        """Answer a comment; that it is deleted or locked is told inside of a 200."""
        parent = self.things.get(values["thing_id"])
        if parent is None or not parent.is_there:
            raise self.refusal(call, (200, "DELETED_COMMENT"))
        if parent.is_locked:
            raise self.refusal(call, (200, "THREAD_LOCKED"))
        reply = self.answer_with(call, parent, values["text"])
        self.tell_written(reply)
        thing = {"kind": "t1", "data": {"id": reply.id[3:], "name": reply.id}}
        return say({"json": {"errors": [], "data": {"things": [thing]}}})

    def do_del(self, call: Call, values: dict[str, Any]) -> Reply:
        """Delete a comment of the account's own."""
        thing = self.thing(call, values["id"])
        if not thing.is_ours:
            raise self.refusal(call, _FORBIDDEN)
        self.change(call, thing, "retract", state=GONE)
        return say({})

    def do_ban(self, call: Call, values: dict[str, Any]) -> Reply:
        """Ban a user, who gets a message each time."""
        return self._on_user(call, values, "banned", on=True)

    def do_unban(self, call: Call, values: dict[str, Any]) -> Reply:
        """Take a ban back."""
        return self._on_user(call, values, "banned", on=False)

    def do_mute(self, call: Call, values: dict[str, Any]) -> Reply:
        """Keep a user from writing to the moderators; a message tells of it each time."""
        return self._on_user(call, values, "muted", on=True)

    def do_unmute(self, call: Call, values: dict[str, Any]) -> Reply:
        """Take that back."""
        return self._on_user(call, values, "muted", on=False)

    def _on_user(self, call: Call, values: dict[str, Any], mark: str, *, on: bool) -> Reply:
        user = values["name"]
        if values["space"] != SPACE:
            raise self.refusal(call, _FORBIDDEN)
        if user not in {each.author_username for each in self.things.values()}:
            raise self.refusal(call, (200, "USER_DOESNT_EXIST"))
        if self.mark(call, user, call.name, mark, on=on):
            self._tell_action(call.name, user=user)
        if on:
            self.messages.append(Message(to=user, text=f"You have been {mark} in r/{SPACE}"))
        return say({"json": {"errors": []}} if on else {})

    def do_banned(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show whether a user is banned."""
        return self._list(call, values)

    def do_muted(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show whether a user is muted."""
        return self._list(call, values)

    def _list(self, call: Call, values: dict[str, Any]) -> Reply:
        if values["space"] != SPACE:
            raise self.refusal(call, _FORBIDDEN)
        user = values["user"]
        on_list = call.name in self.users.get(user, ())
        children = [{"name": user, "id": "t2_x", "note": ""}] if on_list else []
        return say({"kind": "Listing", "data": {"children": children, "after": None}})

    def do_info(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show things by their full names, as a moderator sees them."""
        found = [self.things.get(each) or self.posts.get(each) for each in values["id"].split(",")[:100]]
        children = [{"kind": each.id[:2], "data": listed(each)} for each in found if each is not None]
        return say({"kind": "Listing", "data": {"children": children}})

    def do_me(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the account."""
        return say({"id": self.account[3:], "name": MODERATOR, "is_mod": True})

    def misread(self, *, is_known: bool) -> Reply:
        """Return Reddit's word for what it does not understand."""
        status, message = (400, "Bad Request") if is_known else (404, "Not Found")
        return say({"message": message, "error": status}, status)

    def rate_headers(self, call: Call, windows: list[Window]) -> dict[str, str]:
        """Return Reddit's three header fields; what is left is written with a fraction."""
        whole = windows[-1]
        return {
            "x-ratelimit-used": str(int(whole.used)),
            "x-ratelimit-remaining": f"{whole.limit - whole.used:.1f}",
            "x-ratelimit-reset": str(max(int((whole.ends_at - self.now()).total_seconds()), 0)),
        }


def _trigger_comment(thing: Thing) -> dict[str, Any]:
    return {
        "id": thing.id,
        "parentId": thing.parent_id or thing.post_id,
        "postId": thing.post_id,
        "body": thing.text,
        "author": thing.author_id,
        "createdAt": int(thing.created_at.timestamp()) * 1000,
        "permalink": f"/r/{SPACE}/comments/{thing.post_id[3:]}/starter_help/{thing.id[3:]}/",
    }


FAKE = RedditFake
