"""Every code block of the brief runs as it stands; those that serve do so in ``test_served``."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from moderation_ai import get_platform, hide_comment, standards_engine
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.signatures import hmac_digest
from moderation_ai.platforms import find_platform
from moderation_ai.utils import WebhookHandler, verify_webhook_signature
from moderation_ai.webhooks.report import Report
from tests.blocks import run_block
from tests.brief.copies import STAND_INS, block, text_of
from tests.kinds import lasting_url

pytestmark = pytest.mark.anyio

SECRET = "your_webhook_secret"
GIVEN: dict[str, Any] = {
    "asyncio": asyncio,
    "get_platform": get_platform,
    "hide_comment": hide_comment,
    "standards_engine": standards_engine,
    "verify_webhook_signature": verify_webhook_signature,
}
"""Stand-ins that are the real thing."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODERATION_AI_STORE__URL", lasting_url(tmp_path / "events.db"))


@pytest.fixture
def handler() -> WebhookHandler:
    return WebhookHandler(secret=SECRET)


async def run(number: int, **stand_ins: Any) -> tuple[Any, dict[str, Any]]:
    """Run a block with the stand-ins that the table lists for it; return its value and its names."""
    listed = STAND_INS[block(number).name]
    names = {name: stand_ins.pop(name, GIVEN.get(name)) for name in listed}
    assert not stand_ins, "the table lists no such name"
    assert None not in names.values(), names
    names["__name__"] = f"block_{number}"
    return await run_block(text_of(number), names, str(block(number))), names


def comment(text: str = "Comment text", **changes: Any) -> bytes:
    """Return the brief's comment.created as a body, with another text."""
    envelope = {"event_id": "evt_1", "event_type": "comment.created", "timestamp": "2024-01-08T10:30:00Z"}
    fields = {"id": "comment_id", "text": text, "author_username": "username"}
    return json.dumps({**envelope, "platform": "twitter", "data": {"comment": fields}, **changes}).encode()


async def given(handler: WebhookHandler, body: bytes, platform: str = "twitter") -> Report:
    """Let a handler handle a body and return the report."""
    return await handler.handle(handler.parse_event(body, platform))


# What the platforms and the envelope look like


@pytest.mark.parametrize(
    ("number", "platform", "event_type", "fields"),
    [
        (2, "twitter", "post.created", {"id": "1050118621198921728", "caption": "Hello, world!", "author_id": "123456789", "author_username": "username"}),
        (3, "reddit", "comment.created", {"id": "comment_id", "text": "Comment text", "post_id": "post_id", "author_username": "username"}),
        (4, "youtube", "comment.created", {"id": "comment_id", "text": "Comment text", "author_username": "username"}),
        (5, "instagram", "comment.created", {"id": "comment_id", "text": "Comment text", "author_username": "username"}),
    ],
)  # fmt: skip
async def test_the_platforms_payloads_are_understood(
    handler: WebhookHandler, number: int, platform: str, event_type: str, fields: dict[str, str]
) -> None:
    seen: list[WebhookEvent] = []
    handler.on("*", name="note")(seen.append)
    assert (await given(handler, text_of(number).encode(), platform)).ok
    (event,) = seen
    assert (event.event_type, event.platform) == (event_type, platform)
    assert {name: getattr(event.data, name) for name in fields} == fields


async def test_xs_own_time_is_read(handler: WebhookHandler) -> None:
    event = handler.parse_event(text_of(2), "twitter")
    assert event.timestamp == datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "platform", "event_type", "fields"),
    [
        (6, "twitter", "comment.created", {"text": "Comment text", "author_id": "author_id", "post_id": "post_id"}),
        (7, "reddit", "comment.updated", {"text": "Updated comment text", "author_username": "username"}),
        (8, "youtube", "comment.deleted", {"comment_id": "comment_id", "post_id": "post_id"}),
        (9, "instagram", "post.created", {"caption": "Post caption", "media_urls": ["url1", "url2"]}),
    ],
)
async def test_the_envelopes_are_events(
    handler: WebhookHandler, number: int, platform: str, event_type: str, fields: dict[str, Any]
) -> None:
    seen: list[WebhookEvent] = []
    handler.on(event_type)(seen.append)
    value, _ = await run(number)
    assert (await given(handler, json.dumps(value).encode(), value["platform"])).ok
    (event,) = seen
    assert (event.event_id, event.event_type, event.platform) == ("evt_123456789", event_type, platform)
    assert event.timestamp == datetime(2024, 1, 8, 10, 30, tzinfo=UTC)
    assert {name: getattr(event.data, name) for name in fields} == fields
    assert event.data.id == ("post_id" if event_type == "post.created" else "comment_id")


