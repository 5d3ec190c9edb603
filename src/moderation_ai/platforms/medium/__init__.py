"""Medium: posts, as the hub of its feeds pushes them; of responses it tells nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec

from moderation_ai.core import websub
from moderation_ai.core.batches import distinct
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Parsed
from moderation_ai.core.feeds import read_feed
from moderation_ai.core.generic import SECURITY_HEADERS, delivery_id, is_signed_generically, sign_brief, verify_generic
from moderation_ai.core.http import Request, Response
from moderation_ai.core.hubs import SubscribesAtHub
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.xml import is_xml
from moderation_ai.platforms.medium.entries import read_entry
from moderation_ai.platforms.medium.fetching import MediumPolls

PING = "ping"


class Medium(SubscribesAtHub, MediumPolls, Platform):
    """Know Medium's feeds, and the hub that they name (Superfeedr's).

    Sources: https://help.medium.com/hc/en-us/articles/214874118 (feeds), https://documentation.superfeedr.com (pushes).
    """

    name = "medium"
    signature = "X-Hub-Signature: sha1=hex(HMAC-SHA1(body)) for feeds (WebSub), or the generic schemes"
    handshake = websub.HANDSHAKE
    security_headers = (websub.SIGNATURE, *SECURITY_HEADERS)
    kinds: ClassVar[Mapping[str, str]] = {
        "entry": "post.created",
        "entry.changed": "post.updated",
        PING: "",
        "post.created": "post.created",
    }
    hosts = ("medium.com", "medium.superfeedr.com")

    def verify_own(self, request: Request, credential: Credential) -> int:
        """Return the index of the secret that signed ``request``: as a hub does, or by a generic scheme."""
        if is_signed_generically(request):
            return verify_generic(request, credential.secrets, timestamp_signed=credential.timestamp_signed)
        if is_xml(request.body) or request.headers.get(websub.SIGNATURE) is not None:
            return websub.verify_websub(request, credential.secrets)
        return verify_generic(request, credential.secrets, timestamp_signed=credential.timestamp_signed)

    def challenge(self, request: Request, credential: Credential) -> Response | None:
        """Return the answer to the hub's question about a subscription, or None; see ``answer_websub``."""
        return websub.answer_websub(request, credential.topics, leaving=credential.leaving)

    def parse(self, request: Request) -> Parsed:
        """Return the posts of a feed, Atom or RSS, or the facts of our envelope."""
        if not is_xml(request.body):
            return super().parse(request)
        found = read_feed(request.body)
        if not found:
            return Parsed(ignored=[PING], delivery_id=delivery_id(request))
        return Parsed(facts=distinct(map(read_entry, found)), delivery_id=delivery_id(request))

    def read(self, value: Any, request: Request) -> Parsed:
        """Raise ``MalformedPayload``: Medium has no JSON of its own to push."""
        raise MalformedPayload("the body is no envelope, and Medium pushes no JSON of its own")

    def sign(self, body: bytes, secret: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the hub's header field for a feed, else the brief's fields."""
        return websub.sign_websub(body, secret) if is_xml(body) else sign_brief(body, secret, now)

    def samples(self, now: datetime, serial: int) -> list[Sample]:
        """Return feeds with a new post and with one that changes, a feed without any, and the brief's envelope."""
        return _samples(now.astimezone(UTC).replace(microsecond=0), serial & 0xFFFFFFFFFFFF)


_RSS = (
    '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom" version="2.0">'
    "<channel><title><![CDATA[Stories by Rye on Medium]]></title>"
    '<atom:link href="http://medium.superfeedr.com" rel="hub"/>{}</channel></rss>'
)
_ATOM = (
    '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
    '<status feed="https://medium.com/feed/@rye" xmlns="http://superfeedr.com/xmpp-pubsub-ext">'
    '<http code="200">Fetched</http></status><title>Stories by Rye on Medium</title>{}</feed>'
)


def _samples(now: datetime, serial: int) -> list[Sample]:
    post_id = f"{serial:012x}"
    before = now - timedelta(hours=1)
    item, older = _item(post_id, before, before)
    entry, newer = _entry(post_id, before, now)
    created = {"event_type": "post.created", "data": {"post": older}}
    # Which of the two it is, is seen when its turn comes.
    changed = {"event_type": "post.created|post.updated", "data": {"post": newer}}
    atom, rss = {"Content-Type": "application/atom+xml"}, {"Content-Type": "application/rss+xml"}
    bridged = {"id": f"b{post_id}", "author_username": "rye_fan", "title": "Why crust matters"}
    envelope = {"event_type": "post.created", "timestamp": now, "platform": "medium", "data": {"post": bridged}}
    return [
        Sample(name="entry", body=_RSS.format(item).encode(), events=[created], headers=rss, scheme="websub"),
        Sample(
            name="entry.changed", body=_ATOM.format(entry).encode(), events=[changed], headers=atom, scheme="websub"
        ),
        Sample(name=PING, body=_ATOM.format("").encode(), events=[], headers=atom, scheme="websub"),
        Sample(
            name="post.created",
            body=msgspec.json.encode(envelope),
            events=[{"event_type": "post.created", "data": {"post": bridged}}],
            scheme="generic",
        ),
    ]


def _item(post_id: str, published: datetime, updated: datetime) -> tuple[str, dict[str, Any]]:
    """Return an item as Medium's own feeds have it, and the post that it shows."""
    link = f"https://medium.com/@rye/why-crust-matters-{post_id}"
    item = (
        f"<item><title><![CDATA[Why crust matters]]></title><link>{link}?source=rss-sample------2</link>"
        f'<guid isPermaLink="false">https://medium.com/p/{post_id}</guid><dc:creator><![CDATA[Rye Fan]]></dc:creator>'
        f"<pubDate>{published:%a, %d %b %Y %H:%M:%S} GMT</pubDate><atom:updated>{updated.isoformat()}</atom:updated>"
        "<content:encoded><![CDATA[<p>Steam &amp; patience.</p>]]></content:encoded></item>"
    )
    return item, _post(post_id, link, published, updated)


def _entry(post_id: str, published: datetime, updated: datetime) -> tuple[str, dict[str, Any]]:
    """Return an entry as the hub writes it, and the post that it shows."""
    link = f"https://medium.com/@rye/why-crust-matters-{post_id}"
    entry = (
        f"<entry><id>\n  https://medium.com/p/{post_id}\n</id><published>{published.isoformat()}</published>"
        f"<updated>{updated.isoformat()}</updated><title>Why crust matters</title>"
        '<summary type="html">&lt;p&gt;Steam &amp;amp; patience.&lt;/p&gt;</summary>'
        f'<link rel="alternate" href="{link}"/><author><name>Rye Fan</name></author></entry>'
    )
    return entry, _post(post_id, link, published, updated)


def _post(post_id: str, link: str, published: datetime, updated: datetime) -> dict[str, Any]:
    return {
        "id": post_id,
        "author_username": "Rye Fan",
        "title": "Why crust matters",
        "caption": "Steam & patience.",
        "created_at": published.isoformat(),
        "updated_at": updated.isoformat(),
        "permalink": link,
    }


PLATFORM = Medium()
