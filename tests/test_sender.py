"""The only outgoing connections: to named hosts alone, whole and within bounds or not at all."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from moderation_ai.core.errors import ConfigurationError, OutcomeUnknown, PlatformError, PlatformUnavailable
from moderation_ai.core.flows import Flow, Outgoing
from moderation_ai.sender import Sender, authorities, check_address
from tests.keyserver import KeyServer, key_server

pytestmark = pytest.mark.anyio

HERE = ("127.0.0.1",)


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with key_server() as running:
        yield running


async def test_returns_the_whole_answer_with_its_fields(server: KeyServer) -> None:
    answer = await Sender().get(server.url, HERE)
    assert (answer.status, json.loads(answer.body)) == (200, {"keys": []})
    assert dict(answer.headers)["cache-control"] == "public, max-age=3600"


async def test_a_redirect_is_an_answer_and_not_followed(server: KeyServer) -> None:
    server.answer = server.redirect
    answer = await Sender().get(server.url, HERE)
    assert answer.status == 302
    assert server.asked == 1


async def test_too_much_is_cut_off(server: KeyServer) -> None:
    server.answer = server.flood
    with pytest.raises(PlatformUnavailable, match="more than 1000 bytes"):
        await Sender(limit=1000, timeout=60).get(server.url, HERE)


async def test_what_is_compressed_is_not_unpacked(server: KeyServer) -> None:
    server.answer = server.give_compressed
    with pytest.raises(PlatformUnavailable, match="compressed"):
        await Sender().get(server.url, HERE)


async def test_an_answer_that_breaks_off_is_none(server: KeyServer) -> None:
    server.answer = server.hang_up
    with pytest.raises(PlatformUnavailable, match="cannot be reached"):
        await Sender().get(server.url, HERE)


async def test_no_answer_in_time_is_none(server: KeyServer) -> None:
    server.gate.clear()
    with pytest.raises(PlatformUnavailable, match=r"did not answer within 0\.2 s"):
        await Sender(timeout=0.2).get(server.url, HERE)


async def test_where_nobody_listens_is_no_answer() -> None:
    with pytest.raises(PlatformUnavailable, match="cannot be reached"):
        await Sender().get("http://127.0.0.1:1/", HERE)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.2/",
        "http://example.org/",
        "https://example.org.evil.example/",
        "https://me:secret@example.org/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//example.org/",
        "http://[::1/",
        "",
    ],
)
async def test_nobody_else_is_asked(url: str) -> None:
    with pytest.raises(ConfigurationError, match="may not be asked"):
        await Sender().get(url, ("127.0.0.1", "example.org"))


@pytest.mark.parametrize("url", ["https://example.org/a?b=c", "https://example.org:8443/", "http://127.0.0.1:8000/k"])
def test_named_hosts_are_asked_if_nobody_can_listen_on_the_way(url: str) -> None:
    assert check_address(url, ("example.org", "127.0.0.1")) in ("example.org", "127.0.0.1")


X = ("api.x.com",)
LOOK = Outgoing(call="posts", method="GET", url="https://api.x.com/2/tweets?ids=1", headers=(("Accept", "a/b"),))


def stand_in(server: KeyServer) -> Sender:
    return Sender(stand_ins={"api.x.com": server.url.removesuffix("/keys")}, timeout=60)


async def test_a_stand_in_is_asked_in_a_platforms_place_and_told_who_is_meant(server: KeyServer) -> None:
    seen = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.headers["Host"], handler.headers["Accept"]))
        server.give(handler, b"{}", 429, Retry_After="3")

    server.answer = note
    answer = await stand_in(server).send(LOOK, X)
    assert seen == [("/2/tweets?ids=1", "api.x.com", "a/b")]
    assert (answer.status, answer.headers.get("Retry-After"), answer.body) == (429, "3", b"{}")


async def test_a_stand_in_opens_no_host_that_the_platform_does_not_name(server: KeyServer) -> None:
    with pytest.raises(ConfigurationError, match="may not be asked"):
        await stand_in(server).send(LOOK, ("graph.instagram.com",))
    assert server.asked == 0


@pytest.mark.parametrize(
    "base",
    [
        "https://api.evil.example",
        "http://api.evil.example:80",
        "http://127.0.0.1.evil.example",
        "https://127.0.0.1:8000",
        "http://me:secret@127.0.0.1:8000",
        "http://127.0.0.1:8000/path",
        "http://127.0.0.1:8000?a",
        "http://127.0.0.1:0",
        "http://[::1",
        "",
    ],
)
def test_only_this_machine_stands_in(base: str) -> None:
    with pytest.raises(ConfigurationError, match="may not stand in"):
        Sender(stand_ins={"api.x.com": base})


@pytest.mark.parametrize("way", ["hang_up", "give_compressed"])
async def test_what_may_have_arrived_is_an_unknown_outcome(server: KeyServer, way: str) -> None:
    failing: Callable[[BaseHTTPRequestHandler], None] = getattr(server, way)
    server.answer = failing
    with pytest.raises(OutcomeUnknown):
        await stand_in(server).send(LOOK, X)


async def test_no_answer_in_time_is_an_unknown_outcome(server: KeyServer) -> None:
    server.gate.clear()
    sender = Sender(stand_ins={"api.x.com": server.url.removesuffix("/keys")}, timeout=0.2)
    with pytest.raises(OutcomeUnknown, match=r"api\.x\.com did not answer within 0\.2 s"):
        await sender.send(LOOK, X)


async def test_what_was_not_sent_is_no_unknown_outcome() -> None:
    with pytest.raises(PlatformUnavailable, match="cannot be reached") as raised:
        await Sender(stand_ins={"api.x.com": "http://127.0.0.1:1"}).send(LOOK, X)
    assert not isinstance(raised.value, OutcomeUnknown)


async def test_a_flow_is_driven_to_its_end_and_hears_of_every_failure(server: KeyServer) -> None:
    def flow() -> Flow[list[object]]:
        first = yield LOOK
        server.answer = server.hang_up
        try:
            yield LOOK
        except PlatformError as error:
            failure = error
        server.answer = server.give_keys
        last = yield LOOK
        return [first.status, type(failure), last.status]

    assert await stand_in(server).drive(flow(), X) == [200, OutcomeUnknown, 200]


def test_certificates_are_verified_by_authorities_that_are_read_once() -> None:
    assert authorities() is authorities()
    assert (authorities().verify_mode, authorities().check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_a_server_that_does_not_encrypt_is_told_nothing_where_it_should(server: KeyServer) -> None:
    with pytest.raises(PlatformUnavailable, match="cannot be reached"):
        await Sender(timeout=60).get(server.url.replace("http:", "https:"), HERE)
    assert server.asked == 0


@pytest.mark.parametrize("token", ["t\u2019", "t\n", "t\r\nX-Other: 1", "t\x00", "\ud800", "t "])
async def test_a_token_that_no_header_can_hold_is_said_to_be_and_not_sent(server: KeyServer, token: str) -> None:
    request = Outgoing(call="hide", method="GET", url=server.url, headers=(("Authorization", f"Bearer {token}"),))
    with pytest.raises(ConfigurationError, match="hide: the header Authorization cannot be sent") as raised:
        await Sender().send(request, HERE)
    assert "Bearer" not in str(raised.value)
    assert server.asked == 0


async def test_a_refusal_to_ask_shows_no_query() -> None:
    with pytest.raises(ConfigurationError, match="may not be asked") as raised:
        await Sender().get("https://elsewhere.example/refresh?access_token=secret", HERE)
    assert "secret" not in str(raised.value)
