"""``WebhookReplay``: events run again, from files of every form and from the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.errors import ConfigurationError, GiveUp, MalformedPayload
from moderation_ai.core.events import WebhookEvent, to_json
from moderation_ai.stores.base import EventFilter
from moderation_ai.utils import WebhookHandler, WebhookReplay
from moderation_ai.webhooks.replay import read_events
from tests.webhooks.events import Book, envelope

pytestmark = pytest.mark.anyio


@pytest.fixture
def book(handler: WebhookHandler) -> Book:
    book = Book()
    book.async_handler(handler)
    return book


def saved(*names: str) -> list[dict[str, Any]]:
    return [json.loads(envelope(name)) for name in names]


FORMS = {
    "an array": json.dumps(saved("a", "b"), indent=2),
    "lines": "\n".join(json.dumps(one) for one in saved("a", "b")),
    "lines with empty ones": "\n\n" + "\r\n\n".join(json.dumps(one) for one in saved("a", "b")) + "\n\n",
    "a byte order mark": "\ufeff" + json.dumps(saved("a", "b")),
}


@pytest.mark.parametrize("form", FORMS)
async def test_events_of_a_file_run(handler: WebhookHandler, book: Book, tmp_path: Path, form: str) -> None:
    file = tmp_path / "webhooks.json"
    file.write_text(FORMS[form], encoding="utf-8")
    replayed = await WebhookReplay(handler).replay_from_file(str(file))
    assert book.ids == ["a", "b"]
    assert (replayed.event_ids, replayed.failures) == (["evt_a_comment.created", "evt_b_comment.created"], 0)
    assert [report.ok for report in replayed.reports] == [True, True]


async def test_what_was_exported_runs_again_and_says_that_it_is_a_replay(
    handler: WebhookHandler, book: Book, tmp_path: Path
) -> None:
    sources: list[tuple[str, str | None]] = []
    handler.on("*", name="sources")(lambda event: sources.append((event.source, event.text)))
    await handler.handle(handler.parse_event(envelope("a"), "generic"))
    (event,) = await handler.runtime().parts.store.events(EventFilter())
    file = tmp_path / "export.jsonl"
    file.write_bytes(to_json(event) + b"\n")
    for _ in range(2):
        await WebhookReplay(handler).replay_from_file(file)
    assert book.ids == ["a"] * 3
    assert sources == [("webhook", "hello"), ("replay", "hello"), ("replay", "hello")]


async def test_a_dry_run_says_what_would_run(handler: WebhookHandler, book: Book, tmp_path: Path) -> None:
    file = tmp_path / "webhooks.json"
    file.write_text(FORMS["lines"])
    replayed = await WebhookReplay(handler).replay_from_file(file, dry_run=True)
    assert (replayed.dry_run, replayed.event_ids, replayed.reports) == (
        True, ["evt_a_comment.created", "evt_b_comment.created"], [],
    )  # fmt: skip
    assert book.ids == []


GOOD = json.dumps(saved("a")[0])


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (f"{GOOD}\nno json\n", "line 2 is no JSON"),
        (f"{GOOD}\n\n{{}}\n", "line 3 is no event"),
        (f'{GOOD}\n{{"event_type": 5}}', "line 2 is no event"),
        (f'{GOOD}\n{{"event_type": "x", "data": []}}', "line 2 is no event"),
        (f'{GOOD}\n{{"event_type": "x", "event_id": 7}}', "line 2 is no event"),
        (f'{GOOD}\n{{"event_type": "x", "platform": {{}}}}', "line 2 is no event"),
        (f'{GOOD}\n{{"event_type": "x", "lane": 1}}', "line 2 is no event"),
        (f"{GOOD}\n5", "line 2 is no event"),
        (f"[{GOOD}, null]", "entry 2 is no event"),
        (f"[{GOOD}", "the file is no JSON"),
        ("[" * 100_000, "the file is no JSON"),
        (f"{GOOD}\n" + "[" * 100_000, "line 2 is no"),
    ],
)
async def test_a_bad_line_is_named_and_nothing_runs(
    handler: WebhookHandler, book: Book, tmp_path: Path, content: str, place: str
) -> None:
    file = tmp_path / "webhooks.json"
    file.write_text(content)
    with pytest.raises(MalformedPayload, match=place):
        await WebhookReplay(handler).replay_from_file(file)
    assert book.ids == []


def test_bytes_that_are_no_text_are_named_too() -> None:
    with pytest.raises(MalformedPayload, match="line 1 is no JSON"):
        read_events(b'{"event_type": "\xff"}')


def test_an_empty_file_has_no_events() -> None:
    assert read_events(b"") == read_events(b"\n \n") == read_events(b"[]") == []


async def test_a_file_that_is_not_there_is_told(handler: WebhookHandler, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await WebhookReplay(handler).replay_from_file(tmp_path / "nothing.json")


async def test_stored_events_run_again_by_their_ids(handler: WebhookHandler, book: Book) -> None:
    for name in "abc":
        await handler.handle(handler.parse_event(envelope(name), "generic"))
    replayed = await WebhookReplay(handler).replay_events(
        ["evt_c_comment.created", "evt_a_comment.created", "evt_none"]
    )
    assert book.ids == ["a", "b", "c", "a", "c"]
    assert replayed.event_ids == ["evt_a_comment.created", "evt_c_comment.created"]
    assert replayed.reports[0].statuses == {"evt_a_comment.created": "done", "evt_c_comment.created": "done"}


async def test_stored_events_run_again_by_one_handler_alone(handler: WebhookHandler, book: Book) -> None:
    failing = [True]

    @handler.on("*", name="weak")
    async def weak(event: WebhookEvent) -> None:
        if failing:
            raise GiveUp("broken today")

    await handler.handle(handler.parse_event(envelope("a"), "generic"))
    failing.clear()
    replayed = await WebhookReplay(handler).replay_events(["evt_a_comment.created"], handlers=["weak"])
    assert book.ids == ["a"]
    assert replayed.reports[0].statuses == {"evt_a_comment.created": "done"}
    assert replayed.failures == 0


async def test_stored_events_run_again_by_time_and_filter(handler: WebhookHandler, book: Book) -> None:
    for name, kind in (("a", "comment.created"), ("b", "comment.held"), ("c", "comment.created")):
        await handler.handle(handler.parse_event(envelope(name, kind), "generic"))
    replay, now = WebhookReplay(handler), datetime.now(UTC)
    hour = timedelta(hours=1)
    assert len((await replay.replay_between(now - hour, now + hour, dry_run=True)).event_ids) == 3
    assert (await replay.replay_between(now + hour, dry_run=True)).event_ids == []
    assert (await replay.replay_between(now - hour, now - hour / 2)).event_ids == []
    assert book.ids == ["a", "b", "c"]
    await replay.replay_where(EventFilter(event_type="comment.created"))
    assert book.ids == ["a", "b", "c", "a", "c"]


async def test_failures_of_a_replay_are_counted(handler: WebhookHandler, tmp_path: Path) -> None:
    @handler.on("*")
    def bad(event: WebhookEvent) -> None:
        raise ValueError("no")

    file = tmp_path / "webhooks.json"
    file.write_text(FORMS["an array"])
    assert (await WebhookReplay(handler).replay_from_file(file)).failures == 2


async def test_without_a_handler_the_one_made_last_is_meant(book: Book, handler: WebhookHandler) -> None:
    assert WebhookReplay().handler is handler


def test_without_any_handler_there_is_nothing_to_run() -> None:
    WebhookHandler()  # Nobody keeps it.
    with pytest.raises(ConfigurationError, match="make a WebhookHandler first"):
        WebhookReplay()


async def test_a_replayed_event_runs_though_its_comment_was_deleted(handler: WebhookHandler) -> None:
    book = Book()
    book.plain_handler(handler, "comment.created")
    gone = json.dumps({"event_type": "comment.deleted", "data": {"comment_id": "a"}}).encode()
    for body in (gone, envelope("a")):
        await handler.handle(handler.parse_event(body, "generic"))
    assert book.ids == []
    replayed = await WebhookReplay(handler).replay_events(["evt_a_comment.created"])
    assert replayed.reports[0].statuses == {"evt_a_comment.created": "done"}
    assert book.ids == ["a"]
