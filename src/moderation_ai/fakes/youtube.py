"""YouTube's Data API: 204 without a body, a rejection is final, a day's units, and no webhooks but a bridge's.

Sources: those of the table, ``platforms/youtube/calls.py``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from moderation_ai.core.acts import GONE, HIDDEN, REMOVED, VISIBLE
from moderation_ai.core.calls import Call
from moderation_ai.fakes.channel import Channel, comment_of, snippet_of
from moderation_ai.fakes.hub import Hub
from moderation_ai.fakes.replies import Reply, say
from moderation_ai.fakes.things import Thing
from moderation_ai.platforms.youtube import PLATFORM

_STATES = {"heldForReview": HIDDEN, "published": VISIBLE, "rejected": REMOVED}
_ACTIONS = {"heldForReview": "hide", "published": "unhide", "rejected": "remove"}
_FORBIDDEN = (403, "forbidden")


class YouTubeFake(Hub, Channel):
    """Play YouTube, the hub of its feeds, and the bridge of one's own that tells of its comments."""

    name = "youtube"
    platform = PLATFORM
    account: ClassVar[str] = "UC1"
    lifetime = 3599
    rejected = (401, "authError")
    denied = (400, "invalid_grant")
    gone = (404, "commentNotFound")
    limited = (403, "quotaExceeded")
    fails = (500, "backendError")

    def new_thing(self, text: str, **fields: Any) -> Thing:
        """Return a new comment; an answer's id begins with its parent's."""
        ours, parent_id = fields.get("is_ours"), fields.get("parent_id")
        name = f"Ugf{self.next_id():018d}AaABAg"
        usual = {
            "post_id": "vid00000001",
            "author_id": self.account if ours else "UCryefan",
            "author_username": "@cornerbakery" if ours else "@ryefan",
            "created_at": self.now(),
        }
        thing = Thing(id=f"{parent_id}.{name}" if parent_id else name, text=text, **{**usual, **fields})
        is_banned = "banned" in self.users.get(thing.author_id, ())
        return Thing(**{**_fields(thing), "state": REMOVED}) if is_banned else thing

    def tell_written(self, thing: Thing) -> None:
        """Send what a bridge sends of a new comment, in the shape of the webhook patterns."""
        body = self.shape("comment.insert")
        body["comment"].update(id=thing.id, snippet=snippet_of(thing))
        self.tell("comment.insert", body)

    def do_moderate(self, call: Call, values: dict[str, Any]) -> Reply:
        """Set the status of up to 50 comments, of all or of none."""
        ids, status = values["id"].split(","), values["moderationStatus"]
        self._moderate(call, ids, status)
        return Reply(status=204)

    def do_ban(self, call: Call, values: dict[str, Any]) -> Reply:
        """Reject comments, and what their authors write from now on."""
        ids = values["id"].split(",")
        self._moderate(call, ids, "rejected")
        for each in ids:
            self.mark(call, self.things[each].author_id, "ban", "banned", on=True)
        return Reply(status=204)

    def _moderate(self, call: Call, ids: list[str], status: str) -> None:
        things = [self.thing(call, each) for each in ids]
        if len(ids) > 50 or any(each.state == REMOVED and status != "rejected" for each in things):
            raise self.refusal(call, (400, "operationNotSupported"))
        if any(each.is_elsewhere for each in things):
            raise self.refusal(call, _FORBIDDEN)
        for each in things:
            self.change(call, each, _ACTIONS[status], state=_STATES[status])

    def do_reply(self, call: Call, values: dict[str, Any]) -> Reply:
        """Answer below a comment of the first level."""
        parent = self.things.get(values["snippet.parentId"])
        if parent is None or not parent.is_there or parent.parent_id:
            raise self.refusal(call, (404, "parentCommentNotFound"))
        if len(values["snippet.textOriginal"]) > 10_000:
            raise self.refusal(call, (400, "commentTextTooLong"))
        reply = self.answer_with(call, parent, values["snippet.textOriginal"])
        self.tell_written(reply)
        return say(comment_of(reply))

    def do_delete(self, call: Call, values: dict[str, Any]) -> Reply:
        """Delete a comment of the account's own."""
        thing = self.thing(call, values["id"])
        if not thing.is_ours:
            raise self.refusal(call, _FORBIDDEN)
        self.change(call, thing, "retract", state=GONE)
        return Reply(status=204)

    def do_comments(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the comments that exist; their moderation status is not told."""
        found = [self.things.get(each) for each in values["id"].split(",")]
        items = [comment_of(each) for each in found if each is not None and each.is_there]
        return say({"kind": "youtube#commentListResponse", "items": items})

    def do_me(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the account's channel."""
        item = {"kind": "youtube#channel", "id": self.account}
        return say({"kind": "youtube#channelListResponse", "items": [item]})

    def misread(self, *, is_known: bool) -> Reply:
        """Return Google's error for a parameter that is wrong, or for an address that is none."""
        status, reason = (400, "badRequest") if is_known else (404, "notFound")
        inner = {"message": "…", "reason": reason}
        return say({"error": {"code": status, "message": "…", "errors": [inner]}}, status)


def _fields(thing: Thing) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in thing.__struct_fields__}


FAKE = YouTubeFake
