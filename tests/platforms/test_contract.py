"""What every platform promises, whichever it is: one suite over all that are found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected, StaleTimestamp
from moderation_ai.core.events import EVENT_TYPES, finish, to_dict, to_json, unknown_fact
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.things import observe
from moderation_ai.pipeline.corpus import differences
from moderation_ai.platforms import aliases, all_platforms, find_platform
from tests.platforms.fixtures import NOW, PLATFORMS, Fixture, credential, fixtures, keys_of, request

SAMPLES = [(platform, sample) for platform in PLATFORMS for sample in platform.samples(NOW, 7)]

every_platform = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
every_sample = pytest.mark.parametrize(
    ("platform", "sample"), SAMPLES, ids=[f"{p.name}-{n}-{s.name}" for n, (p, s) in enumerate(SAMPLES)]
)
fuzzed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def signed_example(platform: Platform) -> tuple[Sample, Request]:
    sample = platform.samples(NOW, 1)[0]
    return sample, request(platform, sample.body, keys_of(platform)[0], headers=sample.headers)


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
    key = keys_of(platform)[0]
    posted = request(platform, sample.body, key, headers=sample.headers)
    assert platform.verify(posted, credential(key)) == 0


@every_platform
def test_says_which_of_several_secrets_signed(platform: Platform) -> None:
    new, old, _ = keys_of(platform)
    sample = platform.samples(NOW, 1)[0]
    posted = request(platform, sample.body, old, headers=sample.headers)
    assert platform.verify(posted, credential(new, old)) == 1
    assert platform.verify(posted, credential(old, new)) == 0


@every_platform
def test_refuses_a_secret_that_was_removed(platform: Platform) -> None:
    new, old, removed = keys_of(platform)
    sample = platform.samples(NOW, 1)[0]
    posted = request(platform, sample.body, removed, headers=sample.headers)
    for live in (credential(new, old), Credential()):
        with pytest.raises(InvalidSignature):
            platform.verify(posted, live)


@every_platform
def test_refuses_what_was_tampered_with(platform: Platform) -> None:
    _, posted = signed_example(platform)
    middle = len(posted.body) // 2
    flipped = posted.body[:middle] + bytes([posted.body[middle] ^ 1]) + posted.body[middle + 1 :]
    for body in (posted.body + b" ", posted.body[:-1], flipped, b""):
        changed = Request(body=body, headers=posted.headers, received_at=NOW)
        with pytest.raises(InvalidSignature):
            platform.verify(changed, credential(keys_of(platform)[0]))


@every_platform
def test_refuses_a_signature_that_is_missing_or_malformed(platform: Platform) -> None:
    _, posted = signed_example(platform)
    live = credential(keys_of(platform)[0])
    for name in [name for name in signed_headers(platform, posted) if "signature" in name]:
        good = (posted.headers.get(name) or "").encode("latin-1")
        bad = [b"", b"sha256=", b"v1", b"v1,", b",", b"=", b"t=,s=", b"\xe9\xff", "１２３".encode(), b"A" * 100_000]
        bad += [good[:-1], good + b"A", b" ", good[:-2] + b"\xc3\xa9", good.replace(b"=", b":", 1)[::-1]]
        for altered in [with_header(posted, name), *[with_header(posted, name, value) for value in bad]]:
            with pytest.raises(InvalidSignature):
                platform.verify(altered, live)


@every_platform
def test_refuses_another_algorithm_than_its_own(platform: Platform) -> None:
    _, posted = signed_example(platform)
    for name in signed_headers(platform, posted):
        value = posted.headers.get(name) or ""
        prefix, equals, digest = value.partition("sha256=")
        if not equals:
            continue
        for other in ("sha1=", "sha512=", "SHA256=", "md5=", "none=", "sha256:"):
            altered = with_header(posted, name, f"{prefix}{other}{digest}".encode())
            with pytest.raises(InvalidSignature):
                platform.verify(altered, credential(keys_of(platform)[0]))


@every_platform
def test_refuses_a_security_header_that_stands_twice(platform: Platform) -> None:
    _, posted = signed_example(platform)
    for name in signed_headers(platform, posted):
        good = (posted.headers.get(name) or "").encode("latin-1")
        for first, second in ((good, good), (good, b"x"), (b"x", good)):
            with pytest.raises(MalformedPayload) as caught:
                platform.verify(with_header(posted, name, first, second), credential(keys_of(platform)[0]))
            assert caught.value.status == 400


def carries_a_time(platform: Platform, sample: Sample) -> bool:
    key = keys_of(platform)[0].signs
    later = NOW + timedelta(hours=1)
    first, second = (platform.sign(sample.body, key, when, sample.headers) for when in (NOW, later))
    return first != second


@every_platform
def test_refuses_what_was_signed_too_long_ago_or_in_the_future(platform: Platform) -> None:
    sample = platform.samples(NOW, 1)[0]
    if not carries_a_time(platform, sample):
        return
    key = keys_of(platform)[0]

    def verify_at(received_at: datetime) -> int:
        posted = request(platform, sample.body, key, headers=sample.headers, received_at=received_at)
        return platform.verify(posted, credential(key))

    for seconds in (-299, 0, 299):
        assert verify_at(NOW + timedelta(seconds=seconds)) == 0
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
    for live in (Credential(secrets=secrets), Credential(secrets=secrets, generic=True, timestamp_signed=True)):
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
    shown = {event["event_type"] for sample in platform.samples(NOW, 1) for event in sample.events}
    assert set(platform.kinds.values()) - {""} <= shown | {"unknown"}, "an event type without a sample"


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


@every_sample
def test_survives_values_of_every_wrong_type(platform: Platform, sample: Sample) -> None:
    if not sample.body.lstrip().startswith((b"{", b"[")):
        return
    value = json.loads(sample.body)
    for variant in variants(value):
        events_of(platform, plain(json.dumps(variant).encode(), sample))
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        # JSON in a text: what stands inside is as strange as what stands outside.
        for variant in variants(json.loads(value["content"])):
            events_of(platform, plain(json.dumps({**value, "content": json.dumps(variant)}).encode(), sample))


@every_platform
@pytest.mark.fuzz
@fuzzed
@given(data=st.data())
def test_makes_of_any_bytes_facts_or_a_refusal(platform: Platform, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(platform.samples(NOW, 1)))
    names = st.sampled_from(["id", "data", "entry", "event_type", "event", "content", *platform.kinds, "comment"])
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=9))
    trees = st.recursive(leaves, lambda sub: st.one_of(st.lists(sub), st.dictionaries(names, sub)), max_leaves=12)
    bodies = st.one_of(st.binary(max_size=300), trees.map(lambda tree: json.dumps(tree).encode()))
    events_of(platform, plain(data.draw(bodies), sample))


@every_platform
def test_refuses_json_that_two_readers_could_read_in_two_ways(platform: Platform) -> None:
    sample = platform.samples(NOW, 1)[0]
    if not sample.body.startswith(b"{"):
        return
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