async def test_an_edit_has_both_its_times(handler: WebhookHandler) -> None:
    event = handler.parse_event(json.dumps((await run(7))[0]), "reddit")
    assert event.data.updated_at - event.data.created_at == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("native", "platform", "event_type"),
    [
        ("tweet.create", "twitter", "post.created"),
        ("tweet.delete", "twitter", "post.deleted"),
        ("favorite.create", "twitter", "reaction.created"),
        ("comment.post", "reddit", "comment.created"),
        ("post.submit", "reddit", "post.created"),
        ("modaction", "reddit", "moderation.action"),
        ("comment.insert", "youtube", "comment.created"),
        ("comment.update", "youtube", "comment.updated"),
        ("comment.delete", "youtube", "comment.deleted"),
        ("comments", "instagram", "comment.created"),
        ("comment.post", "tiktok", "comment.created"),
    ],
)
async def test_an_envelope_may_use_the_platforms_own_name(
    handler: WebhookHandler, native: str, platform: str, event_type: str
) -> None:
    family = event_type.partition(".")[0]
    data: dict[str, Any] = {"comment_id": "i", "post_id": "p"} if event_type.endswith("deleted") else {}
    subject = {"comment": "comment", "post": "post", "reaction": "reaction", "moderation": "action"}[family]
    data = data or {subject: {"id": "i", "target_id": "t"}}
    body = json.dumps({"event_type": native, "data": data})
    assert handler.parse_event(body, platform).event_type == event_type


# Security


class FakeRequest:
    """A request as the blocks use it."""

    def __init__(self, body: bytes, **headers: str | None) -> None:
        self.body = body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def json(self) -> Any:
        """Return the body's JSON, as Flask does."""
        return json.loads(self.body)


async def test_hmac_verification_lets_the_right_body_through() -> None:
    processed: list[bytes] = []
    _, names = await run(10, process_webhook=processed.append)
    endpoint: Callable[[FakeRequest], Any] = names["webhook_endpoint"]
    good = hmac_digest(SECRET.encode(), comment()).hex()
    assert endpoint(FakeRequest(comment(), X_Signature=good)) is None
    assert endpoint(FakeRequest(comment(), X_Signature="sha256=" + good)) is None
    assert processed == [comment()] * 2
    for bad in ("", good[:-1] + "x", good[::-1], None):
        assert endpoint(FakeRequest(comment(), X_Signature=bad)) == ("Invalid signature", 401)
    assert endpoint(FakeRequest(comment() + b" ", X_Signature=good)) == ("Invalid signature", 401)
    assert len(processed) == 2


async def test_ip_whitelisting_makes_a_handler_that_still_wants_a_secret() -> None:
    _, names = await run(11)
    assert isinstance(names["handler"], WebhookHandler)
    assert names["handler"].secrets == ()


async def test_timestamp_validation_lets_what_is_fresh_through() -> None:
    processed: list[bytes] = []
    _, names = await run(12, process_webhook=processed.append)
    endpoint: Callable[[FakeRequest], Any] = names["webhook_endpoint"]
    now = time.time()
    for good in (str(int(now)), str(int(now) - 200), datetime.now(UTC).isoformat()):
        assert endpoint(FakeRequest(b"x", X_Timestamp=good)) is None
    assert len(processed) == 3
    for bad in (str(int(now) - 400), str(int(now) + 400), "", "now", None):
        assert endpoint(FakeRequest(b"x", X_Timestamp=bad)) == ("Invalid timestamp", 401)
    assert len(processed) == 3


async def test_always_verify_signatures() -> None:
    good = hmac_digest(b"s", b"body").hex()
    value, _ = await run(24, payload=b"body", signature=good, secret="s")
    assert value is None
    value, _ = await run(24, payload=b"body", signature="bad", secret="s")
    assert value == ("Invalid signature", 401)


# Patterns


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("What a lovely garden!", "approve"),
        ("You are a worthless idiot.", "flag"),
        ("DM me on telegram, check my profile, click the link in bio", "hide"),
    ],
)
async def test_pattern_1_approves_and_acts(handler: WebhookHandler, text: str, action: str) -> None:
    await run(15, handler=handler)
    assert (await standards_engine.validate(text)).action == action
    report = await given(handler, comment(text))
    assert causes(report) == refusals("twitter", action)


def causes(report: Report) -> list[str]:
    """Return what the failed attempts failed of."""
    return [(attempt.error or "").partition(":")[0] for attempt in report.failures]


