"""Who sent a request, also behind proxies, and whether that address is on a list."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.addresses import Networks, client_address, read_address, trusted_networks
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
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:1", "fe80::1"),
        ("::ffff:192.0.2.1%1", "192.0.2.1"),
        ("192.0.2.1:_hidden", "192.0.2.1"),
        *((text, None) for text in ("", "unknown", "_hidden", "192.0.2", "192.0.2.256", "１.1.1.1", "x" * 100)),
        *((text, None) for text in ("192.0.2.1:", "192.0.2.1:x", "192.0.2.1:123456", "192.0.2.01", "192.0.2.1%eth0")),
        *(
            (text, None)
            for text in ("[192.0.2.1]", "[::1", "::1]", "[::1]x", "[::1]:", "[[::1]]", '"::1', "0x7f.1", "1")
        ),
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


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ('for=6.6.6.6;proto=https, For="[2001:db8::1]:4711";by=10.1.1.1', "2001:db8::1"),
        ("for=203.0.113.5", "203.0.113.5"),
        ('for="203.0.113.5:4711"', "203.0.113.5"),
        ("for=203.0.113.5:4711", "203.0.113.5"),
        ('for="[2001:db8::1]"', "2001:db8::1"),
        ("for=2001:db8::1", "2001:db8::1"),
        ("for=[2001:db8::1]:_port", "2001:db8::1"),
        ("FOR=203.0.113.5 ; Proto=https , ", "203.0.113.5"),
        ("for=6.6.6.6,for=203.0.113.5; ;, ,", "203.0.113.5"),
        ('proto=https;by=10.1.1.1;for=203.0.113.5;host="a"', "203.0.113.5"),
        ('for=6.6.6.6, for="::ffff:203.0.113.5", for=10.2.2.2', "203.0.113.5"),
        # What a proxy quotes of its client's own fields is no element of its own.
        ('for=203.0.113.5;host="a,for=10.9.9.9"', "203.0.113.5"),
        ('for=203.0.113.5;host="a\\",for=10.9.9.9;x=\\""', "203.0.113.5"),
        # What nobody can read, and what is hidden on purpose, is nobody's address.
        *((odd, None) for odd in ("for=unknown", "for=_hidden", 'for="_x:_y"', 'for="[unknown]"', "proto=https", "x")),
        *((odd, None) for odd in ('for="6.6.6.6, for=203.0.113.5', "for=1.1.1.1;for=203.0.113.5", "for 203.0.113.5")),
        *((odd, None) for odd in ('for="203.0.113.5"x', "for=203.0.113.5 x", "for==203.0.113.5", "for=", 'for="')),
    ],
)
def test_reads_the_standard_header(value: str, address: str | None) -> None:
    assert through("10.1.1.1", ("forwarded", value)) == address


def test_reads_no_further_left_than_it_has_to() -> None:
    assert through("10.1.1.1", ("forwarded", 'for="junk'), ("forwarded", "for=203.0.113.5")) == "203.0.113.5"
    assert through("10.1.1.1", ("forwarded", 'for="junk'), ("forwarded", "for=10.2.2.2")) is None
    assert through("10.1.1.1", ("x-forwarded-for", "junk, , 203.0.113.5, ,")) == "203.0.113.5"


def test_believes_two_headers_only_where_they_agree() -> None:
    """A proxy writes one of them and hands the other on as a stranger wrote it; which one, nobody tells us."""
    real, forged = ("x-forwarded-for", "203.0.113.5"), ("forwarded", "for=6.6.6.6")
    assert through("10.1.1.1", real, forged) is None
    assert through("10.1.1.1", ("forwarded", "for=203.0.113.5"), ("x-forwarded-for", "6.6.6.6")) is None
    assert through("10.1.1.1", real, ("forwarded", "for=6.6.6.6, for=203.0.113.5")) == "203.0.113.5"
    assert through("10.1.1.1", ("x-forwarded-for", "junk"), ("forwarded", "for=junk")) is None


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


def test_lists_a_mapped_network_as_the_one_that_it_stands_for() -> None:
    listed = Networks(["::ffff:192.0.2.0/120"])
    assert through("::ffff:192.0.2.9", trusted=Networks()) == "192.0.2.9"
    assert ip_address("192.0.2.9") in listed
    assert ip_address("192.0.3.9") not in listed
    assert ip_address("fe80::7") in Networks(["fe80::1%eth0/64"])


@pytest.mark.parametrize("texts", [["0.0.0.0/0"], ["10.0.0.0/8", "::/0"], ["192.0.2.1/0"]])
def test_refuses_to_trust_everyone(texts: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="everyone"):
        trusted_networks(texts)
    assert trusted_networks(["10.0.0.0/8"])
    assert not trusted_networks([])


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", " 0.0.0.0/0 ", "192.0.2.1/0", "::ffff:0:0/96", "1::/0"])
def test_means_everyone_by_everyone(text: str) -> None:
    everyone = Networks([text])
    assert everyone.everyone
    assert all(address in everyone for address in (ip_address("192.0.2.1"), ip_address("2001:db8::1"), None))


@pytest.mark.parametrize("text", ["", "example.org", "192.0.2.0/33", "192.0.2.0-9"])
def test_refuses_a_list_that_holds_no_network(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no IP address or network"):
        Networks([text])


ADDRESSES = st.ip_addresses().map(str)


@pytest.mark.fuzz
@given(
    left=st.lists(st.text(alphabet='0123456789.:abcdef[]",;=_ for%', max_size=20), max_size=4),
    real=ADDRESSES.filter(lambda text: read_address(text) not in PROXIES),
    proxies=st.lists(st.integers(0, 255), max_size=3),
    as_lines=st.booleans(),
)
def test_finds_who_sent_it_whatever_stands_left_of_that(
    left: list[str], real: str, proxies: list[int], as_lines: bool
) -> None:
    chain = [*left, real, *(f"10.1.2.{n}" for n in proxies)]
    lines = chain if as_lines else [",".join(chain)]
    assert through("10.1.1.1", *(("x-forwarded-for", line) for line in lines)) == str(read_address(real))


@pytest.mark.fuzz
@given(
    left=st.lists(st.text(alphabet='0123456789.:abcdef[]",;=_ for%\\', max_size=20), max_size=4),
    real=ADDRESSES.filter(lambda text: read_address(text) not in PROXIES),
    proxies=st.lists(st.integers(0, 255), max_size=3),
    host=st.text(alphabet='a,;="\\ for=10.9', max_size=20),
    as_lines=st.booleans(),
)
def test_finds_who_sent_it_in_the_standard_header_or_nobody(
    left: list[str], real: str, proxies: list[int], host: str, as_lines: bool
) -> None:
    quoted = host.replace("\\", "\\\\").replace('"', '\\"')
    ours = [f'for="[{real}]"' if ":" in real else f"for={real}", *(f"for=10.1.2.{n}" for n in proxies)]
    ours = [f'{element};host="{quoted}"' for element in ours]
    lines = [*left, *ours] if as_lines else [",".join([*left, *ours])]
    found = through("10.1.1.1", *(("forwarded", line) for line in lines))
    assert found in ({str(read_address(real))} if as_lines or not left else {str(read_address(real)), None})


@pytest.mark.fuzz
@given(address=st.ip_addresses(v=4), port=st.integers(0, 65535), more=st.integers(0, 32))
def test_knows_an_address_by_all_its_spellings(address: IPv4Address, port: int, more: int) -> None:
    listed = Networks([f"::ffff:{address}/{96 + more}", "2001:db8::/64"])
    for spelling in (f"{address}", f"{address}:{port}", f"::ffff:{address}", f"[::ffff:{address}%eth0]:{port}"):
        assert read_address(spelling) == address
        assert read_address(spelling) in listed


@pytest.mark.fuzz
@given(
    peer=st.none() | st.text(max_size=20),
    chain=st.binary(max_size=60),
    name=st.sampled_from([b"forwarded", b"x-forwarded-for"]),
)
def test_answers_any_chain(peer: str | None, chain: bytes, name: bytes) -> None:
    client_address(peer, Headers([(name, chain)]), Networks(["0.0.0.0/0"]))
