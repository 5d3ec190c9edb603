"""Reading a request by a platform's table: the way back from what ``Call.request`` makes.

The fakes answer by it, and the tests of flows hold every request against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from moderation_ai.core.calls import Call, Field
from moderation_ai.core.content import read_json
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.http import Headers

_PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")
_BOOLEANS = {"true": True, "false": False}


def find_call(
    calls: Iterable[Call], method: str, url: str, body: bytes = b"", headers: Headers | None = None
) -> tuple[Call, dict[str, Any]]:
    """Return the row that a request belongs to, with the values of its parameters.

    Several rows may share an address and differ in their parameters: the first that takes all of them is it. Raises
    ``MalformedPayload``, saying why, if there is none.
    """
    reason = "no call has this method and address"
    for call in calls:
        path = match_path(call, method, url)
        if path is None:
            continue
        try:
            return call, {**path, **read_values(call, url, body), **_read_headers(call, headers)}
        except MalformedPayload as error:
            reason = f"{call.name}: {error}"
    raise MalformedPayload(reason)


def match_path(call: Call, method: str, url: str) -> dict[str, str] | None:
    """Return the parameters that stand in the path, or None if it is another call's."""
    pattern = _PLACEHOLDER.sub(r"(?P<\1>[^/?#]+)", re.escape(call.url))
    found = re.fullmatch(pattern, url.partition("?")[0])
    if method != call.method or found is None:
        return None
    return {name: unquote(value) for name, value in found.groupdict().items()}


def read_values(call: Call, url: str, body: bytes) -> dict[str, Any]:
    """Return the parameters in query and body; raise ``MalformedPayload`` for one that is missing, odd or unknown."""
    known = {field.name: field for field in call.fields if field.place not in ("path", "header")}
    found: dict[str, Any] = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    places = dict.fromkeys(found, "query")
    inside = _read_body(call, body)
    places |= dict.fromkeys(inside, _place_of_body(call))
    found |= inside
    for name in found:
        if name not in known or known[name].place != places[name]:
            raise MalformedPayload(f"{name} does not belong there")
    for field in known.values():
        if field.required and field.name not in found:
            raise MalformedPayload(f"{field.name} is missing")
    return {name: _value(known[name], value) for name, value in found.items()}


def _read_headers(call: Call, headers: Headers | None) -> dict[str, str]:
    """Return the parameters in header fields; whatever else stands there belongs to HTTP."""
    names = [field.name for field in call.fields if field.place == "header"] if headers is not None else []
    found = {name: headers.get(name) for name in names if headers is not None}
    return {name: value for name, value in found.items() if value is not None}


def _place_of_body(call: Call) -> str:
    return "form" if any(field.place == "form" for field in call.fields) else "json"


def _read_body(call: Call, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    if _place_of_body(call) == "form":
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    tree = read_json(body)
    if not isinstance(tree, dict):
        raise MalformedPayload("the body is no object")
    return dict(_leaves(tree, {field.name for field in call.fields}))


def _leaves(tree: dict[str, Any], names: set[str], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in tree.items():
        name = prefix + key
        if isinstance(value, dict) and name not in names:
            yield from _leaves(value, names, name + ".")
        else:
            yield name, value


def _value(field: Field, value: Any) -> Any:
    read = _BOOLEANS.get(value, value) if field.kind == "boolean" and field.place != "json" else value
    if field.kind == "integer" and field.place != "json" and str(value).isascii() and str(value).isdigit():
        read = int(value)
    if type(read) is not _TYPES[field.kind]:
        raise MalformedPayload(f"{field.name} is not of the kind {field.kind}")
    if field.only and read not in field.only:
        raise MalformedPayload(f"{field.name} is none of {', '.join(field.only)}")
    return read


_TYPES: dict[str, type] = {"text": str, "boolean": bool, "integer": int, "list": list}
