"""What is wanted on a platform, on what, what became of it, and what each platform is capable of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from moderation_ai.core.events import WebhookEvent, object_id_of
from moderation_ai.core.subjects import Action, Comment, Post

DONE, NOT_NEEDED, GONE, NO_EFFECT = "done", "not_needed", "gone", "no_effect"
VISIBLE, HIDDEN, REMOVED = "visible", "hidden", "removed"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A comment or post that is acted on, with what platforms need beside its id; looked up from what is stored.

    ``space`` is the subreddit's name. ``last_action`` is the action of ours that is in force on it, if any: what
    YouTube has rejected stays so.
    """

    id: str
    post_id: str | None = None
    parent_id: str | None = None
    author_id: str | None = None
    author_username: str | None = None
    space: str | None = None
    last_action: str | None = None


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One action that is wanted on one target, or on several where the platform takes several at once.

    ``text`` is a reply's. ``days`` is how long a ban lasts (for ever without it) and ``reason`` what moderators read.
    """

    action: str
    targets: tuple[Target, ...]
    text: str | None = None
    days: int | None = None
    reason: str | None = None

    @property
    def target(self) -> Target:
        """Return the first target."""
        return self.targets[0]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an act on one target.

    ``done``; ``not_needed`` (a look showed that it is so already); ``gone`` (one of several does not exist any more; a
    single one raises ``ContentGone``); ``no_effect`` (the platform said yes, and a look shows no change). ``made_id``
    is the id of a reply that was written.
    """

    target_id: str
    status: str = DONE
    made_id: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a look shows of one target: its states (``visible``, ``hidden``, ``gone``, …), and the comment as it stands.

    No state means that the platform does not tell.
    """

    target_id: str
    states: frozenset[str] = frozenset()
    comment: Comment | None = None


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """One action as a platform can do it: by which call, with which fixed values.

    ``needs`` names what must be known beside the id: fields of ``Target``, ``Act`` and ``Session``. ``undo`` is the
    action that takes it back. ``shown_by`` are the states any of which shows that it is done; where there is none, no
    look can tell. ``batch`` targets go into one call. With ``reads_back`` a look follows, for the platform's yes is not
    enough.
    """

    call: str
    values: Mapping[str, object] = {}
    needs: tuple[str, ...] = ()
    undo: str | None = None
    shown_by: tuple[str, ...] = ()
    batch: int = 1
    reads_back: bool = False
    note: str = ""


def target_of(event: WebhookEvent) -> Target:
    """Return what ``event`` is about: the comment or post, or what a report or a moderator's action points at."""
    data = event.data
    pointer = data.report or data.action
    if pointer is not None:
        author_id = pointer.target_author_id if isinstance(pointer, Action) else None
        return Target(id=pointer.target_id or object_id_of(event), author_id=author_id)
    if data.comment is not None:
        comment = data.comment
        return Target(
            id=comment.id or object_id_of(event),
            post_id=comment.post_id,
            parent_id=comment.parent_id,
            author_id=comment.author_id,
            author_username=comment.author_username,
        )
    post = data.post or Post()
    return Target(
        id=post.id or object_id_of(event),
        post_id=data.deleted_post if data.deleted_comment else None,
        author_id=post.author_id,
        author_username=post.author_username,
    )
