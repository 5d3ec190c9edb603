"""Bodies that are authentic and meant to break their reader: each is kept as ``unknown``, with the reason."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping

import pytest

from moderation_ai.core.platform import Platform
from moderation_ai.pipeline.receiving.intake import MAX_BODY
from tests.hostile.stage import Target, ask_each, has_hub, is_refused, path_of, raw, sample_of, signed
from tests.platforms.fixtures import PLATFORMS
from tests.web.stage import Client

every_platform = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)

JSON: dict[str, bytes] = {
    "nothing": b"",
    "one zero byte": b"\x00",
    "white space": b" \r\n\t ",
    "no UTF-8": b'{"a":"\xff\xfe"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-8 that is overlong": b'{"a":"\xc0\xaf\xe0\x80\xaf"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "cut off": b'{"event_type":"comment.created","data":{"comment":{"id":"1","te',
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep and never closed": b'[{"a":' * 100_000,
    "a member nested too deeply": b'{"event_type":"comment.created","data":{"comment":{"id":"1","x":%b1%b}}}'
    % (b"[" * 100, b"]" * 100),
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "a number beyond doubles": b'{"a":1e999}',
    "5,000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "500,000 digits": b'{"a":-' + b"9" * 500_000 + b"}",
    "a member twice": b'{"id":"1","id":"2"}',
    "a member twice, once escaped": b'{"id":"1","\\u0069d":"2"}',
    "a member twice, far inside": b'{"a":[{"b":{"c":1,"d":2,"c":3}}]}',
    "a comment": b'{"a":1/*b*/}',
    "a comma too many": b'{"a":1,}',
    "two values": b'{"a":1}{"a":1}',
    "a value and zero bytes": b'{"a":1}\x00\x00',
    "single quotes": b"{'a':1}",
    "a raw control character": b'{"a":"\x01"}',
    "a text": b'"a text"',
    "a number": b"7",
    "null": b"null",
    "an empty array": b"[]",
    "arrays of nothing": b"[" + b"[]," * 50_000 + b"[]]",
    "an array of numbers": b"[" + b"1," * 100_000 + b"1]",
    "many empty names": b"[" + b'{"":0},' * 30_000 + b"0]",
    "colons in texts": b'{"a":"' + b'\\":' * 50_000 + b'","a":1}',
    "wrong types": b'{"event_type":"comment.created","data":{"comment":7}}',
    "a kind that nobody knows": b'{"event_type":"no.such.kind","data":{"id":"1"}}',
}
XML: dict[str, bytes] = {
    "a document type": b'<!DOCTYPE feed [<!ENTITY a "b">]><feed xmlns="http://www.w3.org/2005/Atom">&a;</feed>',
    "a billion laughs": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><feed>&j;</feed>",
    "one large entity again and again": b'<!DOCTYPE l [<!ENTITY a "'
    + b"a" * 50_000
    + b'">]><l>'
    + b"&a;" * 50_000
    + b"</l>",
    "a file": b'<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><feed><title>&x;</title></feed>',
    "an address": b'<!DOCTYPE f [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]><feed><title>&x;</title></feed>',
    "a parameter entity": b'<!DOCTYPE f [<!ENTITY % x SYSTEM "file:///dev/zero"> %x;]><feed/>',
    "a document type from elsewhere": b'<!DOCTYPE f SYSTEM "http://127.0.0.1:1/f.dtd"><feed/>',
    "an entity that nobody declared": b"<feed><title>&nobody;</title></feed>",
    "deep elements": b"<a>" * 50_000 + b"</a>" * 50_000,
    "many attributes": b"<feed " + b" ".join(b'a%d=""' % n for n in range(80_000)) + b"/>",
    "one attribute twice": b'<feed a="1" a="2"/>',
    "never closed": b'<feed xmlns="http://www.w3.org/2005/Atom"><entry>' * 10_000,
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADw-feed/+AD4-',
    "an encoding that is none": b'<?xml version="1.0" encoding="no-such"?><feed/>',
    "UTF-16 with a document type": '<!DOCTYPE f [<!ENTITY a "b">]><f>&a;</f>'.encode("utf-16"),
    "an include": b'<feed xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></feed>',
    "an element that is none of ours": b"<other/>",
}
BODIES = {**JSON, **{f"XML: {name}": body for name, body in XML.items()}}
ATOM = {"Content-Type": "application/atom+xml"}


@every_platform
@pytest.mark.parametrize(("bodies", "headers"), [(BODIES, {}), (XML, ATOM)], ids=["as JSON", "as Atom"])
def test_keeps_what_is_authentic_and_breaks_readers(
    platform: Platform, bodies: Mapping[str, bytes], headers: Mapping[str, str], gateway: Target
) -> None:
    requests = [raw(path_of(platform), signed(platform, body, headers=headers), body) for body in bodies.values()]
    before = gateway.counts().total
    for name, answer in zip(bodies, ask_each(gateway.port, requests), strict=True):
        assert answer.status == 200, name
        assert answer.json["new"] + answer.json["duplicates"] >= 1, name
        reason = gateway.newest_reason(platform.name)
        assert reason, name
        assert len(reason) < 300, name
    assert gateway.counts().total >= before


@every_platform
def test_refuses_the_same_unsigned_and_keeps_nothing(platform: Platform, gateway: Target) -> None:
    before = gateway.counts()
    fields = signed(platform, b"another body")
    feeds = signed(platform, b"<another/>")
    requests = [raw(path_of(platform), feeds if body.startswith(b"<") else fields, body) for body in BODIES.values()]
    for (name, body), answer in zip(BODIES.items(), ask_each(gateway.port, requests), strict=True):
        assert is_refused(answer, platform, by_hub=has_hub(platform) and body.startswith(b"<")), name
    for answer in ask_each(gateway.port, [raw("/webhook", fields, body) for body in BODIES.values()]):
        assert answer.status == 401
    assert gateway.counts() == before


BOMB = zlib.compress(bytes(8 << 20), 9)
ENCODED = {
    "gzip": ({"Content-Encoding": "gzip"}, gzip.compress(bytes(8 << 20))),
    "a member of many": ({"Content-Encoding": "identity, deflate"}, BOMB),
    "twice": ({"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(bytes(8 << 20)))),
    "deflate": ({"Content-Encoding": "DEFLATE"}, BOMB),
    "br": ({"Content-Encoding": "br"}, b"\x0b\x00\x80"),
    "one that is none": ({"Content-Encoding": "x-none"}, b"{}"),
    "a form": ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\n\r\n" * 10_000),
    "a form without boundary": ({"Content-Type": "multipart/form-data"}, b"--\r\n"),
    "parts": ({"Content-Type": "MultiPart/Mixed;boundary=" + "b" * 5000}, b"--b--"),
}


@every_platform
def test_answers_415_to_what_would_have_to_be_unpacked_signed_or_not(platform: Platform, gateway: Target) -> None:
    before = gateway.counts()
    for headers, body in ENCODED.values():
        given = [(name, value.encode()) for name, value in headers.items()]
        own = [field for field in signed(platform, body, headers=headers) if field[0] not in headers]
        for fields in (given, [*given, *own]):
            [answer] = ask_each(gateway.port, [raw(path_of(platform), fields, body)])
            assert answer.status == 415
    assert gateway.counts() == before


@every_platform
def test_answers_413_while_it_reads_chunks_and_closes(platform: Platform, gateway: Target) -> None:
    before = gateway.counts()
    limit = platform.max_body or MAX_BODY
    body = b"x" * (limit + 1)
    fields = b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in signed(platform, body))
    head = f"POST {path_of(platform)} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n".encode() + fields + b"\r\n"
    with Client(gateway.port) as client:
        client.send(head)
        for start in range(0, len(body), 50_000):
            piece = body[start : start + 50_000]
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        answer = client.answer()  # Before the last chunk is sent.
        assert (answer.status, answer.fields["connection"]) == (413, "close")
    assert gateway.counts() == before


def test_one_comment_that_breaks_readers_does_not_hide_the_others_of_its_batch(gateway: Target) -> None:
    platform = next(platform for platform in PLATFORMS if platform.name == "instagram")
    value = json.loads(sample_of(platform, 5).body)
    [good] = value["entry"][0]["changes"]
    odd = [7, None, [], {"field": "comments"}, {"field": "comments", "value": []}, {"field": 3}, {"value": {"id": {}}}]
    value["entry"][0]["changes"] = [*odd, good]
    body = json.dumps(value).encode()
    [answer] = ask_each(gateway.port, [raw(path_of(platform), signed(platform, body), body)])
    assert answer.json["new"] == len(odd) + 1
