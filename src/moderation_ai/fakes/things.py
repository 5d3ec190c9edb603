"""What lies on a fake's shelves, and what was done to it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from moderation_ai.core.acts import GONE, VISIBLE


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """A comment as the fake keeps it.

    ``state`` is ``visible``, ``hidden``, ``removed`` or ``gone``. ``is_ours`` says that the account wrote it,
    ``is_elsewhere`` that it does not stand below a post of the account, ``is_filtered`` that the platform keeps it
    hidden by itself. ``edited_at`` is when its text was last changed, ``reports`` are the reasons that users gave.
    """

    id: str
    post_id: str
    parent_id: str | None = None
    author_id: str
    author_username: str
    text: str
    created_at: datetime
    state: str = VISIBLE
    is_ours: bool = False
    is_elsewhere: bool = False
    is_filtered: bool = False
    is_approved: bool = False
    is_locked: bool = False
    edited_at: datetime | None = None
    reports: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Say whether it exists still."""
        return self.state != GONE


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a call did, and when: to which object, and whether that changed anything."""

    call: str
    action: str
    object_id: str
    changed: bool = True
    at: datetime


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What people were sent: a reply below a comment, or a message to a user."""

    to: str
    text: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A call that arrived, whatever came of it."""

    call: str
    values: dict[str, object]
    at: datetime
