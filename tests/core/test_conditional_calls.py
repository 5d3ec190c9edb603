"""A call may be asked for what has changed alone: by header fields, and answered 304."""

from __future__ import annotations

import pytest

from moderation_ai.core.api import Api, Reading
from moderation_ai.core.asked import find_call
from moderation_ai.core.calls import CONDITIONAL, Call, Field
from moderation_ai.core.errors import PlatformUnavailable
from moderation_ai.core.flows import Answer, Flow
from moderation_ai.core.http import Headers
from tests.platforms.fixtures import NOW

LIST = Call(
    name="list",
    method="GET",
    url="https://api.example.org/{of}",
    fields=(Field("count", "query"), *CONDITIONAL),
    is_conditional=True,
    media="application/xml",
    room=1 << 20,
    source="https://example.org",
)
PLAIN = Call(name="plain", method="GET", url="https://api.example.org/plain", source="https://example.org")
API = Api(calls=(LIST, PLAIN))


def ask(name: str, values: dict[str, object], status: int) -> Reading:
    flow: Flow[Reading] = API.ask(name, values)
    next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send(Answer(status=status, received_at=NOW))
    found: Reading = end.value.value
    return found


def test_what_is_known_stands_in_the_header() -> None:
    request = LIST.request({"of": "bread", "count": 3, "If-None-Match": '"v1"'})
    fields = dict(request.headers)
    assert (fields["If-None-Match"], fields["Accept"]) == ('"v1"', "application/xml")
    assert "If-Modified-Since" not in fields
    assert request.url == "https://api.example.org/bread?count=3"
    assert request.room == 1 << 20


def test_a_fake_reads_it_there() -> None:
    request = LIST.request({"of": "bread", "count": 3, "If-None-Match": '"v1"'})
    headers = Headers.of(dict(request.headers))
    _, values = find_call(API.calls, "GET", request.url, b"", headers)
    assert values == {"of": "bread", "count": "3", "If-None-Match": '"v1"'}
    _, values = find_call(API.calls, "GET", request.url)
    assert values == {"of": "bread", "count": "3"}


def test_nothing_new_is_a_success_without_a_body() -> None:
    reading = ask("list", {"of": "bread", "count": 3}, 304)
    assert reading.is_unchanged
    assert reading.body is None
    assert not ask("list", {"of": "bread", "count": 3}, 200).is_unchanged


def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    flow = API.ask("plain", {})
    next(flow)
    with pytest.raises(PlatformUnavailable):
        flow.send(Answer(status=304, received_at=NOW))
