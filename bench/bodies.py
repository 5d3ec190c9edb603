"""The signed bodies that every server is sent: 1 KiB each, and no two alike."""

from __future__ import annotations

import hmac
import json
import secrets
from datetime import UTC, datetime

SECRET = "secret-of-the-benchmark"  # noqa: S105  # known to every server of a run, and to nothing else
SIGNATURE_HEADER = "X-Signature"
BODY_SIZE = 1024
TAG_SIZE = 8  # random letters that tell one run from another
COUNTER_SIZE = 12  # digits that tell one event of a run from the next
SLOT = b"@" * (TAG_SIZE + COUNTER_SIZE)  # stands in the template where the unique token goes

_SENTENCE = (
    "I tried this on the weekend and it went better than the first time, although the second step "
    "took me a while; the photo helps, the list less so. "
)


def new_tag() -> str:
    """Return letters that no other run has, so that no server sees an event twice."""
    return secrets.token_hex(TAG_SIZE // 2)


def template(now: datetime | None = None) -> bytes:
    """Return a ``comment.created`` body of exactly 1 KiB with ``SLOT`` where the unique token goes."""
    stamp = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    missing = BODY_SIZE - len(_envelope(stamp, ""))
    return _envelope(stamp, (_SENTENCE * 8)[:missing])


def body(form: bytes, tag: str, number: int) -> bytes:
    """Return the body of the event with this number."""
    return form.replace(SLOT, f"{tag}{number:0{COUNTER_SIZE}d}".encode())


def signature(payload: bytes, secret: str = SECRET) -> str:
    """Return what ``X-Signature`` must say of this body: hexadecimal HMAC-SHA256."""
    return hmac.digest(secret.encode(), payload, "sha256").hex()


def request(path: str, port: int, payload: bytes, signed: str) -> bytes:
    """Return the bytes of one POST of this body, as they go over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"{SIGNATURE_HEADER}: {signed}\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def _envelope(stamp: str, text: str) -> bytes:
    slot = SLOT.decode()
    comment = {
        "id": f"c_{slot}",
        "post_id": "post_1001",
        "author_id": "author_2002",
        "author_username": "someone",
        "text": text,
        "created_at": stamp,
    }
    event = {
        "event_id": f"evt_{slot}",
        "event_type": "comment.created",
        "timestamp": stamp,
        "platform": "generic",
        "data": {"comment": comment},
    }
    return json.dumps(event, separators=(",", ":")).encode()