def refusals(platform: str, action: str) -> list[str]:
    """Return what an action fails of: a platform that cannot do it says so, instead of pretending that it was done."""
    can = action in ("approve", "flag") or action in find_platform(platform).actions
    return [] if can else ["UnsupportedAction"]


async def test_pattern_2_queues_and_processes(handler: WebhookHandler) -> None:
    processed = asyncio.Queue[WebhookEvent]()
    before = asyncio.all_tasks()
    await run(16, handler=handler, process_event=processed.put)
    (task,) = asyncio.all_tasks() - before
    try:
        assert (await given(handler, comment())).ok
        event = await asyncio.wait_for(processed.get(), 10)
        assert event.data.comment.id == "comment_id"
        assert not task.done()
    finally:
        task.cancel()


async def test_pattern_3_counts(handler: WebhookHandler, capsys: pytest.CaptureFixture[str]) -> None:
    _, names = await run(17, handler=handler)
    await given(handler, comment())
    await given(handler, comment(event_id="evt_2", data={"comment": {"id": "2"}}))
    assert capsys.readouterr().out == "Total comments: 1\nTotal comments: 2\n"
    assert len(names["all_events"]) == 2


async def test_pattern_4_hides_the_comments_of_certain_authors(handler: WebhookHandler) -> None:
    await run(18, handler=handler)
    assert (await given(handler, comment())).ok
    spam = {"comment": {"id": "2", "author_username": "spammer2"}}
    report = await given(handler, comment(event_id="evt_2", data=spam))
    assert causes(report) == refusals("twitter", "hide")


# Testing


async def test_mock_events_are_handled(handler: WebhookHandler) -> None:
    seen: list[WebhookEvent] = []
    handler.on("comment.created")(seen.append)
    for _ in range(2):
        await run(19, handler=handler)
    assert [(event.event_id, event.data.comment.text, event.data.text) for event in seen] == [
        ("evt_123", "Test comment", "Test comment")
    ] * 2


async def test_saved_events_are_replayed(handler: WebhookHandler, tmp_path: Path) -> None:
    saved = [(await run(number))[0] for number in (6, 7, 8, 9)]
    (tmp_path / "webhooks.json").write_text(json.dumps(saved))
    seen: list[str] = []
    handler.on("*", name="note")(lambda event: seen.append(f"{event.platform} {event.event_type}"))
    await run(20)
    assert seen == [
        "twitter comment.created", "reddit comment.updated", "youtube comment.deleted", "instagram post.created",
    ]  # fmt: skip


# Management


async def test_webhooks_are_registered_listed_and_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    await run(21)
    _, names = await run(22)
    (webhook,) = names["webhooks"]
    assert webhook.url == "https://your-domain.com/webhook/twitter"
    assert capsys.readouterr().out == f"{webhook.id}: {webhook.url}\n"
    await run(23)
    assert (await run(22))[1]["webhooks"] == [webhook]


# Best practices


async def test_respond_quickly_answers_before_the_work_is_done() -> None:
    routes: dict[str, Any] = {}
    processed = asyncio.Queue[Any]()

    class App:
        """An app whose endpoints get the request."""

        def post(self, path: str) -> Callable[[Any], Any]:
            return lambda endpoint: routes.setdefault(path, endpoint)

    await run(25, app=App(), process_event=processed.put)
    assert await routes["/webhook"](FakeRequest(b'{"a": 1}')) == {"status": "ok"}
    assert processed.empty()
    assert await processed.get() == {"a": 1}


async def test_retry_failed_events(handler: WebhookHandler) -> None:
    runs: list[str] = []

    @handler.on("*")
    async def fails_once(event: WebhookEvent) -> None:
        runs.append(event.event_id)
        if len(runs) == 1:
            raise ValueError("the first time fails")

    await run(26, event=WebhookEvent(event_type="comment.created", data={"comment": {"id": "1"}}))
    assert len(runs) == 2


async def test_log_events(handler: WebhookHandler, caplog: pytest.LogCaptureFixture) -> None:
    await run(27, handler=handler)
    with caplog.at_level(logging.INFO, "block_27"):
        await given(handler, comment())
    assert "Comment created: comment_id" in caplog.messages


async def test_monitor_webhook_health(handler: WebhookHandler, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "moderation_ai.webhooks.monitor"):
        _, names = await run(28)
        monitor = names["monitor"]
        while monitor.last is None:
            await asyncio.sleep(0.001)
    monitor.stop()
    assert monitor.handler is handler
    assert monitor.last.problems == ["no handler is registered: events are stored and marked unhandled"]


def test_no_platform_of_the_brief_is_missing() -> None:
    for name in ("twitter", "reddit", "youtube", "instagram", "medium", "tiktok"):
        assert find_platform(name).name == name
