"""What can be done on YouTube, and how. A rejection is final there, so nothing follows one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from moderation_ai.core.acting import Acts
from moderation_ai.core.acts import GONE, HIDDEN, REMOVED, VISIBLE, Act, Capability, Seen, Target
from moderation_ai.core.api import at
from moderation_ai.core.content import as_id, as_list, as_text
from moderation_ai.core.errors import UnsupportedAction
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.sessions import require_refresh_token
from moderation_ai.platforms.youtube.calls import API
from moderation_ai.platforms.youtube.comments import read_comment

_BATCH = 50
_FINAL = ("remove", "ban")
_STATES = {"published": VISIBLE, "heldForReview": HIDDEN, "likelySpam": HIDDEN, "rejected": REMOVED}


def _status(status: str, undo: str | None, note: str = "") -> Capability:
    return Capability(call="moderate", values={"moderationStatus": status}, undo=undo, batch=_BATCH, note=note)


class YouTubeActs(Acts):
    """Act on YouTube as the owner of the channel."""

    api = API
    capabilities: ClassVar[Mapping[str, Capability]] = {
        "approve": _status("published", "hide", "publishes what is held, never what was rejected"),
        "hide": _status("heldForReview", "unhide", "holds it for review"),
        "unhide": _status("published", "hide"),
        "remove": _status("rejected", None, "final: YouTube does not publish it again"),
        "ban": Capability(call="ban", note="rejects the comment too; final"),
        "reply": Capability(call="reply", needs=("text",), undo="retract", note="stands below the first comment"),
        "retract": Capability(call="delete", shown_by=(GONE,), note="deletes a comment of our own"),
    }
    actions = tuple(capabilities)
    fetches = _BATCH

    def check(self, act: Act, session: Session) -> None:
        """Raise ``UnsupportedAction`` also for what we have rejected: no action brings that back."""
        super().check(act, session)
        final = [each.id for each in act.targets if each.last_action in _FINAL]
        if final and act.action in ("approve", "hide", "unhide"):
            message = f"YouTube has rejected {final[0]} for us, and a rejection is final: {act.action} is not possible"
            raise UnsupportedAction(message, alternatives=("reply",))

    def values(self, act: Act, session: Session) -> Mapping[str, object]:
        """Return what YouTube's calls take. Replies stand on one level: the id before the dot is that of the first."""
        target = act.target
        return {
            "id": ",".join(each.id for each in act.targets),
            "snippet.parentId": target.parent_id or target.id.partition(".")[0],
            "snippet.textOriginal": act.text,
        }

    def refreshing(self, session: Session, client: Client) -> Mapping[str, object]:
        """Return what Google's token endpoint takes."""
        return {"refresh_token": require_refresh_token(session), "client_id": client.id, "client_secret": client.secret}

    def see(self, targets: Sequence[Target], session: Session) -> Flow[tuple[Seen, ...]]:
        """Look at up to 50 comments for one unit; what does not come back does not exist."""
        reading = yield from self.api.ask("comments", {"id": ",".join(each.id for each in targets)}, session)
        items = {as_id(at(item, "id")): item for item in as_list(at(reading.body, "items"))}
        return tuple(_seen(each.id, items.get(each.id)) for each in targets)


def _seen(comment_id: str, item: object) -> Seen:
    if not isinstance(item, dict):
        return Seen(target_id=comment_id, states=frozenset({GONE}))
    state = _STATES.get(as_text(at(item, "snippet.moderationStatus")) or "")
    return Seen(target_id=comment_id, states=frozenset({state} if state else ()), comment=read_comment(item))
