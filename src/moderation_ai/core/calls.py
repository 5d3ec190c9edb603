"""The table of a platform's API: every call that we make there, as data from which requests are made.

One row says all that flows, fakes, docs and tests need to know of a call, so that none of them knows it another way.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from moderation_ai.core.budgets import Limit
from moderation_ai.core.errors import ModerationError, UnsupportedAction
from moderation_ai.core.flows import Client, Outgoing, Session

Place = Literal["path", "query", "form", "json", "header"]
Kind = Literal["text", "boolean", "integer", "list"]
Auth = Literal["bearer", "access-token", "basic", "app", "app-pair", "none"]
"""``app`` is the app's own token; ``app-pair`` is one that Meta makes of the app's id and secret."""
Effect = Literal["reads", "sets", "adds"]
"""``sets`` a state: to repeat it changes nothing. ``adds``: every repetition is seen (a reply, a ban's message)."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Field(msgspec.Struct, frozen=True):
    """A parameter: its name as the platform spells it (dots lead into a JSON body's objects), and where it stands.

    Where ``only`` names one value, that is what it always is; where it names several, nothing else is allowed.
    """

    name: str
    place: Place
    kind: Kind = "text"
    required: bool = True
    only: tuple[str, ...] = ()


CONDITIONAL = (
    Field("If-None-Match", "header", required=False),
    Field("If-Modified-Since", "header", required=False),
)
"""The parameters of a conditional request (RFC 9110 §13.1)."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A documented way to fail: by the platform's code where there is one, else by the status, and what that means.

    ``says`` is the message, for people: what to do. ``wait`` is how many seconds to leave it, where the answer does not
    say; with ``until_reset`` it is until the platform's day begins anew. ``example`` is a body of that shape.
    """

    status: int
    code: str | None = None
    error: type[ModerationError]
    says: str
    wait: float | None = None
    until_reset: bool = False
    example: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call: how it is made, what it answers, what it costs, what it does.

    ``url`` has the path's parameters in braces. ``proof`` is the path in the answer at which success is seen (the empty
    one: it is an object; None: the status says all), ``answer`` a body of a success with ``status``, ``makes`` where it
    names what was made. ``cost`` counts in the platform's own units, against its limits and this call's. ``undone_by``
    names the call that takes its effect back; ``visible`` says who sees the effect. ``source`` is the page that it was
    written from. ``room`` is how many bytes the answer may have where that is more than a sender's usual. ``media`` is
    what it is asked for as. ``is_conditional`` says that it may be asked for what has changed alone
    (``CONDITIONAL``), and is answered 304 where nothing has.
    """

    name: str
    method: str
    url: str
    fields: tuple[Field, ...] = ()
    auth: Auth = "bearer"
    scopes: tuple[str, ...] = ()
    effect: Effect = "reads"
    visible: str = ""
    undone_by: str | None = None
    status: int = 200
    answer: str = ""
    proof: str | None = None
    makes: str | None = None
    failures: tuple[Failure, ...] = ()
    limits: tuple[Limit, ...] = ()
    cost: int = 1
    room: int = 0
    media: str = "application/json"
    is_conditional: bool = False
    note: str = ""
    source: str

    @property
    def in_path(self) -> tuple[str, ...]:
        """Return the names of the parameters that stand in the address itself."""
        return tuple(_PLACEHOLDER.findall(self.url))

    def fill(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return what stands in the request: those of ``values`` that this call takes, and what is always the same.

        Raises ``UnsupportedAction`` where something is wanting or not allowed.
        """
        always = {field.name: field.only[0] for field in self.fields if len(field.only) == 1 and field.required}
        given = {name: value for name, value in values.items() if value is not None}
        names = {*self.in_path, *(field.name for field in self.fields)}
        filled = {name: value for name, value in {**always, **given}.items() if name in names}
        self._check(filled)
        return filled

    def _check(self, filled: Mapping[str, object]) -> None:
        needed = [*self.in_path, *(field.name for field in self.fields if field.required)]
        missing = [name for name in needed if filled.get(name) in (None, "")]
        if missing:
            raise UnsupportedAction(f"the call {self.name} cannot be made without {', '.join(missing)}")
        for field in self.fields:
            if field.only and field.name in filled and filled[field.name] not in field.only:
                raise UnsupportedAction(f"{field.name} of the call {self.name} must be one of {', '.join(field.only)}")

    def request(
        self, values: Mapping[str, object], session: Session | None = None, client: Client | None = None
    ) -> Outgoing:
        """Return the request of this call with ``values``; raise ``UnsupportedAction`` where something is wanting."""
        filled = self.fill(values)
        query = self._pairs("query", filled)
        address = _PLACEHOLDER.sub(lambda found: _segment(str(filled[found[1]])), self.url)
        kind, body = self._body(filled)
        headers = [("Accept", self.media), ("User-Agent", session.user_agent if session else "")]
        headers += self._pairs("header", filled)
        headers += [("Content-Type", kind)] if kind else []
        headers += authorization(self, session, client)
        return Outgoing(
            call=self.name,
            method=self.method,
            url=f"{address}?{urlencode(query, quote_via=quote)}" if query else address,
            headers=tuple((name, value) for name, value in headers if value),
            body=body,
            once=self.effect == "adds",
            room=self.room,
        )

    def _pairs(self, place: Place, filled: Mapping[str, object]) -> list[tuple[str, str]]:
        wanted = [field for field in self.fields if field.place == place and field.name in filled]
        return [(field.name, _spelled(filled[field.name])) for field in wanted]

    def _body(self, filled: Mapping[str, object]) -> tuple[str, bytes]:
        form = self._pairs("form", filled)
        if form:
            return "application/x-www-form-urlencoded", urlencode(form).encode("ascii")
        wanted = [field for field in self.fields if field.place == "json" and field.name in filled]
        if not wanted:
            return "", b""
        tree: dict[str, Any] = {}
        for field in wanted:
            *outer, last = field.name.split(".")
            node = tree
            for name in outer:
                node = node.setdefault(name, {})
            node[last] = filled[field.name]
        return "application/json", _encode(tree)


