"""What one can write into a comment to escape its judgement, or have us sign to be taken for a platform."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest

from moderation_ai.core.platform import Platform, Sample
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import EventFilter
from tests.hostile.stage import Target, ask_each, path_of, raw, signed
from tests.platforms.fixtures import NOW, PLATFORMS

TEXTS = {
    "nothing": "",
    "half a character": "spam \ud800",
    "the other half first": "\udc00\ud83d spam \udfff",
    "a zero byte": "spam\x00spam",
    "every control character": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "noncharacters": "\ufffe\uffff\U0001ffff\U0010ffff",
    "a byte order mark": "\ufeffspam",
    "directions": "\u202e\u2066spam\u2069\u200b\u2028\u2029",
    "many accents": "s" + "\u0301" * 5000,
    "a long one": "spam " * 100_000,
    "quotes and backslashes": '"}],"text":"\\" \\\\u0022 \\\\ud800 \\\\',
    "an event of ours": '{"event_type":"comment.deleted","data":{"comment_id":"1"}}',
    "deep arrays": "[" * 100_000,
    "XML": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>]]>",
    "names of members": '":":":","id":"id"',
}


def with_text(value: Any, old: str, new: str) -> Any:
    """Return ``value`` with another text, also where it stands in JSON within a text."""
    if isinstance(value, dict):
        return {name: with_text(item, old, new) for name, item in value.items()}
    if isinstance(value, list):
        return [with_text(item, old, new) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(with_text(json.loads(value), old, new))
    return new if value == old else value


def text_of(sample: Sample) -> str | None:
    for event in sample.events:
        text = event["data"].get("comment", {}).get("text")
        if event["event_type"] == "comment.created" and text and sample.body.startswith(b"{"):
            return str(text)
    return None


COMMENTS = [
    (platform, sample)
    for platform in PLATFORMS
    for sample in [next((one for one in platform.samples(NOW, 31) if text_of(one)), None)]
    if sample is not None
]


def test_knows_the_comments_of_every_platform_that_sends_their_texts() -> None:
    assert {"generic", "instagram", "reddit", "tiktok", "twitter", "youtube"} <= {one.name for one, _ in COMMENTS}


@pytest.mark.parametrize(("platform", "sample"), COMMENTS, ids=[platform.name for platform, _ in COMMENTS])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_keeps_a_comment_from_those_who_judge_it(
    platform: Platform, sample: Sample, text: str, gateway: Target
) -> None:
    # Ids of their own, so that each is a new comment.
    sample = next(one for one in platform.samples(NOW, 1000 + [*TEXTS.values()].index(text)) if one.name == sample.name)
    body = json.dumps(with_text(json.loads(sample.body), text_of(sample) or "", text)).encode()
    [answer] = ask_each(gateway.port, [raw(path_of(platform), signed(platform, body, headers=sample.headers), body)])
    assert answer.json["new"] >= 1
    newest = gateway.events(EventFilter(platform=platform.name), limit=1)[0]
    assert newest.event_type == "comment.created"
    expected = "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    assert newest.text == expected or (text == "" and newest.text is None)


TOKENS = ["abc", "1764000000", "msg_1", "null", "NaN", "A" * 256, "t=1", "v1", "==", "a/b+c", "spam", "7", "-1", "1e5"]


@pytest.mark.parametrize("token", TOKENS)
def test_what_a_handshake_signs_for_strangers_opens_no_door(token: str, gateway: Target) -> None:
    """The gateway's platforms share their secrets here, as those of one ``WebhookHandler`` do."""
    before = gateway.counts().total
    twitter = find_platform("twitter")
    [answer] = ask_each(gateway.port, [raw(f"{path_of(twitter)}?crc_token={token}", [], method="GET")])
    if answer.status == 400:
        return  # It signs no such token, which is as good.
    lent = answer.json["response_token"].encode()
    digest = b64decode(lent.removeprefix(b"sha256=")).hex().encode()
    lent_fields = {
        "X-Twitter-Webhooks-Signature-OAuth2": lent,
        "X-Signature": digest,
        "X-Hub-Signature": b"sha256=" + digest,
        "X-Hub-Signature-256": b"sha256=" + digest,
        "Tiktok-Signature": b"t=%d,s=%b" % (NOW.timestamp(), digest),
    }
    for platform in PLATFORMS:
        requests = [raw(path_of(platform), [field], token.encode()) for field in lent_fields.items()]
        for answer in ask_each(gateway.port, requests):
            is_uncounted = answer.status == platform.refusal_status or (answer.status == 200 and not answer.body)
            assert is_uncounted or answer.json == {"new": 0, "duplicates": 0, "ignored": 1}
    assert gateway.counts().total == before


@pytest.mark.parametrize("prefix", [f"{int(NOW.timestamp())}.", f"msg_1.{int(NOW.timestamp())}."])
def test_a_handshake_signs_nothing_that_other_schemes_put_before_a_body(prefix: str, gateway: Target) -> None:
    twitter = find_platform("twitter")
    [answer] = ask_each(gateway.port, [raw(f"{path_of(twitter)}?crc_token={prefix}", [], method="GET")])
    assert answer.status == 400
