"""Replaying: what is put back, what is only shown, and what is refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.events import to_json
from moderation_ai.stores.opening import open_store
from tests.cli.conftest import Run, rows
from tests.cli.filling import ALL, DEAD_ONE, DONE_ONE, LEFT, URL, WAITING, comment, ids

pytestmark = pytest.mark.usefixtures("filled")


def statuses(run: Run) -> dict[str, str]:
    return {row["event_id"]: row["status"] for row in rows(run("events", "list", "--json"))}


def test_puts_events_back_by_their_ids(run: Run) -> None:
    result = run("events", "replay", DONE_ONE.event_id, DEAD_ONE.event_id)
    assert result.exit_code == 0
    assert "2 events will be handled again" in result.stderr
    after = statuses(run)
    assert after[DONE_ONE.event_id] == after[DEAD_ONE.event_id] == "pending"
    assert after[LEFT.event_id] == "unhandled"


def test_puts_events_back_by_filters(run: Run) -> None:
    run("events", "replay", "--status", "unhandled", "--since", "1d")
    assert statuses(run)[LEFT.event_id] == "pending"


def test_leaves_alone_what_waits_already(run: Run) -> None:
    result = run("events", "replay", WAITING.event_id)
    assert "0 events will be handled again; 1 are being handled just now" in result.stderr


def test_runs_one_handler_alone_where_it_is_named(run: Run) -> None:
    run("events", "replay", DEAD_ONE.event_id, "--handler", "app.judge")
    (found,) = rows(run("events", "show", DEAD_ONE.event_id, "--json"))
    assert {one["handler"]: one["state"] for one in found["attempts"]} == {"app.count": "dead", "app.judge": "retry"}


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_handler_that_may_be_misspelt_is_said_so(run: Run, more: list[str]) -> None:
    names = ["--handler", "app.jugde", "--handler", "app.judge"]
    result = run("events", "replay", DEAD_ONE.event_id, *names, *more)
    assert "'app.jugde' has handled none of these before, as app.count and app.judge have" in result.stderr
    assert "'app.judge' has" not in result.stderr


def test_a_handler_of_events_that_none_has_handled_may_be_any(run: Run) -> None:
    result = run("events", "replay", LEFT.event_id, "--handler", "app.judge")
    assert "'app.judge' has handled none of these before; if `serve` knows" in result.stderr


def test_a_dry_run_changes_nothing_and_shows_what_is_meant(run: Run) -> None:
    before = statuses(run)
    result = run("events", "replay", "--status", "done", "--dry-run", "--json")
    assert [row["status"] for row in rows(result)] == ["done", "done"]
    assert "2 events would be replayed" in result.stderr
    assert statuses(run) == before


@pytest.mark.parametrize(
    "options",
    [[], ["--handler", "app.judge"], ["--file", "events.json", "--status", "done"], ["--file", "nowhere.json"]],
)
def test_refuses_to_guess_what_is_meant(run: Run, options: list[str]) -> None:
    Path("events.json").write_text("[]")
    assert run("events", "replay", *options).exit_code == 2


def test_an_id_that_is_not_there_stops_the_whole(run: Run) -> None:
    result = run("events", "replay", DONE_ONE.event_id, "evt_nowhere")
    assert result.exit_code == 1
    assert "no event is called evt_nowhere; nothing was replayed" in result.stderr
    assert statuses(run)[DONE_ONE.event_id] == "done"


def test_asks_before_it_puts_many_back(run: Run) -> None:
    lines = b"\n".join(to_json(comment(number).event) for number in range(100, 130))
    Path("many.jsonl").write_bytes(lines)
    refused = run("events", "replay", "--file", "many.jsonl")
    assert refused.exit_code == 2
    assert "this would replay 30 events; say --yes" in refused.stderr
    assert len(statuses(run)) == 5
    assert run("events", "replay", "--file", "many.jsonl", "--yes").exit_code == 0
    assert len(statuses(run)) == 35


def test_an_empty_file_replays_nothing(run: Run) -> None:
    Path("none.json").write_text("[]")
    before = statuses(run)
    assert "0 events will be handled again" in run("events", "replay", "--file", "none.json").stderr
    assert statuses(run) == before


def test_an_exported_file_can_be_replayed_in_another_store(run: Run) -> None:
    run("events", "export", "--output", "all.jsonl")
    run("db", "upgrade", "--store", "sqlite:///other.db")
    result = run("events", "replay", "--file", "all.jsonl", "--store", "sqlite:///other.db")
    assert "5 events will be handled again" in result.stderr
    found = rows(run("events", "list", "--json", "--store", "sqlite:///other.db"))
    assert [row["event_id"] for row in found] == ids(ALL)[::-1]
    assert {(row["status"], row["source"]) for row in found} == {("pending", "replay")}


def test_an_event_of_a_file_that_is_stored_already_is_put_back_not_doubled(run: Run) -> None:
    run("events", "export", "--output", "all.jsonl", "--status", "done")
    assert "2 events will be handled again" in run("events", "replay", "--file", "all.jsonl").stderr
    assert len(statuses(run)) == 5
    assert statuses(run)[DONE_ONE.event_id] == "pending"


def test_a_file_may_hold_the_events_that_people_write_by_hand(run: Run) -> None:
    event = {
        "event_id": "evt_123",
        "event_type": "comment.created",
        "platform": "twitter",
        "data": {"comment": {"id": "c9", "text": "Test comment", "author_username": "test_user"}},
    }
    no_id: dict[str, Any] = {"event_type": "comment.created", "data": {"comment": {"text": "without any id"}}}
    Path("webhooks.json").write_text(json.dumps([event, no_id]))
    assert "2 events will be handled again" in run("events", "replay", "--file", "webhooks.json").stderr
    found = rows(run("events", "list", "--json", "--limit", "2"))
    assert found[1]["event_id"] == "evt_123"
    assert found[1]["lane"] == "twitter:c9"
    assert found[1]["received_at"] == "2026-11-24T12:00:00Z"
    assert found[0]["event_id"].startswith("evt_")
    assert found[0]["platform"] == "generic"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "line 1 is no JSON"), ('{"event_type": "x"}\n[]', "no event"), ("[1]", "entry 1 is no event")],
)
def test_a_file_with_what_is_no_event_is_refused_whole(run: Run, text: str, said: str) -> None:
    Path("bad.json").write_text(text)
    result = run("events", "replay", "--file", "bad.json")
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(statuses(run)) == 5


def test_what_was_put_back_runs_whatever_is_known_of_its_object(run: Run) -> None:
    run("events", "replay", DONE_ONE.event_id)

    async def claimed() -> list[tuple[str, bool, str]]:
        store = open_store(URL)
        found = await store.claim("w", 10, DONE_ONE.received_at, 30)  # type: ignore[arg-type]  # it was received
        await store.close()
        return [(one.event.event_id, one.forced, one.event.source) for one in found]

    assert (DONE_ONE.event_id, True, "replay") in asyncio.run(claimed())
