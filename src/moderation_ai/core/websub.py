"""WebSub, as a subscriber meets it: signed pushes, and the question whether a subscription was meant.

Source: https://www.w3.org/TR/websub/ (23 January 2018).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from moderation_ai.core.errors import InvalidSignature, MalformedPayload, RequestRejected
from moderation_ai.core.generic import secret_bytes
from moderation_ai.core.http import Request, Response
from moderation_ai.core.signatures import hmac_digest, matching_secret, read_hex

SIGNATURE = "x-hub-signature"
HANDSHAKE = "GET ?hub.mode=…&hub.topic=…&hub.challenge=…, answered with the challenge for a topic of ours"
IGNORED = 200
"""What a push with a bad signature is answered: section 8 wants it ignored, and a hub repeats what is refused."""
_SIZES = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
"""The methods of section 8 with their digests' bytes; the hub of YouTube knows SHA-1 alone."""
# The challenge is reflected text that a stranger may choose.
_CHALLENGE = re.compile(r"[A-Za-z0-9_.~:+/=-]{1,512}\Z", re.ASCII)
_LEASE = re.compile(r"[0-9]{1,10}\Z", re.ASCII)
_SELF = re.compile(r'<([^<>]{1,2000})>[ \t]*;[^,<>]*\brel="?self\b', re.ASCII | re.IGNORECASE)
_LONGEST_LINK = 4096
_NOSNIFF = (("X-Content-Type-Options", "nosniff"),)


class Subscribed(Response, frozen=True):
    """The answer to a hub that asks or tells about a subscription, with what is to be written down of it.

    ``mode`` is ``subscribe``, ``unsubscribe`` or ``denied``.
    """

    mode: str = "subscribe"
    topic: str = ""
    lease: int | None = None
    """Seconds for which the hub will push."""
    reason: str | None = None
    """Why the hub denied it; None where it did not."""


def verify_websub(request: Request, secrets: Sequence[str]) -> int:
    """Return the index of the secret that signed the raw body, by any method that WebSub knows.

    Raises ``InvalidSignature`` with the status ``IGNORED`` if none did.
    """
    method, _, text = (request.headers.one(SIGNATURE) or "").partition("=")
    digest = read_hex(text)
    if digest is None or len(digest) != _SIZES.get(method):
        raise InvalidSignature("the header X-Hub-Signature is missing or malformed", status=IGNORED)
    index = matching_secret([secret_bytes(secret) for secret in secrets], request.body, [digest], method)
    if index is None:
        raise InvalidSignature("no live secret matches X-Hub-Signature", status=IGNORED)
    return index


def sign_websub(body: bytes, secret: str, method: str = "sha1") -> dict[str, str]:
    """Return the header field that a hub sends with ``body``."""
    return {"X-Hub-Signature": f"{method}={hmac_digest(secret_bytes(secret), body, method).hex()}"}


def answer_websub(
    request: Request,
    topics: Sequence[str],
    spelling: Callable[[str], str] = lambda topic: topic,
    *,
    leaving: Sequence[str] = (),
) -> Response | None:
    """Return the answer to a hub's verification of intent (section 5.3) or denial (5.2), or None if it is none.

    The challenge is given only for a subscription to one of ``topics``, as ``spelling`` writes them, and for the end of
    one of ``leaving``. Raises ``RequestRejected`` with 404 for everything else that a hub may ask, an unsubscribing
    that nobody asked for included, and ``MalformedPayload`` for a challenge that is no plain token.
    """
    if request.method not in ("GET", "HEAD"):
        return None
    parameters = request.parameters()
    mode, topic = parameters.get("hub.mode"), parameters.get("hub.topic") or ""
    if mode is None and "hub.challenge" not in parameters:
        return None
    is_ours = spelling(topic) in {spelling(each) for each in topics}
    if mode == "denied":
        reason = (parameters.get("hub.reason") or "")[:200]
        return Subscribed(200, mode=mode, topic=topic if is_ours else "", reason=reason)
    is_left = spelling(topic) in {spelling(each) for each in leaving}
    if (mode == "subscribe" and is_ours) or (mode == "unsubscribe" and is_left):
        return _confirmation(mode, topic, parameters)
    raise RequestRejected("nobody here asked for this", status=404)


def _confirmation(mode: str, topic: str, parameters: Mapping[str, str]) -> Response:
    challenge = parameters.get("hub.challenge", "")
    if not _CHALLENGE.match(challenge):
        raise MalformedPayload("the challenge is missing or no plain token")
    text = parameters.get("hub.lease_seconds", "")
    lease = int(text) if _LEASE.match(text) else None
    return Subscribed(200, challenge.encode("ascii"), headers=_NOSNIFF, mode=mode, topic=topic, lease=lease)


def pushed_topic(request: Request) -> str:
    """Return the topic that a hub says it pushes (section 7), the empty text where it says none."""
    found = _SELF.search((request.headers.get("link") or "")[:_LONGEST_LINK])
    return found[1] if found else ""


def said_of(answer: Subscribed) -> str:
    """Return what is written down of an answer, for the log; text of strangers is quoted."""
    topic = repr(answer.topic) if answer.topic else "a topic that is not configured"
    if answer.reason is not None:
        return f"the hub denied the subscription to {topic}: {answer.reason!r}"
    if answer.mode == "unsubscribe":
        return f"confirmed the end of the subscription to {topic}"
    lease = f" for {answer.lease} s" if answer.lease is not None else ""
    return f"confirmed the subscription to {topic}{lease}"
