"""How a corpus is loaded, and how what came is compared with what must come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.cli.demo.corpus import differences, load_corpus


def event(event_type: str = "comment.created", **comment: Any) -> dict[str, Any]:
    return {"event_type": event_type, "own": False, "data": {"comment": comment}}


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (event(id="1"), event(id="1", text="more than was asked")),
        (event(id="1", parent_id=None), event(id="1")),
        (event("comment.created|comment.updated"), event("comment.updated")),
        (event(created_at="2026-11-20T08:30:00.123456789Z"), event(created_at="2026-11-20T08:30:00.123Z")),
        (event(created_at="2026-11-20T09:30:00+01:00"), event(created_at="2026-11-20T08:30:00Z")),
        ({"event_type": "unknown", "data": {}}, {"event_type": "unknown", "data": {"reason": "why"}}),
    ],
)
def test_takes_for_equal_what_says_the_same(wanted: dict[str, Any], got: dict[str, Any]) -> None:
    assert differences([wanted], [got]) == []


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (event(id="1"), event(id="2")),
        (event(id="1"), event("comment.updated", id="1")),
        (event(parent_id=None), event(parent_id="3")),
        (event(created_at="2026-11-20T08:30:00Z"), event(created_at="2026-11-20T08:30:01Z")),
        (event(created_at="2026-11-20T08:30:00Z"), event(created_at=None)),
        (event(id="1"), {"event_type": "comment.created", "data": {}}),
        ({**event(id="1"), "own": True}, event(id="1")),
    ],
)
def test_tells_what_differs(wanted: dict[str, Any], got: dict[str, Any]) -> None:
    assert len(differences([wanted], [got])) == 1


def test_compares_without_order_and_pairs_as_many_as_can_be() -> None:
    vague, exact = event(), event(id="1")
    one, two = event(id="1"), event(id="2")
    assert differences([vague, exact], [one, two]) == []
    assert differences([exact, vague], [two, one]) == []


def test_tells_of_events_that_are_missing_or_too_many() -> None:
    assert differences([event(id="1")], []) == ["comment.created: nothing came"]
    assert differences([], [event(id="1")]) == ["comment.created: nobody asked for it"]
    assert differences([event(id="1"), event(id="1")], [event(id="1")]) == [
        "comment.created: another event took its place"
    ]


def test_loads_bodies_with_their_notes_and_without_their_comments(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "one.jsonc").write_text('{"url": "https://a/b", // why\n "n": /* what */ 1}', "utf-8")
    note = {"road": "poll", "events": [event(id="1")], "certain": False, "why_uncertain": "who knows"}
    (folder / "one.meta.json").write_text(json.dumps(note), "utf-8")
    (folder / "two.json").write_text("{}", "utf-8")
    vector = {"headers": {"a": "b"}, "signature": {"secret": "s"}}
    (folder / "two.meta.json").write_text(json.dumps(vector), "utf-8")
    one, two = load_corpus(tmp_path)
    assert (one.platform, one.name, one.road, one.certain) == ("twitter", "x/one.jsonc", "poll", False)
    assert json.loads(one.body) == {"url": "https://a/b", "n": 1}
    assert one.vector is None
    assert two.vector is not None
    assert (two.road, two.certain, two.expected, two.vector.secret) == ("webhook", True, [], "s")
