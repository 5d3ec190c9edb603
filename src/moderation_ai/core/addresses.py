"""Addresses: who sent a request (the peer, or through trusted proxies the nearest that is none), and who is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.http import Headers

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_WITH_PORT = re.compile(rf"(?:\[([0-9A-Fa-f:.]+(?:%[\w.~%-]+)?)\]|([0-9.]+)){_PORT}", re.ASCII)
# RFC 7239, 4, but that an address may stand there without quotation marks, as many write it.
_PAIR = re.compile(r"[ \t]*([\w!#$%&'*+.^`|~-]+)=(\"(?:[^\"\\]|\\.)*\"|[^ \t\",;=\\]+)[ \t]*(?=[;,]|\Z)", re.ASCII)


EVERYONE = "0.0.0.0/0 is everyone: the list keeps nobody out, and signatures alone decide"
"""What is said to who lists everyone."""


class Networks:
    """A list of networks that an address is looked up in.

    ``0.0.0.0/0`` means everyone, IPv6 too: that is what who writes it means.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Read addresses and CIDR networks; raise ``ConfigurationError`` for what is neither."""
        self.texts = tuple(texts)
        self.networks = tuple(_network(text) for text in self.texts)
        self.everyone = any(network.prefixlen == 0 for network in self.networks)

    def __bool__(self) -> bool:
        """Say whether any network is listed."""
        return bool(self.networks)

    def __contains__(self, address: Address | None) -> bool:
        """Say whether ``address`` lies in one of the networks; an unknown address lies in none but everyone's."""
        if self.everyone:
            return True
        return address is not None and any(
            address in network for network in self.networks if network.version == address.version
        )


def trusted_networks(texts: Iterable[str]) -> Networks:
    """Return the networks of trusted proxies; raise ``ConfigurationError`` if everyone is among them."""
    found = Networks(texts)
    if found.everyone:
        raise ConfigurationError(
            "trusted proxies that are everyone would let anyone write where they come from: list your proxies' networks"
        )
    return found


def _network(text: str) -> Network:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no IP address or network, such as 192.0.2.0/24") from error
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    # Addresses are looked up as what they stand for, so networks are kept as that too.
    return network if mapped is None or network.prefixlen < 96 else IPv4Network((mapped, network.prefixlen - 96))


def read_address(text: str | None) -> Address | None:
    """Return the address that ``text`` spells (with or without port, brackets and quotation marks), or None.

    An IPv4 address that is mapped into IPv6 is returned as the IPv4 address it is, and one with a zone without that:
    a zone means something on one machine only.
    """
    if text is None or len(text) > 64:
        return None
    bare = text.strip(" \t")
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    found = _WITH_PORT.fullmatch(bare)
    try:
        if found is None:
            return _plain(ip_address(bare))
        return _plain(IPv6Address(found[1]) if found[1] else IPv4Address(found[2]))
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def client_address(peer: str | None, headers: Headers, trusted: Networks) -> Address | None:
    """Return the address a request came from, or None if nobody can tell.

    The socket's peer, unless it is a trusted proxy; then the chain it reports is walked from right (what our proxy
    wrote) to left (what anyone could write), and the first address that is not a trusted proxy counts. Where both
    ``Forwarded`` (RFC 7239) and ``X-Forwarded-For`` stand they have to agree: a proxy writes one of them, and hands
    the other on as a stranger wrote it.
    """
    address = read_address(peer)
    if not trusted or address is None or address not in trusted:
        return address
    chains = [_forwarded(headers), _forwarded_for(headers)]
    found = {_first_stranger(chain, trusted, address) for chain in chains if chain is not None}
    return address if not found else found.pop() if len(found) == 1 else None


def _first_stranger(chain: Iterable[str], trusted: Networks, address: Address) -> Address | None:
    """Walk a chain, nearest hop first, up to the first address that is no trusted proxy, or the last there is."""
    last: Address | None = address
    for hop in chain:
        last = read_address(hop)
        if last is None or last not in trusted:
            break
    return last


def _forwarded_for(headers: Headers) -> Iterable[str] | None:
    lines = _lines(headers, b"x-forwarded-for")
    return (hop for line in lines for hop in reversed(line.split(",")) if hop.strip(" \t")) if lines else None


def _forwarded(headers: Headers) -> Iterable[str] | None:
    lines = _lines(headers, b"forwarded")
    return (hop for line in lines for hop in reversed(_elements(line))) if lines else None


def _elements(line: str) -> list[str]:
    """Return whom each element of a ``Forwarded`` field names, or that nobody knows, if the field cannot be read."""
    elements: list[list[tuple[str, str]]] = [[]]
    at = 0
    while at < len(line):
        pair = _PAIR.match(line, at)
        if pair is not None:
            elements[-1].append((pair[1].lower(), _unquoted(pair[2])))
        elif line[at] == ",":
            elements.append([])
        elif line[at] not in "; \t":
            return ["unknown"]
        at = pair.end() if pair is not None else at + 1
    return [_named(element) for element in elements if element]


def _named(element: list[tuple[str, str]]) -> str:
    named = [value for name, value in element if name == "for"]
    return named[0] if len(named) == 1 else "unknown"


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _lines(headers: Headers, name: bytes) -> list[str]:
    """Return the values of all fields of that name, the last one first."""
    return [value.decode("latin-1") for key, value in reversed(headers.raw) if key == name]


def is_loopback(host: str) -> bool:
    """Say whether a host's name or address stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_private_way(url: str) -> bool:
    """Say whether nobody on the way to ``url`` can change what passes: by HTTPS, or as it stays on this machine.

    Raises ``ValueError`` for an address that is none.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (parts.scheme == "https" and bool(host)) or (parts.scheme == "http" and is_loopback(host))
