"""What every platform promises, whichever it is: one suite over all that are found."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected, StaleTimestamp
from moderation_ai.core.events import EVENT_TYPES, finish, to_dict, to_json, unknown_fact
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.platform import PUSH_TOKEN, Credential, Platform, Sample
from moderation_ai.core.things import observe
from moderation_ai.pipeline.corpus import differences
from moderation_ai.platforms import aliases, all_platforms, find_platform
from tests.platforms.fixtures import (
    NOW,
    PLATFORMS,
    Fixture,
    Signing,
    credential,
    fixtures,
    keys_of,
    request,
    signings,
    trust,
)

SAMPLES = [(platform, sample) for platform in PLATFORMS for sample in platform.samples(NOW, 7)]

every_platform = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
every_sample = pytest.mark.parametrize(
    ("platform", "sample"), SAMPLES, ids=[f"{p.name}-{n}-{s.label}" for n, (p, s) in enumerate(SAMPLES)]
)
SIGNINGS = list(signings())


def by_scheme(found: list[Signing]) -> pytest.MarkDecorator:
    names = [f"{signing.platform.name}-{signing.sample.scheme}".rstrip("-") for signing in found]
    return pytest.mark.parametrize("signing", found, ids=names)


every_scheme = by_scheme(SIGNINGS)
every_scheme_over_bodies = by_scheme([signing for signing in SIGNINGS if signing.signs_the_body])
fuzzed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def with_header(original: Request, name: str, *values: bytes) -> Request:
    """Return the request with other values of one header: none takes it out, two double it."""
    wanted = name.lower().encode()
    raw = [pair for pair in original.headers.raw if pair[0] != wanted]
    headers = Headers([*raw, *[(wanted, value) for value in values]])
    return Request(body=original.body, headers=headers, received_at=original.received_at, query=original.query)


def signed_headers(platform: Platform, original: Request) -> list[str]:
    present = [name for name in platform.security_headers if original.headers.get(name) is not None]
    assert present, "the platform signs with none of the headers that its table names"
    return present


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


# --- signatures ----------------------------------------------------------------------------------------------------


@every_sample
def test_accepts_what_the_platform_signed(platform: Platform, sample: Sample) -> None:
    key = keys_of(platform, sample.scheme)[0]
    posted = request(platform, sample.body, key, headers=sample.headers)
    assert platform.verify(posted, credential(key)) == (PUSH_TOKEN if key.public else 0)


@every_scheme_over_bodies
def test_says_which_of_several_secrets_signed(signing: Signing) -> None:
    new, old, _ = signing.keys
    posted = signing.request(old)
    assert signing.platform.verify(posted, credential(new, old)) == 1
    assert signing.platform.verify(posted, credential(old, new)) == 0


@every_scheme
def test_refuses_a_secret_that_was_removed(signing: Signing) -> None:
    new, old, removed = signing.keys
    posted = signing.request(removed)
    for live in (credential(new, old), Credential()):
        with pytest.raises(InvalidSignature):
            signing.platform.verify(posted, live)


@every_scheme_over_bodies
def test_refuses_what_was_tampered_with(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    middle = len(posted.body) // 2
    flipped = posted.body[:middle] + bytes([posted.body[middle] ^ 1]) + posted.body[middle + 1 :]
    for body in (posted.body + b" ", posted.body[:-1], flipped, b""):
        changed = Request(body=body, headers=posted.headers, received_at=NOW)
        with pytest.raises(InvalidSignature):
            signing.platform.verify(changed, credential(signing.keys[0]))


@every_scheme
def test_refuses_a_signature_that_is_missing_or_malformed(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    live = credential(signing.keys[0])
    for name in signed_headers(signing.platform, posted):
        if "signature" not in name and name != "authorization":
            continue
        good = (posted.headers.get(name) or "").encode("latin-1")
        bad = [b"", b"sha256=", b"v1", b"v1,", b",", b"=", b"t=,s=", b"\xe9\xff", "１２３".encode(), b"A" * 100_000]
        bad += [good[:-1], good + b"A", b" ", good[:-2] + b"\xc3\xa9", good.replace(b"=", b":", 1)[::-1]]
        for altered in [with_header(posted, name), *[with_header(posted, name, value) for value in bad]]:
            with pytest.raises(InvalidSignature):
                signing.platform.verify(altered, live)


@every_scheme
def test_refuses_another_algorithm_than_its_own(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    for name in signed_headers(signing.platform, posted):
        value = posted.headers.get(name) or ""
        own = next((method for method in ("sha256=", "sha1=") if method in value), None)
        if own is None:
            continue
        prefix, _, digest = value.partition(own)
        for other in ("sha1=", "sha512=", "SHA256=", "md5=", "none=", "sha256:", "SHA1="):
            if other == own:
                continue
            altered = with_header(posted, name, f"{prefix}{other}{digest}".encode())
            with pytest.raises(InvalidSignature):
                signing.platform.verify(altered, credential(signing.keys[0]))


@every_scheme
def test_refuses_a_security_header_that_stands_twice(signing: Signing) -> None:
    posted = signing.request(signing.keys[0])
    for name in signed_headers(signing.platform, posted):
        good = (posted.headers.get(name) or "").encode("latin-1")
        for first, second in ((good, good), (good, b"x"), (b"x", good)):
            if name == "authorization" and first != good:
                continue  # What is first no token is taken for none, and so opens nothing either.
            with pytest.raises(MalformedPayload) as caught:
                signing.platform.verify(with_header(posted, name, first, second), credential(signing.keys[0]))
            assert caught.value.status == 400


def carries_a_time(signing: Signing) -> bool:
    platform, sample, key = signing.platform, signing.sample, signing.keys[0].signs
    later = NOW + timedelta(hours=1)
    first, second = (platform.sign(sample.body, key, when, sample.headers) for when in (NOW, later))
    return first != second


@every_scheme
def test_refuses_what_was_signed_too_long_ago_or_in_the_future(signing: Signing) -> None:
    if not carries_a_time(signing):
        return
    key = signing.keys[0]

    def verify_at(received_at: datetime) -> int:
        return signing.platform.verify(signing.request(key, received_at=received_at), credential(key))

    for seconds in (-299, 0, 299):
        assert verify_at(NOW + timedelta(seconds=seconds)) <= 0
    for away in (timedelta(hours=-1), timedelta(hours=80), timedelta(days=4000)):
        with pytest.raises(StaleTimestamp):
            verify_at(NOW + away)


@every_platform
@pytest.mark.fuzz
@fuzzed
@given(data=st.data())
def test_answers_any_header_and_body_with_a_verdict(platform: Platform, data: st.DataObject) -> None:
    names = st.sampled_from(platform.security_headers)
    hints = ["sha256=", "sha1=", "v1,", "v1a,", "t=1,s=", "1764000000", "2026-11-24T12:00:00Z", "9" * 12, "-1"]
    values = st.one_of(st.binary(max_size=80), st.sampled_from([hint.encode() for hint in hints]))
    raw = data.draw(st.lists(st.tuples(names.map(str.encode), values), max_size=6))
    posted = Request(body=data.draw(st.binary(max_size=200)), headers=Headers(raw), received_at=NOW)
    secrets = tuple(data.draw(st.lists(st.text(max_size=60), max_size=3)))
    for live in (
        Credential(secrets=secrets),
        Credential(secrets=secrets, generic=True, timestamp_signed=True),
        Credential(secrets=secrets, pubsub=trust()),
    ):
        with pytest.raises((InvalidSignature, MalformedPayload)):
            platform.verify(posted, live)


@every_platform
@pytest.mark.fuzz
@fuzzed
@given(query=st.text(max_size=200), token=st.text(max_size=20), posts=st.booleans(), body=st.binary(max_size=50))
def test_answers_any_query_with_a_response_or_a_refusal(
    platform: Platform, query: str, token: str, posts: bool, body: bytes
) -> None:
    asked = Request(method="POST" if posts else "GET", query=query, body=body, received_at=NOW)
    live = Credential(secrets=("secret",), verify_token=token)
    try:
        answer = platform.challenge(asked, live)
    except RequestRejected:
        return
    assert answer is None or isinstance(answer, Response)


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
