"""The only outgoing connections: to named hosts alone, whole and within bounds or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from moderation_ai.core.errors import ConfigurationError, PlatformUnavailable
from moderation_ai.sender import Sender, check_address
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
