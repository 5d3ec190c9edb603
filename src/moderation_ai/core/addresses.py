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

_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s]*)', re.IGNORECASE)
_EVERYONE = ("0.0.0.0/0", "::/0")


class Networks:
    """A list of networks that an address is looked up in.

    ``0.0.0.0/0`` means everyone, IPv6 too: that is what who writes it means.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Read addresses and CIDR networks; raise ``ConfigurationError`` for what is neither."""
        self.texts = tuple(texts)
        self.everyone = any(text.strip() in _EVERYONE for text in self.texts)
        self.networks = tuple(_network(text) for text in self.texts)

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


def _network(text: str) -> Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no IP address or network, such as 192.0.2.0/24") from error


def read_address(text: str | None) -> Address | None:
    """Return the address that ``text`` spells (with or without port and brackets), or None.

    An IPv4 address that is mapped into IPv6 is returned as the IPv4 address it is.
    """
    if text is None or len(text) > 64:
        return None
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def client_address(peer: str | None, headers: Headers, trusted: Networks) -> Address | None:
    """Return the address a request came from.

    The socket's peer, unless it is a trusted proxy; then the chain it reports is walked from right (what our proxy
    wrote) to left (what anyone could write), and the first address that is not a trusted proxy counts. A chain that
    cannot be read gives None. ``Forwarded`` (RFC 7239) counts before ``X-Forwarded-For``.
    """
    address = read_address(peer)
    if not trusted or address is None or address not in trusted:
        return address
    for hop in reversed(_chain(headers)):
        address = read_address(hop)
        if address is None or address not in trusted:
            return address
    return address


def _chain(headers: Headers) -> list[str]:
    forwarded = _all(headers, b"forwarded")
    if forwarded:
        found = [_FORWARDED_FOR.search(part) for part in forwarded]
        return [match.group(1) if match else "unknown" for match in found]
    return _all(headers, b"x-forwarded-for")


def _all(headers: Headers, name: bytes) -> list[str]:
    values = [value.decode("latin-1") for key, value in headers.raw if key == name]
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


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
