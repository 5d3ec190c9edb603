"""What can be done on Reddit, and how. To hide is to remove there: gone for all but the author and moderators."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec.structs import replace

from moderation_ai.core.acting import Acts
from moderation_ai.core.acts import GONE, REMOVED, VISIBLE, Act, Capability, Seen, Target
from moderation_ai.core.api import at
from moderation_ai.core.content import as_dict, as_id, as_list, as_text
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.sessions import require_refresh_token
from moderation_ai.platforms.reddit import listings
from moderation_ai.platforms.reddit.calls import API

_SPACE = re.compile(r"https://www\.reddit\.com/r/([A-Za-z0-9_]{2,21})/", re.ASCII)
_LISTS = {"ban": "banned", "unban": "banned", "mute": "muted", "unmute": "muted"}
_IN_SUBREDDIT = ("space", "author_username")


def _hiding(note: str = "") -> Capability:
    return Capability(call="remove", undo="approve", shown_by=(REMOVED,), note=note)


def _listed(call: str, back: str, state: str) -> Capability:
    return Capability(call=call, needs=_IN_SUBREDDIT, undo=back, shown_by=(state,))


class RedditActs(Acts):
    """Act on Reddit as a moderator of the subreddit."""

    api = API
    capabilities: ClassVar[Mapping[str, Capability]] = {
        "approve": Capability(call="approve", undo="remove", shown_by=("approved",)),
        "hide": _hiding("the same as remove: Reddit knows no other hiding"),
        "unhide": Capability(call="approve", undo="remove", shown_by=("approved", VISIBLE), note="the same as approve"),
        "remove": _hiding(),
        "reply": Capability(call="reply", needs=("text",), undo="retract"),
        "retract": Capability(call="del", shown_by=(GONE,), note="deletes a comment of our own"),
        "lock": Capability(call="lock", undo="unlock", shown_by=("locked",)),
        "unlock": Capability(call="unlock", undo="lock", shown_by=("unlocked",)),
        "ban": _listed("ban", "unban", "banned"),
        "unban": _listed("unban", "ban", "not banned"),
        "mute": _listed("mute", "unmute", "muted"),
        "unmute": _listed("unmute", "mute", "not muted"),
    }
    actions = tuple(capabilities)
    acts_on = ("comment", "post")
    fetches = 100

    def target(self, event: WebhookEvent) -> Target:
        """Return what ``event`` is about; the subreddit's name stands in its address."""
        target = super().target(event)
        found = _SPACE.match(as_text(getattr(event.data.subject, "permalink", None)) or "")
        return replace(target, space=found[1]) if found else target

    def values(self, act: Act, session: Session) -> Mapping[str, object]:
        """Return what Reddit's calls take; a ban without days is for ever."""
        target = act.target
        return {
            "id": target.id,
            "thing_id": target.id,
            "text": act.text,
            "space": target.space,
            "name": target.author_username,
            "user": target.author_username,
            "duration": act.days,
            "note": act.reason,
        }

    def refreshing(self, session: Session, client: Client) -> Mapping[str, object]:
        """Return what the token endpoint takes."""
        return {"refresh_token": require_refresh_token(session)}

    def identify(self, session: Session) -> Flow[str]:
        """Ask who the token belongs to; events name users by their full name."""
        id36 = yield from super().identify(session)
        return id36 if id36.startswith("t2_") else f"t2_{id36}"

    def see(self, targets: Sequence[Target], session: Session) -> Flow[tuple[Seen, ...]]:
        """Look at up to 100 comments or posts, as a moderator sees them."""
        reading = yield from self.api.ask("info", {"id": ",".join(each.id for each in targets)}, session)
        things = {as_id(at(thing, "data.name")): as_dict(thing) for thing in as_list(at(reading.body, "data.children"))}
        return tuple(_seen(each.id, things.get(each.id)) for each in targets)

    def look(self, act: Act, session: Session) -> Flow[tuple[Seen, ...]]:
        """Return the flow that looks at the subreddit's list of the banned or muted, or else at the thing itself."""
        return self._look_up(act, session) if act.action in _LISTS else self.fetch(act.targets, session)

    def _look_up(self, act: Act, session: Session) -> Flow[tuple[Seen, ...]]:
        kind, name = _LISTS[act.action], (act.target.author_username or "").lower()
        reading = yield from self.api.ask(kind, self.values(act, session), session)
        names = [str(at(user, "name")).lower() for user in as_list(at(reading.body, "data.children"))]
        state = kind if name in names else f"not {kind}"
        return (Seen(target_id=act.target.id, states=frozenset({state})),)


def _seen(fullname: str, thing: dict[str, Any] | None) -> Seen:
    if thing is None:
        return Seen(target_id=fullname, states=frozenset({GONE}))
    data = as_dict(thing.get("data"))
    text = data.get("body", data.get("selftext"))
    if data.get("author") == "[deleted]" and text == "[deleted]":
        return Seen(target_id=fullname, states=frozenset({GONE}))
    is_removed = bool(data.get("removed") or data.get("banned_by") or text == "[removed]")
    states = {REMOVED if is_removed else VISIBLE, "locked" if data.get("locked") else "unlocked"}
    states |= {"approved"} if data.get("approved") and not is_removed else set()
    (fact,) = listings.read_thing({"kind": "t3" if fullname.startswith("t3_") else "t1", "data": data}).facts
    return Seen(target_id=fullname, states=frozenset(states), comment=fact.data.comment)
