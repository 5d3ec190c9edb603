"""What can be done on X, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from moderation_ai.core.acting import Acts
from moderation_ai.core.acts import GONE, Act, Capability, Seen, Target
from moderation_ai.core.api import at
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time
from moderation_ai.core.errors import ContentGone
from moderation_ai.core.flows import Client, Flow, Session
from moderation_ai.core.sessions import require_refresh_token
from moderation_ai.core.subjects import Comment
from moderation_ai.platforms.twitter.calls import API, NOT_FOUND, problem_kind

_SHOW = Capability(call="hide", values={"hidden": False}, undo="hide", note="shows a hidden reply again")


class TwitterActs(Acts):
    """Act on X: hide what others wrote in our conversations, answer, mute."""

    api = API
    capabilities: ClassVar[Mapping[str, Capability]] = {
        "approve": _SHOW,
        "hide": Capability(
            call="hide", values={"hidden": True}, undo="unhide", note="in conversations that the account began"
        ),
        "unhide": _SHOW,
        "reply": Capability(call="reply", needs=("text",), undo="retract", note="only to who mentions or quotes us"),
        "retract": Capability(call="delete", shown_by=(GONE,), note="deletes a post of our own"),
        "mute": Capability(call="mute", needs=("account_id", "author_id"), undo="unmute"),
        "unmute": Capability(call="unmute", needs=("account_id", "author_id"), undo="mute"),
    }
    actions = tuple(capabilities)
    instead: ClassVar[Mapping[str, str]] = {"remove": "hide"}
    fetches = 100

    def values(self, act: Act, session: Session) -> Mapping[str, object]:
        """Return what X's calls take."""
        target = act.target
        return {
            "tweet_id": target.id,
            "reply.in_reply_to_tweet_id": target.id,
            "text": act.text,
            "me": session.account_id,
            "target_user_id": target.author_id,
        }

    def refreshing(self, session: Session, client: Client) -> Mapping[str, object]:
        """Return what the token endpoint takes; the refresh token that comes back is another one."""
        return {"refresh_token": require_refresh_token(session), "client_id": client.id}

    def see(self, targets: Sequence[Target], session: Session) -> Flow[tuple[Seen, ...]]:
        """Look at up to 100 posts. Whether a reply is hidden is not told, so a post that is there has no state."""
        try:
            reading = yield from self.api.ask("posts", {"ids": ",".join(each.id for each in targets)}, session)
        except ContentGone:
            return tuple(Seen(target_id=each.id, states=frozenset({GONE})) for each in targets)
        posts = {as_id(at(post, "id")): as_dict(post) for post in as_list(at(reading.body, "data"))}
        users = as_list(at(reading.body, "includes.users"))
        names = {as_id(at(user, "id")): as_text(at(user, "username")) for user in users}
        problems = as_list(at(reading.body, "errors"))
        gone = {as_id(at(each, "value")) for each in problems if problem_kind(each) == NOT_FOUND}
        return tuple(
            Seen(
                target_id=each.id,
                states=frozenset({GONE} if each.id in gone else ()),
                comment=_comment(each.id, posts[each.id], names) if each.id in posts else None,
            )
            for each in targets
        )


def _comment(tweet_id: str, post: dict[str, Any], names: Mapping[str | None, str | None]) -> Comment:
    root, author_id = as_id(post.get("conversation_id")), as_id(post.get("author_id"))
    referenced = as_list(post.get("referenced_tweets"))
    answered = [as_id(at(each, "id")) for each in referenced if at(each, "type") == "replied_to"]
    return Comment(
        id=tweet_id,
        post_id=root,
        parent_id=answered[0] if answered and answered[0] != root else None,
        author_id=author_id,
        author_username=names.get(author_id),
        text=as_text(post.get("text")),
        created_at=as_time(post.get("created_at")),
    )
