"""Asking one platform in a test: what it answers, and what is seen and done by that."""

from __future__ import annotations

import json
from typing import Any

from moderation_ai.core.acts import Act, Outcome, Seen, Target
from moderation_ai.core.flows import Answer, Outgoing
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import find_platform
from tests.platforms.driving import SESSION, answer, drive

X, REDDIT, YOUTUBE = (find_platform(name) for name in ("twitter", "reddit", "youtube"))
INSTAGRAM, TIKTOK = find_platform("instagram"), find_platform("tiktok")


def says(value: Any, status: int = 200, **headers: str) -> Answer:
    return answer(status, json.dumps(value), **headers)


def fetched(platform: Platform, body: Any, *ids: str, post_id: str = "p1") -> dict[str, Seen]:
    targets = [Target(id=one, post_id=post_id) for one in ids]
    seen, _ = drive(platform.fetch(targets, SESSION), lambda _: says(body))
    assert [each.target_id for each in seen] == list(ids)
    return {each.target_id: each for each in seen}


def run(
    platform: Platform, act: Act, *answers: Answer, look: bool = False
) -> tuple[tuple[Outcome, ...], list[Outgoing]]:
    waiting = list(answers)
    found = drive(platform.moderate(act, SESSION, look=look), lambda _: waiting.pop(0))
    assert not waiting, "less was asked than the test has answers for"
    return found