def _encode(tree: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(tree)
    except UnicodeEncodeError as error:
        raise UnsupportedAction("half a character (a lone surrogate) cannot be sent") from error


def _segment(value: str) -> str:
    if value in (".", ".."):
        raise UnsupportedAction("an id that is a dot would lead elsewhere")
    # These two mean nothing in a path; Reddit joins subreddits by the one, Medium's users begin with the other.
    return quote(value, safe="+@", errors="replace")


def _spelled(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")


def authorization(call: Call, session: Session | None, client: Client | None) -> list[tuple[str, str]]:
    """Return the header field that shows who makes ``call``; raise ``UnsupportedAction`` where the app's is wanting."""
    if call.auth in ("bearer", "access-token") and session and not session.access_token:
        return []  # A field without a value is none that can be sent; the platform says what it thinks of it.
    if call.auth == "bearer" and session:
        return [("Authorization", f"Bearer {session.access_token}")]
    if call.auth == "access-token" and session:
        return [("Access-Token", session.access_token)]
    if call.auth == "basic" and client:
        pair = f"{client.id}:{client.secret}".encode()
        return [("Authorization", "Basic " + b64encode(pair).decode("ascii"))]
    if call.auth in ("app", "app-pair"):
        return [("Authorization", f"Bearer {_app_token(call, client or Client())}")]
    return []


def _app_token(call: Call, client: Client) -> str:
    """Return what the app itself is known by; Meta takes its id and secret for a token of it."""
    if call.auth == "app" and client.token:
        return client.token
    if call.auth == "app-pair" and client.id and client.secret:
        return f"{client.id}|{client.secret}"
    wanting = "app_token" if call.auth == "app" else "client_id and client_secret"
    raise UnsupportedAction(f"the call {call.name} is made as the app, not as an account: configure {wanting}")
