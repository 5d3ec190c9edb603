"""The guard of the second port: which names it answers to, and who has its token."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from moderation_ai.core.errors import RequestRejected
from moderation_ai.core.http import Headers
from moderation_ai.core.signatures import same_text

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  # looked for, not listened on
_BEARER = "bearer "
_NO_HOST = frozenset("@/?#\\")
"""What a ``Host`` field never holds, and a URL's reader would take for a border."""


class Hosts:
    """The names by which a server may be called.

    A page of a stranger can have its own name resolve to our address and then read our answers as its own (DNS
    rebinding); its name still stands in ``Host``. An address there cannot be rebound, so a server that listens on
    every interface answers to any address too.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Keep loopback's names and ``names``: hosts, or whole URLs such as the public one."""
        given = {_host_of(name) for name in names}
        self.names = LOOPBACK | given
        self._any_address = any(name in _WILDCARDS for name in given)

    def __contains__(self, host: str) -> bool:
        """Say whether a ``Host`` field's value names this server; its port does not matter."""
        name = "" if _NO_HOST & set(host) else _host_of(host)
        return bool(name) and (name in self.names or (self._any_address and _is_address(name)))


def _host_of(text: str) -> str:
    """Return the bare host name of a URL or a ``Host`` field, in lower case, or an empty text if it has none."""
    try:
        return (urlsplit(text if "://" in text else f"//{text}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def check_host(headers: Headers, hosts: Hosts) -> None:
    """Return if the request names this server, else raise ``RequestRejected`` with 421 (RFC 9110, 15.5.20)."""
    host = headers.one("host")
    if host is None:
        raise RequestRejected("the Host field is missing", status=400)
    if host not in hosts:
        raise RequestRejected("this server does not go by that name; see the setting public_url", status=421)


def check_token(headers: Headers, token: str) -> None:
    """Return if the request carries the token, else raise ``RequestRejected`` with 401."""
    given = headers.one("authorization") or ""
    is_bearer = given[: len(_BEARER)].lower() == _BEARER
    if not same_text(given[len(_BEARER) :].strip() if is_bearer else None, token):
        raise RequestRejected("this needs the header Authorization: Bearer and the console's token", status=401)
