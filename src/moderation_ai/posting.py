"""Posting to an address that a user gave: resolved once, checked, and dialled at that very address."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import SplitResult, urlsplit, urlunsplit

from moderation_ai.core.errors import ConfigurationError, PlatformUnavailable
from moderation_ai.sender import authorities

TIMEOUT = 10.0
"""Seconds for all of it: the name, the connection, the whole answer."""
MAX_ANSWER = 64 << 10
"""Bytes of an answer that are read; nothing in it matters but its status."""
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+\Z", re.ASCII)
Resolve = Callable[[str, int], Awaitable[list[str]]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL = ipaddress.ip_network("2000::/3")
"""What of IPv6 is given out for the internet; all else is this machine's, a network's, or IPv4 in some disguise.

Source: https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml
"""


async def resolve_name(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system resolves it; raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(text: str) -> bool:
    """Say whether an address is one of the public internet, whatever form it hides in."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or _in_nat64(address) or _in_teredo(address)
        if inside is None and address not in _GLOBAL:
            return False
        address = inside or address
    return address.is_global and not address.is_multicast


def _in_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _in_teredo(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return address.teredo[1] if address.teredo is not None else None


def _parts_of(url: str) -> SplitResult:
    """Return the parts of an address that can be posted to; raise ``ConfigurationError`` for another."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or parts.username is not None:
        raise ConfigurationError("alerts.url is no address to post to; write one such as https://alerts.example.org")
    if not _HOST.match(parts.netloc):
        # It stands in the header Host, which holds ASCII alone.
        raise ConfigurationError(
            "alerts.url: write its host by letters, digits, dots and hyphens alone (xn--… for others)"
        )
    return parts


class Poster:
    """Post to one address of a user's, wherever its name leads as long as that is public.

    With ``allow_private`` it may lead inside and need not be encrypted: the user says that a receiver is there.
    """

    def __init__(self, url: str, *, allow_private: bool = False, resolve: Resolve = resolve_name) -> None:
        """Keep the address; raise ``ConfigurationError`` for one that may not be posted to."""
        parts = _parts_of(url)
        self._host = parts.hostname or ""
        self._parts = parts
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._allow_private = allow_private
        self._resolve = resolve
        if parts.scheme != "https" and not allow_private:
            raise ConfigurationError(
                "alerts.url is not encrypted: use https, or set alerts.allow_private = true for a receiver inside"
            )

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Return the status of the answer; redirects are not followed.

        Raises ``PlatformUnavailable`` where no answer comes, and ``ConfigurationError`` where the name leads to an
        address that is not public.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._dial(await self._address(), body, headers)
        except TimeoutError as error:
            raise PlatformUnavailable(f"{self._host} did not answer within {TIMEOUT:g} s") from error

    async def _address(self) -> str:
        """Return the address that is dialled: every one that the name has must be allowed, not just the first."""
        try:
            found = await self._resolve(self._host, self._port)
        except (OSError, UnicodeError) as error:
            raise PlatformUnavailable(f"{self._host} has no address ({type(error).__name__})") from error
        if not found:
            raise PlatformUnavailable(f"{self._host} has no address")
        if not self._allow_private and not all(map(is_public, found)):
            raise ConfigurationError(
                f"{self._host} leads to an address that is not public; set alerts.allow_private = true if that is meant"
            )
        return found[0]

    async def _dial(self, address: str, body: bytes, headers: Mapping[str, str]) -> int:
        import httpx2  # It takes a while to load, and few need it.

        at = f"[{address}]" if ":" in address else address
        url = urlunsplit((self._parts.scheme, f"{at}:{self._port}", self._parts.path or "/", self._parts.query, ""))
        sent = {**headers, "Host": self._parts.netloc, "Accept-Encoding": "identity"}
        trust = authorities() if self._parts.scheme == "https" else False
        try:
            # A name that was checked must not be looked up again, by us or by a proxy: it could lead elsewhere by then.
            async with (
                httpx2.AsyncClient(follow_redirects=False, timeout=None, trust_env=False, verify=trust) as client,
                client.stream(
                    "POST", url, headers=sent, content=body, extensions={"sni_hostname": self._host}
                ) as answer,
            ):
                return int(answer.status_code)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
            raise PlatformUnavailable(f"{self._host} cannot be reached ({type(error).__name__})") from error
