"""Posting to a user's address: only to public ones, at the very address that was checked, and nowhere else."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import ConfigurationError, PlatformUnavailable
from moderation_ai.posting import Poster, is_public

INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001:db8::1",
    "::127.0.0.1",
    "::ffff:0:7f00:1",
    "64:ff9b:1::a00:1",
    "fec0::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_public_whatever_form_it_hides_in(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_every_address_is_judged(address: object) -> None:
    assert is_public(str(address)) in (True, False)


def to(*addresses: str) -> object:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


@pytest.mark.anyio
@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("93.184.216.34", "127.0.0.1")])
async def test_a_name_that_leads_inside_is_not_dialled(addresses: tuple[str, ...]) -> None:
    poster = Poster("https://alerts.example/in", resolve=to(*addresses))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="not public"):
        await poster.post(b"{}", {})


@pytest.mark.anyio
async def test_a_name_without_an_address_is_unavailable() -> None:
    with pytest.raises(PlatformUnavailable, match="has no address"):
        await Poster("https://alerts.example", resolve=to()).post(b"{}", {})  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["http://alerts.example/", "ftp://a.example", "https://user:pw@a.example", "https://"])
def test_an_address_that_may_not_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"alerts\.url"):
        Poster(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1",
        "https://alerts.example:99999/",
        "https://alerts.example:0/",
        "https://alerts.example:%31/",
        "https://alerts example/",
        "https://m\u00fcnchen.example/",
        "https://\u2460.example/",
    ],
)
def test_an_address_that_could_never_be_posted_to_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"alerts\.url"):
        Poster(url)


@contextmanager
def listening(status: int = 204, location: str = "") -> Iterator[tuple[int, list[tuple[str, str, bytes]]]]:
    got: list[tuple[str, str, bytes]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.headers["host"], self.path, body))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.anyio
async def test_it_dials_the_address_that_was_resolved_and_names_the_host_that_was_meant() -> None:
    with listening() as (port, got):
        url = f"http://inside.example:{port}/in?a=1"
        poster = Poster(url, allow_private=True, resolve=to("127.0.0.1"))  # type: ignore[arg-type]
        assert await poster.post(b"hello", {"X-A": "1"}) == 204
        assert got == [(f"inside.example:{port}", "/in?a=1", b"hello")]


@pytest.mark.anyio
async def test_a_redirection_is_not_followed() -> None:
    with listening(307, "http://127.0.0.1:1/elsewhere") as (port, got):
        poster = Poster(f"http://127.0.0.1:{port}/", allow_private=True)
        assert await poster.post(b"{}", {}) == 307
        assert len(got) == 1


@pytest.mark.anyio
async def test_where_nobody_listens_it_is_unavailable() -> None:
    with pytest.raises(PlatformUnavailable, match="cannot be reached"):
        await Poster("http://127.0.0.1:1/", allow_private=True).post(b"{}", {})
