"""What senders hear when nothing can be kept: 503, and to come again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.events import Parsed
from moderation_ai.core.http import Request, Response
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.stores.sqlite import SqliteStore
from moderation_ai.web.gateway import Gateway
from tests.web.stage import NOW, Served, ask, comment, gateway, post, request, served, signed, source


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Served]:
    """Serve on a store that has no room for another page."""
    store = SqliteStore(str(tmp_path / "full.db"))
    with gateway(store) as running:
        running.do(store._write(lambda connection: connection.execute("PRAGMA max_page_count = 1").get))
        yield running


def is_refused(answer: Any) -> bool:
    return answer.status == 503 and int(answer.fields["retry-after"]) >= 1 and set(answer.json) == {"error"}


def test_answers_503_when_more_is_waiting_than_the_store_may_hold(tmp_path: Path) -> None:
    with gateway(SqliteStore(str(tmp_path / "busy.db"), max_waiting=0)) as running:
        assert is_refused(ask(running.port, post(comment())))


def test_answers_503_when_the_disk_is_full(full: Served) -> None:
    answers = [ask(full.port, post(comment(f"full-{number}", "x" * 100_000))) for number in range(5)]
    assert all(is_refused(answer) for answer in answers)


class Defective(Platform):
    """A platform file with a bug."""

    name = "generic"
    signature = "none"

    def verify_own(self, request: Request, credential: Any) -> int:
        raise KeyError("a bug")

    def challenge(self, request: Request, credential: Any) -> Response | None:
        if request.method == "POST":
            return None
        raise KeyError("a bug")

    def parse(self, request: Request) -> Parsed:
        raise KeyError("a bug")


def test_answers_503_to_a_handshake_and_401_to_a_signature_where_a_platform_has_a_bug() -> None:
    app = Gateway(Intake(MemoryStore(), {"generic": source(Defective())}), clock=ManualClock(NOW))
    body = comment()
    with served(app) as running:
        assert is_refused(ask(running.port, request("/webhook/generic", body, signed(body), "GET")))
        assert ask(running.port, request("/webhook/generic", body, signed(body))).status == 401


def test_keeps_what_a_bug_keeps_from_being_read() -> None:
    store = MemoryStore()
    named = Source(platform=Defective(), credential=Credential(allow_unverified=True))
    app = Gateway(Intake(store, {"generic": named}), clock=ManualClock(NOW))
    with served(app, store=store) as running:
        assert ask(running.port, request("/webhook/generic", comment())).json["new"] == 1
        [event] = running.do(store.events(EventFilter()))
        assert event.event_type == "unknown"
        assert "a defect" in event.data.reason
