"""Targets: one for each platform, through which any request goes as it would in the gateway, up to the store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any
from urllib.parse import quote

from msgspec import structs

from moderation_ai.core.batches import MAX_FACTS
from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected
from moderation_ai.core.events import EVENT_TYPES, KeyedEvent, Parsed, from_dict, to_dict, to_json, unknown_fact
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.sources import Source
from moderation_ai.core.things import observe
from moderation_ai.pipeline.receiving.reading import finish_all
from moderation_ai.platforms import aliases
from tests.fuzz.mutations import mutate, mutate_field
from tests.platforms.fixtures import NOW, PLATFORMS, Key, fixtures, keys_of

ALL_BODIES = [sample.body for platform in PLATFORMS for sample in platform.samples(NOW, 3)]
_RIGHT = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "a token"}
_PARAMETERS = {
    **_RIGHT,
    "hub.topic": "https://a/b",
    "hub.lease_seconds": "432000",
    "hub.reason": "",
    "crc_token": "abc",
}
_WORDS = (
    "subscribe",
    "unsubscribe",
    "denied",
    "a token",
    "1158201444",
    "<b>",
    "é",
    "https://a/b",
    "432000",
    "",
    "%00",
    "x" * 300,
)


_MALFORMED = "a body that could not be read"


class Broken(AssertionError):
    """Say what a platform did that none may do, with all that is needed to do it again."""

    def __init__(self, platform: Platform, number: int, what: str, request: Request) -> None:
        """Keep the number: ``Target(platform).run(number)`` does the same again."""
        shown = f"{request.method} ?{request.query} {request.headers.raw!r}\n{request.body!r}"
        super().__init__(f"{platform.name}, case {number}: {what}\n{shown[:4000]}")


class Target:
    """Cases for one platform; a case is its number, from which all of it follows."""

    def __init__(self, platform: Platform) -> None:
        """Take the platform's samples and fixtures as what is mutated."""
        self.platform = platform
        self.keys = keys_of(platform)
        shown = [Sample(name=one.name, body=one.body, events=[], headers=one.headers) for one in _fixtures(platform)]
        self.samples = [*platform.samples(NOW, 3), *shown]
        live = tuple(key.verifies for key in self.keys[:2])
        self.credential = Credential(
            secrets=live, verify_token="a token", topics=("https://a/b",), accounts={"178": "shop"}
        )
        self.source = Source(platform=platform, credential=self.credential)
        self.seen: Counter[str] = Counter()

    def run(self, number: int) -> None:
        """Run one case; raise ``Broken`` if something came out of it that must not."""
        rng = Random(number * 1_000_003 + len(self.platform.name))
        sample = rng.choice(self.samples)
        kind = rng.randrange(4)
        if kind == 0:
            self._forge(number, rng, sample)
        elif kind == 1:
            self._ask(number, rng)
        else:
            self._send(number, rng, sample)

    def _signed(self, body: bytes, key: Key, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        fields = {**headers, **self.platform.sign(body, key.signs, NOW, headers)}
        return Headers.of(fields).raw

    def _send(self, number: int, rng: Random, sample: Sample) -> None:
        """Send an authentic body that was mutated before it was signed: it has to become events that can be kept."""
        body = mutate(sample.body, rng, ALL_BODIES)
        index = rng.randrange(2)
        fields = self._signed(body, self.keys[index], sample.headers)
        extra = [(name, mutate_field(value, rng)) for name, value in fields if name not in _decisive(self.platform)]
        fields = [*(one for one in fields if one[0] in _decisive(self.platform)), *extra]
        request = Request(body=body, headers=Headers(fields), received_at=NOW)
        if self._verified(number, request) != index:
            raise Broken(self.platform, number, "what was signed was not accepted, or by another secret", request)
        try:
            answer = self.platform.challenge(request, self.credential)
            self.seen["answered"] += answer is not None
            events = self._events(request)
            self.seen["malformed"] += events[0].event.data.unknown_kind == _MALFORMED if events else 0
            self._check(number, request, events)
        except Broken:
            raise
        except Exception as error:
            raise Broken(self.platform, number, f"{type(error).__name__}: {error}", request) from error

    def _events(self, request: Request) -> list[KeyedEvent]:
        try:
            parsed = self.platform.parse(request)
        except MalformedPayload as error:
            parsed = Parsed(facts=[unknown_fact(request.body, str(error), _MALFORMED)])
        if not parsed.facts and not parsed.ignored:
            raise AssertionError("a body must tell of something, or be malformed")
        return finish_all(parsed, request, self.source, aliases()) if len(parsed.facts) <= MAX_FACTS else []

    def _check(self, number: int, request: Request, events: list[KeyedEvent]) -> None:
        for keyed in events:
            event = keyed.event
            line = to_json(event)
            again = to_dict(from_dict(json.loads(line)))
            named = (event.event_type in EVENT_TYPES, len(keyed.key) == 16, event.lane, event.event_id)
            if not all(named) or again != to_dict(event) or json.loads(line) != json.loads(to_json(event)):
                raise Broken(self.platform, number, f"this is no event that can be kept: {line!r}", request)
            _ = event.text, event.data.subject
            observe(observe(None, event)[0], event)
            self.seen["unknown" if event.event_type == "unknown" else "understood"] += 1
        # The same request has the same keys whenever it comes, or every retry would be a new event.
        later = structs.replace(request, received_at=NOW.replace(year=NOW.year + 1))
        if events and [one.key for one in self._events(later)] != [one.key for one in events]:
            raise Broken(self.platform, number, "the keys depend on when it came", request)

    def _forge(self, number: int, rng: Random, sample: Sample) -> None:
        """Alter what was signed, or sign with a secret that is not live: nothing but the signed body is accepted."""
        body, key = sample.body, rng.choice(self.keys)
        fields = self._signed(body, key, sample.headers)
        sent = mutate(body, rng, ALL_BODIES) if rng.random() < 0.6 else body
        for _ in range(rng.randint(0, 2)):
            at = rng.randrange(len(fields))
            name, value = fields[at]
            fields[at] = (name, mutate_field(value, rng))
            if rng.random() < 0.1:
                fields.append((name, value))
        request = Request(body=sent, headers=Headers(fields), received_at=NOW)
        index = self._verified(number, request)
        if index is not None and (sent != body or key is self.keys[2]):
            raise Broken(self.platform, number, "a request was accepted that nobody signed", request)

    def _verified(self, number: int, request: Request) -> int | None:
        try:
            index = self.platform.verify(request, self.credential)
        except (InvalidSignature, MalformedPayload):
            self.seen["refused"] += 1
            return None
        except Exception as error:
            raise Broken(self.platform, number, f"verify raised {type(error).__name__}: {error}", request) from error
        self.seen["accepted"] += 1
        return index

    def _ask(self, number: int, rng: Random) -> None:
        """Ask as a handshake does, or almost."""
        asked = dict(_PARAMETERS)
        for name in rng.choices([*_PARAMETERS], k=rng.randint(0, 4)):
            asked[name] = rng.choice((*_WORDS, *_PARAMETERS.values()))
        left_out = rng.choice(([], ["crc_token"], ["hub.mode", "hub.topic"], rng.choices([*asked], k=3)))
        query = "&".join(f"{name}={quote(asked[name], safe='%')}" for name in asked if name not in left_out)
        if rng.random() < 0.3:
            query = mutate_field(query.encode(), rng).decode("latin-1")
        method = rng.choice(("GET", "GET", "HEAD", "POST"))
        request = Request(method=method, query=query, body=rng.choice(ALL_BODIES), received_at=NOW)
        try:
            answer = self.platform.challenge(request, self.credential)
        except RequestRejected:
            self.seen["refused"] += 1
            return
        except Exception as error:
            raise Broken(self.platform, number, f"challenge raised {type(error).__name__}: {error}", request) from error
        self.seen["answered"] += answer is not None
        if answer is not None and not _is_harmless(answer):
            raise Broken(self.platform, number, f"a handshake was answered by {answer!r}", request)


def _is_harmless(answer: Response) -> bool:
    """Say whether no browser could take the answer for a page, though a stranger chose its text."""
    body: Any = answer.body
    return answer.status == 200 and not {*b"<>\"'&"} & (
        {*body} if answer.content_type.startswith("text/plain") else set()
    )


def _decisive(platform: Platform) -> set[bytes]:
    return {name.encode() for name in platform.security_headers}


def _fixtures(platform: Platform) -> list[Any]:
    return [fixture for fixture in fixtures() if fixture.platform == platform.name]
