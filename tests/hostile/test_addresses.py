"""Who may post: the address that a trusted proxy saw, which nobody else can write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from moderation_ai.core.addresses import Networks
from moderation_ai.platforms import find_platform
from tests.hostile.stage import Field, Target, ask_each, raw, signed, target
from tests.web.stage import Client, comment

GENERIC = find_platform("generic")
ALLOWED = Networks(["192.0.2.0/24", "2001:db8::/32"])


@pytest.fixture(scope="module")
def gateway() -> Iterator[Target]:
    """Serve behind a proxy on this machine."""
    with target(allowed=ALLOWED, trusted=Networks(["127.0.0.0/8", "10.0.0.0/8"])) as running:
        yield running


@pytest.fixture(scope="module")
def open_gateway() -> Iterator[Target]:
    """Serve without any proxy."""
    with target(allowed=ALLOWED) as running:
        yield running


def status(port: int, *fields: Field) -> int:
    body = comment("listed")
    [answer] = ask_each(port, [raw("/webhook/generic", [*signed(GENERIC, body), *fields], body)])
    return answer.status


@pytest.mark.parametrize(
    "fields",
    [
        [("X-Forwarded-For", b"192.0.2.7")],
        [("X-Forwarded-For", b"6.6.6.6, 192.0.2.7, 10.1.1.1")],
        [("X-Forwarded-For", b"junk\xff, 192.0.2.7")],
        [("X-Forwarded-For", b"6.6.6.6"), ("X-Forwarded-For", b"192.0.2.7:4711")],
        [("X-Forwarded-For", b"::ffff:192.0.2.7")],
        [("Forwarded", b'for=6.6.6.6, for="[2001:db8::1%eth0]:4711";proto=https;by=_hidden')],
        [("Forwarded", b"for=192.0.2.7"), ("X-Forwarded-For", b"192.0.2.7")],
    ],
)
def test_lets_in_whom_our_proxy_saw(fields: list[Field], gateway: Target) -> None:
    assert status(gateway.port, *fields) == 200


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("X-Forwarded-For", b"")],
        [("X-Forwarded-For", b"192.0.2.7, 6.6.6.6")],
        [("X-Forwarded-For", b"192.0.2.7"), ("X-Forwarded-For", b"6.6.6.6")],
        [("X-Forwarded-For", b"192.0.2.7, unknown")],
        [("X-Forwarded-For", b"192.0.2.7, \xb2.\xb2.\xb2.\xb2")],
        [("X-Forwarded-For", b"192.0.2.7" + b",192.0.2.7" * 500 + b",6.6.6.6")],
        [("X-Real-IP", b"192.0.2.7"), ("True-Client-IP", b"192.0.2.7"), ("Client-IP", b"192.0.2.7")],
        [("X_Forwarded_For", b"192.0.2.7")],
        # A proxy that writes the one header hands the other on as a stranger wrote it.
        [("Forwarded", b"for=192.0.2.7"), ("X-Forwarded-For", b"6.6.6.6")],
        [("X-Forwarded-For", b"192.0.2.7"), ("Forwarded", b"for=6.6.6.6")],
        # What a proxy quotes of its client's fields.
        [("Forwarded", b'for=6.6.6.6;host="a,for=192.0.2.7"')],
        [("Forwarded", b'for="192.0.2.7, for=6.6.6.6')],
        [("Forwarded", b"for=192.0.2.7, for=unknown")],
        [("Forwarded", b"for=192.0.2.7, for=_hidden")],
        [("Forwarded", b"for=192.0.2.7, proto=https")],
        [("Forwarded", b"for=192.0.2.7;for=6.6.6.6")],
    ],
)
def test_answers_403_to_whom_nobody_vouches_for(fields: list[Field], gateway: Target) -> None:
    before = gateway.counts()
    assert status(gateway.port, *fields) == 403
    assert gateway.counts() == before


def test_believes_no_header_where_there_is_no_proxy(open_gateway: Target) -> None:
    for name, value in (("X-Forwarded-For", b"192.0.2.7"), ("Forwarded", b"for=192.0.2.7")):
        assert status(open_gateway.port, (name, value)) == 403


def test_answers_403_before_it_reads_a_body(gateway: Target) -> None:
    with Client(gateway.port) as client:
        client.send(b"POST /webhook/generic HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        assert client.answer().status == 403


def test_answers_403_to_a_handshake_of_a_stranger(gateway: Target) -> None:
    [answer] = ask_each(gateway.port, [raw("/webhook/twitter?crc_token=abc", [], method="GET")])
    assert answer.status == 403
