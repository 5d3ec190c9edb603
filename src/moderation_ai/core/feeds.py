"""Feeds: the entries of Atom (RFC 4287) and RSS 2.0, and Atom's tombstones (RFC 6721), as plain values."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import urlsplit, urlunsplit

import msgspec

from moderation_ai.core.content import as_time
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.xml import Element, read_xml

ATOM = "http://www.w3.org/2005/Atom "
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0 "
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/ "
CONTENT = "http://purl.org/rss/1.0/modules/content/ "
MAX_TEXT = 100_000
"""Letters of an entry's text that are kept; the raw body has the rest."""


class Entry(msgspec.Struct, kw_only=True):
    """One entry of a feed; what the feed does not say is None. ``element`` holds what only its platform knows."""

    element: Element
    id: str | None = None
    link: str | None = None
    title: str | None = None
    author_name: str | None = None
    author_url: str | None = None
    text: str | None = None
    published: datetime | None = None
    updated: datetime | None = None

    @property
    def version(self) -> str:
        """Return what tells two states of one entry apart: the time of the change, or else a hash of what it shows."""
        if self.updated is not None:
            return self.updated.isoformat()
        shown = "\0".join([self.title or "", self.link or "", self.text or ""])
        return sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Tombstone(msgspec.Struct, kw_only=True):
    """An entry that is gone: its id, when it went, and whose it was."""

    element: Element
    id: str | None = None
    when: datetime | None = None
    author_url: str | None = None


def read_feed(body: bytes) -> list[Entry | Tombstone]:
    """Return what stands in the feed, in order; raise ``MalformedPayload`` for what is neither Atom nor RSS."""
    root = read_xml(body)
    if root.name == f"{ATOM}feed":
        return [_ATOM[element.name](element) for element in root.children if element.name in _ATOM]
    if root.name == f"{ATOM}entry":
        return [_atom_entry(root)]
    if root.name == "rss":
        return [_rss_item(item) for channel in root.all("channel") for item in channel.all("item")]
    raise MalformedPayload("the XML is neither an Atom feed nor RSS")


def _atom_entry(element: Element) -> Entry:
    return Entry(
        element=element,
        id=element.text_of(f"{ATOM}id"),
        link=_atom_link(element),
        title=element.text_of(f"{ATOM}title"),
        author_name=element.text_of(f"{ATOM}author", f"{ATOM}name"),
        author_url=element.text_of(f"{ATOM}author", f"{ATOM}uri"),
        text=readable(element.text_of(f"{ATOM}content") or element.text_of(f"{ATOM}summary")),
        published=as_time(element.text_of(f"{ATOM}published")),
        updated=as_time(element.text_of(f"{ATOM}updated")),
    )


def _atom_link(element: Element) -> str | None:
    """Return where the entry's page is: a link without ``rel`` is an alternate one."""
    for link in element.all(f"{ATOM}link"):
        if link.attributes.get("rel", "alternate") == "alternate":
            return link.attributes.get("href") or None
    return None


def _tombstone(element: Element) -> Tombstone:
    return Tombstone(
        element=element,
        id=element.attributes.get("ref") or None,
        when=as_time(element.attributes.get("when")),
        author_url=element.text_of(f"{TOMBSTONES}by", f"{ATOM}uri"),
    )


_ATOM: Mapping[str, Callable[[Element], Entry | Tombstone]] = {
    f"{ATOM}entry": _atom_entry,
    f"{TOMBSTONES}deleted-entry": _tombstone,
}


def _rss_item(element: Element) -> Entry:
    return Entry(
        element=element,
        id=element.text_of("guid"),
        link=element.text_of("link"),
        title=element.text_of("title"),
        author_name=element.text_of(f"{DUBLIN_CORE}creator") or element.text_of("author"),
        text=readable(element.text_of(f"{CONTENT}encoded") or element.text_of("description")),
        published=rss_time(element.text_of("pubDate")),
        updated=as_time(element.text_of(f"{ATOM}updated")),
    )


def rss_time(text: str | None) -> datetime | None:
    """Return the time that RSS writes as RFC 822 does, or None; the day of the week need not be right."""
    if text is None or len(text) > 64:
        return None
    try:
        when = parsedate_to_datetime(text)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


_TAG = re.compile(r"<[^<>]*>")
_SPACE = re.compile(r"\s+")


def readable(markup: str | None) -> str | None:
    """Return what a reader sees of HTML, on one line, or None where that is nothing."""
    if markup is None:
        return None
    return _SPACE.sub(" ", unescaped(_TAG.sub(" ", markup))).strip()[:MAX_TEXT] or None


def unescaped(text: str) -> str:
    """Return ``text`` with HTML's character references resolved; one of thousands of digits leaves it as it is."""
    try:
        return html.unescape(text)
    except ValueError:
        return text


def without_query(url: str | None) -> str | None:
    """Return a link without its query and fragment, which say where a reader came from."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")) or None
    except ValueError:
        return None


def last_part(url: str | None) -> str | None:
    """Return the last part of a link's path, or None where it has none."""
    bare = without_query(url)
    if bare is None or "/" not in bare:
        return None
    return bare.rstrip("/").rpartition("/")[2] or None
