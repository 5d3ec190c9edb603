"""What waits for Reddit's moderators: what a filter took away, and what users or moderators reported.

Source: https://www.reddit.com/dev/api#GET_about_{location}. A report is told as its reason and how often it was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moderation_ai.core.content import as_list, as_text, as_time
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact
from moderation_ai.core.subjects import Action, Report
from moderation_ai.core.trails import Item
from moderation_ai.platforms.reddit import facts, listings


def read_queued(kind: str, data: dict[str, Any]) -> Iterator[Item]:
    """Yield what is said of a queued thing: that it is held, and each report; what the thing itself is, others tell."""
    if kind not in ("t1", "t3"):
        raise MalformedPayload("neither a comment nor a post")
    thing = listings.comment_of(data) if kind == "t1" else listings.post_of(data)
    if _is_held(data):
        yield Item(id=f"{thing.id} held {data.get('banned_at_utc')}", when=thing.created_at, fact=_held(kind, data))
    name = "comment" if kind == "t1" else "post"
    for reason, count, by in _reports(data):
        report = Report(target_id=thing.id, target_type=name, reason=reason)
        fact = facts.reported(report, listings.scope_of(data, None), f"{count} {by}{reason}")
        yield Item(id=f"{thing.id} {count} {by}{reason}"[:200], when=thing.created_at, fact=fact)


def _is_held(data: dict[str, Any]) -> bool:
    return bool(data.get("banned_by") or data.get("removed") or data.get("spam")) and not data.get("approved")


def _held(kind: str, data: dict[str, Any]) -> Fact:
    when = as_time(data.get("banned_at_utc"))
    scope, reason = listings.scope_of(data, when), as_text(data.get("removal_reason"))
    by = as_text(data.get("banned_by"))
    if kind == "t1":
        return facts.held(listings.comment_of(data), scope, reason or by)
    post = listings.post_of(data)
    action = Action(
        kind="hide",
        target_id=post.id,
        target_type="post",
        target_author_id=post.author_id,
        actor_username=by or "AutoModerator",
        reason=reason,
    )
    return facts.acted(action, scope, facts.version_of(when) or "held")


def _reports(data: dict[str, Any]) -> Iterator[tuple[str | None, int, str]]:
    """Yield each report: its reason, how often it was given, and by whom, which is told of moderators alone."""
    for row in as_list(data.get("user_reports")):
        entry = [*as_list(row), None, None]
        count = entry[1] if isinstance(entry[1], int) and not isinstance(entry[1], bool) else 1
        yield as_text(entry[0]), count, ""
    for row in as_list(data.get("mod_reports")):
        entry = [*as_list(row), None, None]
        yield as_text(entry[0]), 1, f"{as_text(entry[1]) or 'moderator'}: "
