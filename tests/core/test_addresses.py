"""Who sent a request, also behind proxies, and whether that address is on a list."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.addresses import Networks, client_address, read_address
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.http import Headers

PROXIES = Networks(["10.0.0.0/8", "::1"])


def through(peer: str | None, *chains: tuple[str, str], trusted: Networks = PROXIES) -> str | None:
    headers = Headers([(name.encode(), value.encode("latin-1")) for name, value in chains])
    found = client_address(peer, headers, trusted)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:443 ", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        *((text, None) for text in ("", "unknown", "_hidden", "192.0.2", "192.0.2.256", "１.1.1.1", "x" * 100)),
    ],
)
def test_reads_an_address_with_or_without_its_port(text: str, address: str | None) -> None:
    found = read_address(text)
    assert (None if found is None else str(found)) == address
    assert read_address(None) is None


def test_believes_no_header_of_a_stranger() -> None:
    assert through("192.0.2.1", ("x-forwarded-for", "203.0.113.5")) == "192.0.2.1"
    assert through("10.1.1.1", ("x-forwarded-for", "203.0.113.5"), trusted=Networks()) == "10.1.1.1"


def test_takes_the_last_address_that_is_no_proxy_of_ours() -> None:
    assert through("10.1.1.1", ("x-forwarded-for", "6.6.6.6, 203.0.113.5, 10.2.2.2")) == "203.0.113.5"
    assert through("10.1.1.1", ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.5")) == "203.0.113.5"
    assert through("::1", ("x-forwarded-for", "::ffff:203.0.113.5")) == "203.0.113.5"
    assert through("10.1.1.1", ("x-forwarded-for", "10.3.3.3, 10.2.2.2")) == "10.3.3.3"
    assert through("10.1.1.1") == "10.1.1.1"


def test_prefers_the_standard_header() -> None:
    chain = ("forwarded", 'for=6.6.6.6;proto=https, For="[2001:db8::1]:4711";by=10.1.1.1')
    assert through("10.1.1.1", chain, ("x-forwarded-for", "203.0.113.5")) == "2001:db8::1"


@pytest.mark.parametrize(
    "chain", [("x-forwarded-for", "203.0.113.5, junk"), ("forwarded", "proto=https"), ("forwarded", "for=_x")]
)
def test_knows_nobody_behind_a_chain_that_it_cannot_read(chain: tuple[str, str]) -> None:
    assert through("10.1.1.1", chain) is None


def test_looks_an_address_up_in_its_networks() -> None:
    listed = Networks(["192.0.2.0/24", "2001:db8::/32", " 198.51.100.7 "])
    assert listed
    for text, inside in (("192.0.2.9", True), ("2001:db8::9", True), ("198.51.100.7", True), ("198.51.100.8", False)):
        assert (ip_address(text) in listed) is inside
    assert None not in listed
    assert not Networks()


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", " 0.0.0.0/0 "])
def test_means_everyone_by_everyone(text: str) -> None:
    everyone = Networks([text])
    assert everyone.everyone
    assert all(address in everyone for address in (ip_address("192.0.2.1"), ip_address("2001:db8::1"), None))


@pytest.mark.parametrize("text", ["", "example.org", "192.0.2.0/33", "192.0.2.0-9"])
def test_refuses_a_list_that_holds_no_network(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no IP address or network"):
        Networks([text])


@pytest.mark.fuzz
@given(
    peer=st.none() | st.text(max_size=20),
    chain=st.binary(max_size=60),
    name=st.sampled_from([b"forwarded", b"x-forwarded-for"]),
)
def test_answers_any_chain(peer: str | None, chain: bytes, name: bytes) -> None:
    client_address(peer, Headers([(name, chain)]), Networks(["0.0.0.0/0"]))
