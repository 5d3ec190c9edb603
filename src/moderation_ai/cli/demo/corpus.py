"""A corpus: a folder of requests that platforms really sent, each with the events that must come of it.

A body ``NAME.json`` (``.jsonc``, ``.xml``) lies in a folder of its platform, beside ``NAME.meta.json`` with ``events``
(partial event JSON; an ``event_type`` with ``|`` allows either), ``road``, ``certain``, and where a signature was
published ``headers`` and the secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from moderation_ai.core.content import as_dict, as_time
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import finish, to_dict, unknown_fact
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential, Platform

PLATFORM_OF = {"x": "twitter", "standard-webhooks": "generic", "pubsub": "youtube"}
"""The platforms of folders that do not bear their platform's name."""

_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """A published signature: the header fields as they were sent, and the secret that made them.

    ``must_fail`` says that the vector shows a signature to be refused.
    """

    headers: Mapping[str, str]
    secret: str
    must_fail: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One body of a corpus, with what must come of it."""

    platform: str
    file: Path
    road: str
    body: bytes
    expected: Sequence[Mapping[str, Any]]
    certain: bool = True
    why_uncertain: str = ""
    vector: Vector | None = None

    @property
    def name(self) -> str:
        """Return the folder and file name, for people."""
        return f"{self.file.parent.name}/{self.file.name}"


def load_corpus(folder: Path) -> list[Case]:
    """Return the cases in ``folder``, one folder below for each platform, in the order of their names."""
    metas = sorted(folder.glob("*/*.meta.json"))
    return [case for meta in metas for case in _load(meta)]


def _load(meta: Path) -> list[Case]:
    fields = json.loads(meta.read_text("utf-8"))
    stem = meta.name.removesuffix(".meta.json")
    bodies = [path for path in sorted(meta.parent.glob(f"{stem}.*")) if path != meta]
    return [
        Case(
            platform=PLATFORM_OF.get(meta.parent.name, meta.parent.name),
            file=path,
            road=fields.get("road", "webhook"),
            body=_without_comments(path),
            expected=fields.get("events") or [],
            certain=fields.get("certain", True),
            why_uncertain=fields.get("why_uncertain", ""),
            vector=_vector(fields, stem),
        )
        for path in bodies
        if path.suffix in (".json", ".jsonc", ".xml") and path.stem == stem
    ]


def _without_comments(path: Path) -> bytes:
    if path.suffix != ".jsonc":
        return path.read_bytes()
    return _COMMENT.sub(lambda found: found.group(1) or "", path.read_text("utf-8")).encode("utf-8")


def _vector(fields: Mapping[str, Any], stem: str) -> Vector | None:
    published = as_dict(fields.get("signature"))
    secret = fields.get("secret") or published.get("public_key") or published.get("secret")
    headers = fields.get("headers")
    if not secret or not headers:
        return None
    return Vector(headers=headers, secret=secret, must_fail="invalid" in stem)


def request_of(case: Case, platform: Platform, secret: str, now: datetime) -> Request:
    """Return the case's request, signed by us at ``now``, beside what else the platform sends in headers."""
    carried = case.vector.headers if case.vector else {}
    names = {name.lower() for name in platform.security_headers}
    beside = {name: value for name, value in carried.items() if name.lower() not in names}
    signed = platform.sign(case.body, secret, now, beside)
    return Request(body=case.body, headers=Headers.of({**beside, **signed}), received_at=now)


def events_of(request: Request, platform: Platform, credential: Credential) -> list[dict[str, Any]]:
    """Return the event JSON of what an authentic request tells, as intake would keep it.

    Every account that the body names counts as configured, so that ``own`` shows.
    """
    try:
        facts = platform.parse(request).facts
    except MalformedPayload as error:
        facts = [unknown_fact(request.body, str(error))]
    kept = [
        finish(
            fact,
            platform=platform.name,
            received_at=request.received_at,
            credential=credential.name,
            own_ids=(fact.account_id or "",),
        )
        for fact in facts
    ]
    return [to_dict(one.event) for one in kept]


def differences(expected: Sequence[Mapping[str, Any]], got: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return in words how the events that came differ from those that must; an empty list says that all is well.

    The order does not count, nor what the expected events leave out. Times (``*_at``, ``timestamp``) are equal if they
    are the same millisecond, and a null equals what is missing.
    """
    notes = [[_compare(wanted, event, "") for event in got] for wanted in expected]
    pairs = _match([[not note for note in row] for row in notes])
    said = []
    for index, wanted in enumerate(expected):
        if index in pairs:
            continue
        nearest = min(notes[index], key=len, default=["nothing came"])
        said.append(f"{wanted.get('event_type')}: {'; '.join(nearest) or 'another event took its place'}")
    extra = [event for index, event in enumerate(got) if index not in pairs.values()]
    return said + ([] if said else [f"{event.get('event_type')}: nobody asked for it" for event in extra])


def _match(fits: Sequence[Sequence[bool]]) -> dict[int, int]:
    """Return as many pairs of expected and got as can be made, by augmenting paths."""
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in taken or place(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    for row in range(len(fits)):
        place(row, set())
    return {row: column for column, row in taken.items()}


def _compare(wanted: Any, got: Any, path: str) -> list[str]:
    if isinstance(wanted, Mapping):
        if not isinstance(got, Mapping):
            return [f"{path or 'event'} is missing"]
        return [note for name in wanted for note in _compare(wanted[name], got.get(name), f"{path}.{name}".lstrip("."))]
    if _is_equal(wanted, got, path.rpartition(".")[2]):
        return []
    return [f"{path} is {got!r}, not {wanted!r}"]


def _is_equal(wanted: Any, got: Any, name: str) -> bool:
    if wanted == got:
        return True
    if name == "event_type" and isinstance(wanted, str):
        return got in wanted.split("|")
    if name.endswith("_at") or name == "timestamp":
        mine, theirs = as_time(wanted), as_time(got)
        return mine is not None and theirs is not None and abs((mine - theirs).total_seconds()) < 0.001
    return False
