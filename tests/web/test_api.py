"""The API of the second port: what it tells, to whom, and what it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import EVENT_TYPES
from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores.base import DEAD, DONE, Attempt, EventOutcome
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.web.api import ConsoleApp
from moderation_ai.web.endpoints import MAX_BODY
from moderation_ai.web.operations import OPERATIONS
from tests.kinds import new_store
from tests.web.console import TOKEN, Console, Parts, console
from tests.web.stage import NOW, ask, comment, post, request

GUARDED = [operation for operation in OPERATIONS if operation.needs_token]


@pytest.fixture(scope="module")
def told() -> Iterator[Console]:
    """Serve a console over three comments: one handled, one dead, one pending."""
    with console() as running:
        for name in ("one", "two", "three"):
            assert ask(running.gateway.port, post(comment(name, text=f"the text of {name}"))).status == 200
        running.do(settle(running.parts))
        yield running


async def settle(parts: Parts) -> None:
    claimed = await parts.store.claim("test", 2, NOW, 30)
    outcomes = []
    for one, state in zip(claimed, (DONE, DEAD), strict=True):
        error = "ValueError: no" if state == DEAD else None
        attempt = Attempt(
            seq=one.event.seq, handler="handle", state=state, attempts=1, error=error, lane=one.event.lane
        )
        outcomes.append(EventOutcome(seq=one.event.seq, status=state, attempts=[attempt], lane=one.event.lane))
    await parts.store.settle(outcomes, NOW)
    await parts.store.release("test")
    subscription = Subscription(id="s1", url="https://example.com/webhook/x", platform="twitter", created_at=NOW)
    await parts.store.save_subscription(subscription)


def test_says_that_it_is_alive_and_ready_to_anyone(told: Console) -> None:
    alive = told.ask("/healthz", token=None)
    assert (alive.status, alive.body) == (200, b"ok")
    ready = told.ask("/readyz", token=None, Host="10.0.0.7:8081")
    assert ready.status == 200
    assert ready.json == {
        "status": "ready",
        "gateway": "http://127.0.0.1:8080",
        "console": "http://127.0.0.1:8081",
    }


@pytest.mark.parametrize("status", ["starting", "draining"])
def test_is_not_ready_before_the_beginning_and_while_it_drains(status: str) -> None:
    with console() as running:
        running.state.status = status
        answer = running.ask("/readyz", token=None)
        assert (answer.status, answer.json["status"]) == (503, status)
        assert running.ask("/healthz", token=None).status == 200


def test_is_not_ready_when_the_store_cannot_be_read(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "gone.db"))
    with console(store) as running:
        running.do(store._write(lambda connection: connection.execute("DROP TABLE attempts")))
        answer = running.ask("/readyz", token=None)
        assert (answer.status, answer.json["status"]) == (503, "store unavailable")
        assert running.ask("/api/v1/health").status == 503
        assert b"moderation_ai_store_up 0.0" in running.ask("/metrics").body


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.name)
@pytest.mark.parametrize("token", [None, "", "another token", TOKEN + " ", TOKEN[:-1], "é"])
def test_asks_for_the_token(told: Console, operation: object, token: str | None) -> None:
    path = operation.path.replace("{event_id}", "evt_one")  # type: ignore[attr-defined]  # an Operation
    answer = told.ask(path, token=token, method=operation.method)  # type: ignore[attr-defined]
    if token == TOKEN + " ":  # A field's value ends before its white space.
        assert answer.status != 401
        return
    assert answer.status == 401
    assert answer.fields["www-authenticate"].startswith("Bearer")
    assert set(answer.json) == {"error"}


def test_takes_the_token_by_no_other_scheme_and_from_one_field_alone(told: Console) -> None:
    assert told.ask("/api/v1/health", token=None, Authorization=f"Basic {TOKEN}").status == 401
    assert told.ask("/api/v1/health", token=None, Authorization=TOKEN).status == 401
    assert told.ask("/api/v1/health", token=None, Authorization=f"bearer {TOKEN}").status == 200
    assert told.ask(f"/api/v1/health?token={TOKEN.replace(' ', '+')}", token=None).status == 401
    assert told.ask("/api/v1/health", authorization=f"Bearer {TOKEN}").status == 400


def test_refuses_to_stand_open() -> None:
    with pytest.raises(ConfigurationError):
        ConsoleApp(Parts(new_store()), "")


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "[", ""),
        *("evil.example@localhost", "localhost/evil.example", "localhost#evil.example", "localhost?a", "localhost\\a"),
    ],
)
def test_answers_421_to_a_name_that_is_not_its_own(told: Console, host: str) -> None:
    answer = told.ask("/api/v1/health", Host=host)
    assert answer.status == 421
    assert "access-control-allow-origin" not in answer.fields


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8081", "127.0.0.1:8081", "[::1]:8081", "localhost."])
def test_answers_to_loopbacks_names(told: Console, host: str) -> None:
    assert told.ask("/api/v1/health", Host=host).status == 200


def test_answers_to_its_configured_and_its_public_name() -> None:
    with console(hosts=["inbox.internal", "https://Moderation.example.com/hooks"]) as running:
        for host in ("inbox.internal:8081", "moderation.example.com"):
            assert running.ask("/api/v1/health", Host=host).status == 200
        assert running.ask("/api/v1/health", Host="example.com").status == 421


def test_answers_to_any_address_where_it_listens_on_all_of_them() -> None:
    with console(hosts=["0.0.0.0"]) as running:
        assert running.ask("/api/v1/health", Host="10.0.0.7:8081").status == 200
        assert running.ask("/api/v1/health", Host="evil.example").status == 421


def test_answers_400_without_a_name_or_with_two(told: Console) -> None:
    for fields in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        assert ask(told.running.port, b"GET /api/v1/health HTTP/1.1\r\n" + fields + b"\r\n").status == 400


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/api/v1/events", "/api/v1/nothing", "/openapi.json"]
)
def test_lets_no_browser_guess_or_keep_what_it_answers(told: Console, path: str) -> None:
    for answer in (told.ask(path), told.ask(path, token=None)):
        assert answer.fields["x-content-type-options"] == "nosniff"
        assert answer.fields["cache-control"] == "no-store"


def test_tells_the_health(told: Console) -> None:
    health = told.ask("/api/v1/health").json
    assert health["status"] == "degraded"
    assert health["counts"]["total"] == 3
    assert health["counts"]["dead_letters"] == 1
    assert health["accepted"] == {"generic": 3}
    assert health["handlers"] == ["handle"]
    assert all(secret not in json.dumps(health) for secret in ("newest secret", TOKEN))


def ids(told: Console, query: str = "") -> list[str]:
    answer = told.ask(f"/api/v1/events{query}")
    assert answer.status == 200, answer.body
    return [event["event_id"] for event in answer.json["events"]]


def test_lists_events_newest_first(told: Console) -> None:
    assert ids(told) == ["evt_three", "evt_two", "evt_one"]
    event = told.ask("/api/v1/events").json["events"][0]
    assert event["data"]["comment"]["text"] == "the text of three"
    assert event["lane"] == "generic:three"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?limit=1", ["evt_three"]),
        ("?status=dead", ["evt_two"]),
        ("?status=pending", ["evt_three"]),
        ("?text=of+two", ["evt_two"]),
        ("?lane=generic:one", ["evt_one"]),
        ("?platform=GENERIC&type=comment.created&limit=2", ["evt_three", "evt_two"]),
        ("?platform=twitter", []),
        ("?platform=x", []),
        ("?account=nobody", []),
        ("?type=post.created", []),
        ("?since=2026-11-24T10:00:00Z&limit=1", ["evt_three"]),
        ("?since=2026-11-24T10:00:01Z", []),
        ("?until=2026-11-24T10:00:00Z", []),
        ("?after_seq=0&limit=2", ["evt_one", "evt_two"]),
        ("?after_seq=9223372036854775807", []),
    ],
)
def test_narrows_events(told: Console, query: str, expected: list[str]) -> None:
    assert ids(told, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=1001",
        "?limit=-1",
        "?limit=ten",
        "?limit=%EF%BC%91",
        "?status=lost",
        "?since=yesterday",
        "?after_seq=9223372036854775808",
        "?text=",
        "?text=a%00b",
        "?typ=comment.created",
        "?limit=1&limit=2",
        f"?text={'x' * 600}",
    ],
)
def test_answers_400_to_a_filter_that_it_does_not_understand(told: Console, query: str) -> None:
    answer = told.ask(f"/api/v1/events{query}")
    assert answer.status == 400
    assert set(answer.json) == {"error"}


def test_shows_one_event_with_what_its_handlers_did(told: Console) -> None:
    shown = told.ask("/api/v1/events/evt_two").json
    assert shown["event"]["status"] == "dead"
    assert [(attempt["handler"], attempt["state"]) for attempt in shown["attempts"]] == [("handle", "dead")]
    assert shown["other_seqs"] == []


@pytest.mark.parametrize("path", ["/api/v1/events/evt_none", "/api/v1/events/%00", "/api/v1/nothing", "/api", "/"])
def test_answers_404_in_json(told: Console, path: str) -> None:
    answer = told.ask(path)
    assert answer.status == 404
    assert set(answer.json) == {"error"}


def test_answers_405_in_json(told: Console) -> None:
    answer = told.ask("/api/v1/events", method="DELETE")
    assert (answer.status, set(answer.json)) == (405, {"error"})


def test_lists_dead_letters_with_their_handler_and_cause(told: Console) -> None:
    [letter] = told.ask("/api/v1/dead-letters").json["dead_letters"]
    assert (letter["event_id"], letter["handler"], letter["attempts"]) == ("evt_two", "handle", 1)
    assert letter["error"] == "ValueError: no"
    assert told.ask("/api/v1/dead-letters?platform=twitter").json == {"dead_letters": []}
    assert told.ask("/api/v1/dead-letters?after_seq=1").status == 400


def test_lists_subscriptions(told: Console) -> None:
    [found] = told.ask("/api/v1/webhooks?platform=x").json["webhooks"]
    assert (found["id"], found["platform"]) == ("s1", "twitter")
    assert told.ask("/api/v1/webhooks?platform=youtube").json == {"webhooks": []}


def replay(running: Console, **fields: object) -> object:
    answer = running.ask("/api/v1/replay", method="POST", body=json.dumps(fields).encode())
    return answer.json if answer.status == 200 else answer.status


def test_puts_events_back_to_be_handled() -> None:
    with console() as running:
        assert ask(running.gateway.port, post(comment("one"))).status == 200
        assert ask(running.gateway.port, post(comment("two"))).status == 200
        running.do(settle(running.parts))
        wanted = ["evt_one", "evt_two", "evt_none"]
        found = {"event_ids": ["evt_one", "evt_two"], "missing": ["evt_none"]}
        assert replay(running, event_ids=wanted, dry_run=True) == {**found, "replayed": 0, "dry_run": True}
        assert ids(running, "?status=pending") == []
        assert replay(running, event_ids=wanted, handlers=["handle"]) == {**found, "replayed": 2, "dry_run": False}
        assert ids(running, "?status=pending") == ["evt_two", "evt_one"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event_ids": []},
        {"event_ids": "evt_one"},
        {"event_ids": [1]},
        {"event_ids": ["evt_one"] * 1001},
        {"event_ids": ["evt_one"], "handlers": ["nobody"]},
        {"event_ids": ["evt_one"], "dryrun": True},
    ],
)
def test_answers_400_to_a_replay_that_it_does_not_understand(told: Console, fields: dict[str, object]) -> None:
    assert replay(told, **fields) == 400


def test_bounds_the_body_of_a_replay(told: Console) -> None:
    assert told.ask("/api/v1/replay", method="POST", body=b"x" * (MAX_BODY + 1)).status == 413
    assert told.ask("/api/v1/replay", method="POST", body=b"\xff").status == 400
    assert told.ask("/api/v1/replay", method="POST", body=b"[" * 50_000).status == 400


def test_describes_each_of_its_routes(told: Console) -> None:
    described = told.ask("/openapi.json").json
    assert described["openapi"].startswith("3.1")
    for operation in OPERATIONS:
        entry = described["paths"][operation.path][operation.method.lower()]
        assert {parameter["name"] for parameter in entry["parameters"] if parameter["in"] == "query"} == {
            parameter.name for parameter in operation.parameters
        }
        assert bool(entry["security"]) == operation.needs_token
        assert told.ask(operation.path.replace("{event_id}", "evt_one"), method=operation.method).status not in (
            404,
            405,
        )
    assert sum(len(methods) for methods in described["paths"].values()) == len(OPERATIONS)


def test_describes_what_it_answers(told: Console) -> None:
    described = told.ask("/openapi.json").json
    schemas = described["components"]["schemas"]
    for reference in references(described):
        assert reference.removeprefix("#/components/schemas/") in schemas
    event = told.ask("/api/v1/events").json["events"][0]
    assert set(event) <= set(schemas["Event"]["properties"])
    assert set(told.ask("/api/v1/health").json) == set(schemas["Health"]["properties"])
    assert schemas["Event"]["properties"]["event_type"]["examples"] == list(EVENT_TYPES)


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "$ref":
                yield member
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_serves_pages_that_look_after_themselves_under_the_same_guard_of_names() -> None:
    async def page(asked: Request) -> PlainTextResponse:
        if asked.query_params.get("fail"):
            raise KeyError("a bug")
        return PlainTextResponse("a page", headers={"cache-control": "private"})

    with console(pages=[Route("/", page)]) as running:
        answer = running.ask("/", token=None)
        assert (answer.body, answer.fields["cache-control"]) == (b"a page", "private")
        assert running.ask("/", token=None, Host="evil.example").status == 421
        failed = ask(running.running.port, request("/?fail=1", method="GET"))
        assert (failed.status, set(failed.json)) == (500, {"error"})
