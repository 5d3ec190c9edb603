"""What YouTube's flows remember to read later, with answers that a test makes."""

from __future__ import annotations

import msgspec

from moderation_ai.core.flows import Answer, Outgoing
from moderation_ai.core.polling import Page
from moderation_ai.platforms.youtube import PLATFORM
from moderation_ai.platforms.youtube.fetching import MOST_TODO, YouTubeTrail
from tests.platforms.driving import SESSION, answer, drive
from tests.platforms.fixtures import NOW

WAITING = [(f"thread{number}", "video") for number in range(MOST_TODO)]


def list_with_replies(request: Outgoing) -> Answer:
    """Answer with one thread that has more replies than it shows, or with one of no replies."""
    written = {"textDisplay": "Rye?", "publishedAt": "2026-11-01T10:00:00Z", "updatedAt": "2026-11-01T10:00:00Z"}
    thread = {"topLevelComment": {"id": "late", "snippet": written}, "videoId": "video", "totalReplyCount": 9}
    items = [{"id": "late", "snippet": thread}] if request.call == "threads" else []
    return answer(200, msgspec.json.encode({"kind": "youtube#commentThreadListResponse", "items": items}))


def poll(trail: YouTubeTrail) -> YouTubeTrail:
    feed = next(each for each in PLATFORM.feeds((), SESSION) if each.name == "threads")
    page: Page
    page, _ = drive(PLATFORM.ask_feed(feed, trail.to_text(), SESSION, NOW), list_with_replies)
    return msgspec.json.decode(page.cursor, type=YouTubeTrail)


def test_replies_that_wait_to_be_read_are_not_forgotten_for_newer_ones() -> None:
    # They were left over from a poll whose answers failed.
    after = poll(YouTubeTrail(todo=list(WAITING), high=1.0))
    assert sorted(after.todo) == sorted(WAITING)


def test_a_thread_for_which_there_is_no_room_is_noted_when_there_is() -> None:
    full = poll(YouTubeTrail(todo=list(WAITING), high=1.0))
    full.todo, full.etag, full.polled = [], "", 0.0
    assert poll(full).todo == [("late", "video")]
