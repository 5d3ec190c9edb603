"""What can be done on TikTok, and how. A comment is named together with its video there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from moderation_ai.core.acting import Acts
from moderation_ai.core.acts import GONE, HIDDEN, VISIBLE, Act, Capability, Seen, Target
from moderation_ai.core.api import at
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.sessions import require_refresh_token
from moderation_ai.core.subjects import Comment
from moderation_ai.platforms.tiktok.calls import API

_OF_VIDEO = ("account_id", "post_id")
_SHOW = Capability(
    call="hide",
    values={"action": "UNHIDE"},
    needs=_OF_VIDEO,
    undo="hide",
    shown_by=(VISIBLE,),
    reads_back=True,
    note="a filter of TikTok's own may keep it hidden, so we look afterwards",
)


class TikTokActs(Acts):
    """Act on TikTok as the account that owns the video."""

    api = API
    capabilities: ClassVar[Mapping[str, Capability]] = {
        "approve": _SHOW,
        "hide": Capability(call="hide", values={"action": "HIDE"}, needs=_OF_VIDEO, undo="unhide", shown_by=(HIDDEN,)),
        "unhide": _SHOW,
        "reply": Capability(call="reply", needs=(*_OF_VIDEO, "text"), undo="retract"),
        "retract": Capability(call="delete", needs=_OF_VIDEO, shown_by=(GONE,), note="deletes a comment of our own"),
    }
    actions = tuple(capabilities)
    instead: ClassVar[Mapping[str, str]] = {"remove": "hide"}
    fetches = 1

    def values(self, act: Act, session: Session) -> Mapping[str, object]:
        """Return what TikTok's calls take; its ids are texts."""
        target = act.target
        return {
            "business_id": session.account_id,
            "video_id": target.post_id,
            "comment_id": target.id,
            "text": act.text,
        }

    def refreshing(self, session: Session, client: Client) -> Mapping[str, object]:
        """Return what the token endpoint takes; the refresh token that comes back may be another one."""
        return {"refresh_token": require_refresh_token(session), "client_id": client.id, "client_secret": client.secret}

    def see(self, targets: Sequence[Target], session: Session) -> Flow[tuple[Seen, ...]]:
        """Look at one comment of a video; what does not come back does not exist."""
        target = targets[0]
        values = {
            "business_id": session.account_id,
            "video_id": target.post_id,
            "comment_ids": json.dumps([target.id]),
        }
        reading = yield from self.api.ask("comments", values, session)
        comments = {as_id(at(each, "comment_id")): as_dict(each) for each in as_list(at(reading.body, "data.comments"))}
        return (_seen(target.id, comments.get(target.id)),)


def _seen(comment_id: str, fields: dict[str, Any] | None) -> Seen:
    if fields is None:
        return Seen(target_id=comment_id, states=frozenset({GONE}))
    status, parent_id = as_text(fields.get("status")), as_id(fields.get("parent_comment_id"))
    # What only friends see is as good as hidden.
    states = frozenset({VISIBLE if status == "PUBLIC" else HIDDEN} if status else ())
    comment = Comment(
        id=comment_id,
        post_id=as_id(fields.get("video_id")),
        # Zero stands for none.
        parent_id=None if parent_id == "0" else parent_id,
        author_id=as_id(fields.get("unique_identifier")),
        author_username=as_text(fields.get("username")),
        text=as_text(fields.get("text")),
        created_at=as_time(fields.get("create_time")),
    )
    return Seen(target_id=comment_id, states=states, comment=comment)
