"""What every platform promises, whichever it is: one suite over all that are found."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.cli.demo.corpus import differences
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import EVENT_TYPES, finish, to_dict, to_json, unknown_fact
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Platform, Sample
from moderation_ai.core.things import observe
from moderation_ai.platforms import aliases, all_platforms, find_platform
from tests.platforms.fixtures import (
    NOW,
    Fixture,
    fixtures,
)
from tests.platforms.suite import (
    every_platform,
    every_sample,
    fuzzed,
)

# --- the table -----------------------------------------------------------------------------------------------------


@every_platform
def test_stands_in_the_table_under_a_plain_name(platform: Platform) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_-]*", platform.name)
    assert find_platform(platform.name.upper()) is platform
    for alias in platform.aliases:
        assert find_platform(alias) is platform
        assert alias not in all_platforms()
    assert aliases().keys().isdisjoint(all_platforms())


@every_platform
def test_maps_its_kinds_to_events_that_we_know(platform: Platform) -> None:
    assert platform.kinds
    assert set(platform.kinds.values()) <= {*EVENT_TYPES, ""}


@every_platform
def test_describes_its_security_for_people(platform: Platform) -> None:
    assert platform.signature
    assert platform.security_headers
    assert all(name == name.lower() for name in platform.security_headers)


# --- parsing -------------------------------------------------------------------------------------------------------


def events_of(platform: Platform, posted: Request) -> list[dict[str, Any]]:
    """Return the events of a body through all that happens to it before it is stored, as event JSON."""
    try:
        parsed = platform.parse(posted)
        facts = parsed.facts
    except MalformedPayload as error:
        facts = [unknown_fact(posted.body, str(error))]
    else:
        assert facts or parsed.ignored, "a body must tell of something, or be malformed"
    made = [finish(fact, platform=platform.name, received_at=NOW, own_ids=(fact.account_id,)) for fact in facts]
    for one in made:
        assert one.event.event_type in EVENT_TYPES
        assert len(one.key) == 16
        assert one.event.text is None or isinstance(one.event.text, str)
        assert json.loads(to_json(one.event))
        observe(None, one.event)
    return [to_dict(one.event) for one in made]


def plain(body: bytes, sample: Sample | Fixture) -> Request:
    return Request(body=body, headers=Headers.of(sample.headers), received_at=NOW)


@every_sample
def test_makes_of_its_samples_exactly_the_events_they_promise(platform: Platform, sample: Sample) -> None:
    assert differences(sample.events, events_of(platform, plain(sample.body, sample))) == []
    assert sample.name in platform.kinds
    if not sample.events:
        assert platform.kinds[sample.name] == ""
        assert sample.name in platform.parse(plain(sample.body, sample)).ignored


@every_platform
def test_has_a_sample_of_every_kind_of_event_it_can_send(platform: Platform) -> None:
    samples = platform.samples(NOW, 1)
    assert set(platform.kinds) <= {sample.name for sample in samples}, "a kind without a sample"
    labels = [(sample.scheme, sample.label) for sample in samples]
    assert len(set(labels)) == len(labels), "two samples that nobody can ask for apart: name the variant"


@every_platform
def test_gives_the_samples_of_every_serial_ids_of_their_own(platform: Platform) -> None:
    def keys(serial: int) -> set[bytes]:
        facts = [
            fact
            for sample in platform.samples(NOW, serial)
            for fact in platform.parse(plain(sample.body, sample)).facts
        ]
        found = [finish(fact, platform=platform.name, received_at=NOW).key for fact in facts]
        assert len(set(found)) == len(found)
        return set(found)

    assert keys(1).isdisjoint(keys(2))


@every_sample
def test_gives_the_same_request_the_same_keys_whenever_it_comes(platform: Platform, sample: Sample) -> None:
    def keys(received_at: datetime) -> list[bytes]:
        posted = Request(body=sample.body, headers=Headers.of(sample.headers), received_at=received_at)
        facts = platform.parse(posted).facts
        return [finish(fact, platform=platform.name, received_at=received_at).key for fact in facts]

    assert keys(NOW) == keys(NOW + timedelta(days=2))


@pytest.mark.parametrize("fixture", list(fixtures()), ids=lambda fixture: f"{fixture.platform}-{fixture.name}")
def test_makes_of_a_fixture_the_events_beside_it(fixture: Fixture) -> None:
    platform = find_platform(fixture.platform)
    assert differences(fixture.expected, events_of(platform, plain(fixture.body, fixture))) == []


@every_sample
def test_survives_a_body_that_is_cut_off_anywhere(platform: Platform, sample: Sample) -> None:
    for length in range(len(sample.body)):
        events_of(platform, plain(sample.body[:length], sample))


ODD_VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, "", "x", "x" * 600, "\u0000\u202e", [], [[]], {}, {"id": None}),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "-99999999999", "99999999999"),
]


def variants(value: Any) -> Iterator[Any]:
    """Yield the value with every part of it replaced by every odd value, and without it."""
    yield from ODD_VALUES
    if isinstance(value, dict):
        for name in value:
            yield {other: value[other] for other in value if other != name}
            yield from ({**value, name: variant} for variant in variants(value[name]))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from ([*value[:index], variant, *value[index + 1 :]] for variant in variants(value[index]))


MARKUP = re.compile(r"<[^<>]*>|[^<>]+")
ODD_MARKUP = [
    "",
    "<a/>",
    "<a>",
    "</a>",
    "&amp;",
    "&nope;",
    "&#0;",
    "&#x110000;",
    "<![CDATA[<b>]]>",
    "\ufffe",
    "x" * 600,
]
ODD_MARKUP += ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\u202e", "-1", "<!-- x -->", "<?x y?>"]


def markup_variants(body: bytes) -> Iterator[bytes]:
    """Yield the feed with every tag and every text of it replaced by every odd one, and every attribute emptied."""
    text = body.decode()
    for found in MARKUP.finditer(text):
        for odd in ODD_MARKUP:
            yield f"{text[: found.start()]}{odd}{text[found.end() :]}".encode()
    for found in re.finditer(r'="[^"]*"', text):
        yield f'{text[: found.start()]}=""{text[found.end() :]}'.encode()


@every_sample
def test_survives_values_of_every_wrong_type(platform: Platform, sample: Sample) -> None:
    if sample.body.startswith(b"<"):
        for body in markup_variants(sample.body):
            events_of(platform, plain(body, sample))
        return
    value = json.loads(sample.body)
    for variant in variants(value):
        events_of(platform, plain(json.dumps(variant).encode(), sample))
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        # JSON in a text: what stands inside is as strange as what stands outside.
        for variant in variants(json.loads(value["content"])):
            events_of(platform, plain(json.dumps({**value, "content": json.dumps(variant)}).encode(), sample))
    if sample.scheme == "pubsub":
        inner = b64decode(value["message"]["data"])
        found = markup_variants(inner) if inner.startswith(b"<") else (encoded(v) for v in variants(json.loads(inner)))
        for body in found:
            message = {**value["message"], "data": b64encode(body).decode()}
            events_of(platform, plain(encoded({**value, "message": message}), sample))


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


words = st.sampled_from(["feed", "entry", "id", "rss", "channel", "item", "guid", "link", "updated", "a:deleted-entry"])
ends = st.sampled_from(["", ">", "/>", ' xmlns="http://www.w3.org/2005/Atom">', ' xmlns:a="">', "]]>", "&amp;", "&x;"])
pieces = st.tuples(st.sampled_from(["<", "</", "<![CDATA[", "<!DOCTYPE ", "<?", "yt:video:"]), words, ends)
markup = st.lists(pieces.map("".join), max_size=12).map(lambda found: f"<{''.join(found)}".encode())


@every_platform
@pytest.mark.fuzz
@fuzzed
@given(data=st.data())
def test_makes_of_any_bytes_facts_or_a_refusal(platform: Platform, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(platform.samples(NOW, 1)))
    names = st.sampled_from(["id", "data", "entry", "event_type", "event", "content", *platform.kinds, "comment"])
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=9))
    trees = st.recursive(leaves, lambda sub: st.one_of(st.lists(sub), st.dictionaries(names, sub)), max_leaves=12)
    bodies = st.one_of(st.binary(max_size=300), trees.map(lambda tree: json.dumps(tree).encode()), markup)
    events_of(platform, plain(data.draw(bodies), sample))


@every_platform
def test_refuses_json_that_two_readers_could_read_in_two_ways(platform: Platform) -> None:
    sample = next(sample for sample in platform.samples(NOW, 1) if sample.body.startswith(b"{"))
    doubled = b'{"id":"a","id":"b",' + sample.body[1:]
    for body in (
        doubled,
        b'{"a":NaN}',
        b"[" * 100 + b"]" * 100,
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b"",
        b"\xef\xbb\xbf{}",
    ):
        with pytest.raises(MalformedPayload):
            platform.parse(plain(body, sample))


@every_platform
def test_refuses_xml_that_expands_fetches_or_nests(platform: Platform) -> None:
    for sample in platform.samples(NOW, 1):
        if not sample.body.startswith(b"<"):
            continue
        declaration, _, rest = sample.body.rpartition(b"?>")
        for trick in (
            b"<!DOCTYPE feed>",
            b'<!DOCTYPE feed [<!ENTITY a "ha">]>',
            b'<!DOCTYPE feed [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            b'<!DOCTYPE feed SYSTEM "http://127.0.0.1:1/x.dtd">',
            b'<!DOCTYPE feed [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x.dtd"> %a;]>',
            b"<a>" * 100,
        ):
            with pytest.raises(MalformedPayload):
                platform.parse(plain(declaration + (b"?>" if declaration else b"") + trick + rest, sample))
