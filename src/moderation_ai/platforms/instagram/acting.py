"""What can be done on Instagram, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from moderation_ai.core.acting import Acts
from moderation_ai.core.acts import GONE, HIDDEN, VISIBLE, Act, Capability, Seen, Target
from moderation_ai.core.api import at
from moderation_ai.core.content import as_id, as_text, as_time, first_id
from moderation_ai.core.errors import ContentGone
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.sessions import read_session
from moderation_ai.core.subjects import Comment
from moderation_ai.platforms.instagram.calls import API
from moderation_ai.platforms.instagram.hosts import BY_FACEBOOK, BY_INSTAGRAM

_SHOW = Capability(call="hide", values={"hide": False}, undo="hide", shown_by=(VISIBLE,))


def _block(action: str, undo: str) -> Capability:
    return Capability(
        call="block",
        values={"actions": [action]},
        needs=("page_id", "author_id"),
        undo=undo,
        note="with Facebook Login alone, and where there is a conversation with the user",
    )


class InstagramActs(Acts):
    """Act on Instagram as the owner of the media."""

    api = API
    capabilities: ClassVar[Mapping[str, Capability]] = {
        "approve": _SHOW,
        "hide": Capability(call="hide", values={"hide": True}, undo="unhide", shown_by=(HIDDEN,)),
        "unhide": _SHOW,
        "remove": Capability(call="delete", shown_by=(GONE,), note="final; hide can be taken back"),
        "reply": Capability(call="reply", needs=("text",), undo="retract", note="stands below the first comment"),
        "retract": Capability(call="delete", shown_by=(GONE,), note="deletes a comment of our own"),
        "ban": _block("block_user", "unban"),
        "unban": _block("unblock_user", "ban"),
    }
    actions = tuple(capabilities)
    fetches = 1

    def values(self, act: Act, session: Session) -> Mapping[str, object]:
        """Return what Instagram's calls take. Replies stand on one level, below the comment that began."""
        target = act.target
        return {
            "host": _host(session),
            "comment_id": target.id,
            "top_id": target.parent_id or target.id,
            "message": act.text,
            "page_id": session.page_id,
            "user_ids": [{"id": target.author_id}],
        }

    def who(self, session: Session) -> tuple[str, Mapping[str, object]]:
        """Return the call that tells the account: Instagram's own, or the Page's."""
        return ("page", {"page_id": session.page_id}) if session.page_id else ("me", {})

    def session(self, session: Session, client: Client) -> Flow[Session]:
        """Yield the request for the next long-lived token: Instagram's, or Facebook's where there is a Page."""
        name = "exchange" if session.page_id else "refresh"
        reading = yield from self.api.ask(name, self.refreshing(session, client), session, client)
        return read_session(reading, session)

    def renews_after(self, session: Session) -> timedelta | None:
        """Return a day: a token can be renewed when it is that old, and not any more once it has ended.

        A Page's does not end. Source: the row ``refresh``.
        """
        return None if session.page_id else timedelta(days=1, minutes=5)

    def refreshing(self, session: Session, client: Client) -> Mapping[str, object]:
        """Return what the two token endpoints take: there is no refresh token, the token itself is renewed."""
        token = session.access_token
        ours = {"client_id": client.id, "client_secret": client.secret}
        return {"access_token": token, "fb_exchange_token": token, **ours}

    def see(self, targets: Sequence[Target], session: Session) -> Flow[tuple[Seen, ...]]:
        """Look at one comment."""
        comment_id = targets[0].id
        try:
            reading = yield from self.api.ask("comment", {"host": _host(session), "comment_id": comment_id}, session)
        except ContentGone:
            return (Seen(target_id=comment_id, states=frozenset({GONE})),)
        hidden = at(reading.body, "hidden")
        states = {HIDDEN if hidden else VISIBLE} if isinstance(hidden, bool) else set()
        return (Seen(target_id=comment_id, states=frozenset(states), comment=_comment(comment_id, reading.body)),)


def _host(session: Session) -> str:
    return BY_FACEBOOK if session.page_id else BY_INSTAGRAM


def _comment(comment_id: str, body: Any) -> Comment:
    return Comment(
        id=comment_id,
        post_id=as_id(at(body, "media.id")),
        parent_id=as_id(at(body, "parent_id")),
        author_id=first_id(at(body, "from.id"), at(body, "user.id")),
        author_username=as_text(at(body, "from.username")) or as_text(at(body, "username")),
        text=as_text(at(body, "text")),
        created_at=as_time(at(body, "timestamp")),
    )
