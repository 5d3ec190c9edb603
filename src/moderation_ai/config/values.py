"""Values: what a variable or a TOML key says becomes what its setting holds, or an error that says what to write."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path as File
from typing import Any
from urllib.parse import urlsplit

import msgspec

from moderation_ai.config.catalogue import Leaf, Path
from moderation_ai.config.origins import Origin
from moderation_ai.config.settings import ROLES, Secret
from moderation_ai.core.addresses import Networks, is_private_way, trusted_networks
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.fernet import read_key
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.urls import without_password

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_.:%-]{1,255}\Z", re.ASCII)
_IMPORT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*\Z", re.ASCII)


def from_text(text: str, leaf: Leaf) -> Any:
    """Return the value that a variable's text stands for; raise ``ValueError`` with what to write instead.

    A list is JSON, or one text for a list of one; what only looks like JSON stays the text it is.
    """
    if not text.isprintable() and any("\udc80" <= letter <= "\udcff" for letter in text):
        raise ValueError("the value is not UTF-8 text")  # os.environ shows such bytes as surrogates
    if leaf.kind == "boolean":
        return _boolean(text)
    if leaf.kind == "integer":
        if not _INTEGER.match(text.strip()):
            raise ValueError(f"{text!r} is no whole number")
        return int(text)
    if leaf.kind == "number":
        return _number(text)
    if leaf.kind in ("list", "secrets"):
        return from_toml(_texts(text), leaf)
    return from_toml(text, leaf)


def _boolean(text: str) -> bool:
    lower = text.strip().lower()
    if lower not in (*_YES, *_NO):
        raise ValueError(f"{text!r} is neither true nor false")
    return lower in _YES


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no number")
    return number


def _texts(text: str) -> list[str]:
    try:
        return msgspec.json.decode(text, type=list[str], strict=True)
    except (msgspec.MsgspecError, UnicodeError):
        return [text]


def from_toml(value: object, leaf: Leaf) -> Any:
    """Return a TOML value as what the setting holds; raise ``ValueError`` with what to write instead."""
    if leaf.kind in ("list", "secrets"):
        make: Callable[[str], str] = Secret if leaf.is_secret else str
        return tuple(make(item) for item in _list(value, leaf))
    if leaf.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    wanted, words = {
        "text": (str, 'text in quotes: "…"'),
        "secret": (str, 'text in quotes: "…"'),
        "integer": (int, "a whole number"),
        "number": (float, "a number"),
        "boolean": (bool, "true or false"),
    }[leaf.kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ValueError(f"write {words}")
    if value == "":
        raise ValueError("the text is empty; write a value, or leave the setting out")
    return Secret(value) if leaf.is_secret else value


def _list(value: object, leaf: Leaf) -> Sequence[str]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError('write text in quotes, or a list of such texts: ["…", "…"]')
    if "" in items:
        raise ValueError("an empty text stands in the list; take it out")
    if leaf.is_secret and len(set(items)) < len(items):
        raise ValueError("a secret stands in the list twice; take one out")
    return items


def check(path: Path, value: Any, origin: Origin) -> None:
    """Return if ``value`` makes sense for the setting at ``path``, else raise ``ConfigurationError``."""
    checks = _CHECKS.get((path[0], path[-1]))
    if checks is None or value is None:
        return
    try:
        checks(value)
    except ValueError as error:
        raise origin.error(str(error)) from error


def _is_port(value: int) -> None:
    if not 0 <= value < 65536:
        raise ValueError(f"{value} is no port; write a number from 1 to 65535, or 0 for any that is free")


def _is_host(value: str) -> None:
    if not _HOST.match(value):
        raise ValueError(f"{value!r} is no address to listen on; write one such as 127.0.0.1, 0.0.0.0 or ::")


def _is_url(value: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"{value!r} is no address; write one such as https://hooks.example.org")


def _is_private_url(value: str) -> None:
    _is_url(value)
    if not is_private_way(value):
        raise ValueError(f"{value!r} is not encrypted, so anyone on the way could write keys of their own; use https")


def _are_proxies(value: Sequence[str]) -> None:
    _are_networks(value, trusted_networks)


def _are_networks(value: Sequence[str], read: Callable[[Sequence[str]], Networks] = Networks) -> None:
    try:
        read(value)
    except ConfigurationError as error:
        hint = '; a list is written ["192.0.2.0/24", "198.51.100.7"]' if any("," in text for text in value) else ""
        raise ValueError(f"{error}{hint}") from error


def _is_role(value: str) -> None:
    if value not in ROLES:
        raise ValueError(f"{value!r} is no role; write {', '.join(ROLES[:-1])} or {ROLES[-1]}")


def _is_path(value: str) -> None:
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]", value):
        raise ValueError(f"{value!r} is no path; write one such as /webhook")


def _is_store(value: str) -> None:
    try:
        open_store(value)
    except ConfigurationError as error:
        raise ValueError(str(error).replace(value, without_password(value))) from error


def _are_keys(value: Sequence[str]) -> None:
    for text in value:
        read_key(text)


def _are_imports(value: Sequence[str]) -> None:
    for text in value:
        if not _IMPORT.match(text):
            raise ValueError(f"{text!r} names no handler; write package.module:name")


def _is_file(value: str) -> None:
    if not File(value).is_file():
        raise ValueError(f"there is no file {value!r}")


def _is_reserved(value: str) -> None:
    raise ValueError("an intake log in front of the store is not there yet; take this setting out")


def _within(lowest: float, highest: float = math.inf) -> Callable[[float], None]:
    def is_within(value: float) -> None:
        if not lowest <= value <= highest:
            most = f" and {highest:g} at most" if highest < math.inf else ""
            raise ValueError(f"{value:g} does not do; write {lowest:g} at least{most}")

    return is_within


_CHECKS: dict[tuple[str, str], Callable[[Any], None]] = {
    ("store", "url"): _is_store,
    ("server", "host"): _is_host,
    ("server", "port"): _is_port,
    ("server", "public_url"): _is_url,
    ("server", "trusted_proxies"): _are_proxies,
    ("server", "allowed_ips"): _are_networks,
    ("server", "max_body"): _within(1, 1 << 30),
    ("server", "endpoint"): _is_path,
    ("server", "role"): _is_role,
    ("console", "host"): _is_host,
    ("console", "port"): _is_port,
    ("platforms", "silence_after"): _within(1, 365 * 86_400),
    ("platforms", "limits_factor"): _within(0.01, 1_000_000),
    ("platforms", "poll_interval"): _within(1, 86_400),
    ("platforms", "poll_spend_cap"): _within(0.01, 1_000_000),
    ("platforms", "jwks_url"): _is_private_url,
    ("platforms", "base_url"): _is_url,
    ("credentials", "keys"): _are_keys,
    ("handlers", "import"): _are_imports,
    ("retries", "max_attempts"): _within(1, 1000),
    ("retries", "first"): _within(0, 86_400),
    ("retries", "factor"): _within(1, 100),
    ("retries", "longest"): _within(0, 30 * 86_400),
    ("retries", "jitter"): _within(0, 1),
    ("retention", "bodies_days"): _within(0, 36_500),
    ("retention", "texts_days"): _within(0, 36_500),
    ("retention", "deleted_hours"): _within(0, 876_000),
    ("policy", "file"): _is_file,
    ("alerts", "url"): _is_url,
    ("inbox", "url"): _is_reserved,
}
"""What a value must be beside its type, by its section and name."""
