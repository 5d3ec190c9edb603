"""Medium's feeds: the ten newest posts, conditional requests, and the hub that pushes what is new.

Source: that of the table, ``platforms/medium/polled.py``. A post that is gone is missing there, as an older one is.
"""

from __future__ import annotations

from email.utils import format_datetime
from hashlib import sha256
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from moderation_ai.core.calls import Call
from moderation_ai.fakes.hub import Hub
from moderation_ai.fakes.paging import newest_first
from moderation_ai.fakes.replies import Reply
from moderation_ai.fakes.things import Thing
from moderation_ai.platforms.medium import PLATFORM
from moderation_ai.platforms.medium.polled import NEWEST

_RSS = (
    '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom" version="2.0">'
    "<channel><title>Stories by Rye on Medium</title>"
    '<atom:link href="http://medium.superfeedr.com" rel="hub"/>{}</channel></rss>'
)
FEED = "https://medium.com/feed/@rye"
"""The topic that the hub pushes the posts to."""


class MediumFake(Hub):
    """Play the feed of one user; ``write`` publishes a post there."""

    name = "medium"
    platform = PLATFORM
    account: ClassVar[str] = "@rye"
    lifetime = 86_400
    rejected = denied = gone = (404, None)
    limited = (429, None)
    fails = (503, None)

    def new_thing(self, text: str, **fields: Any) -> Thing:
        """Return a new post."""
        usual = {"post_id": self.account, "author_id": "rye", "author_username": "Rye Fan", "created_at": self.now()}
        return Thing(id=f"{self.next_id():012x}", text=text, **{**usual, **fields})

    def tell_written(self, thing: Thing) -> None:
        """Have the hub push the post."""
        self.push_feed(FEED, _RSS.format(_item(thing)).encode(), {"Content-Type": "application/rss+xml"})

    def tell_edited(self, thing: Thing) -> None:
        """Have the hub push the post as it is now."""
        self.tell_written(thing)

    def do_feed(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the ten newest posts of the user, unless nothing has changed."""
        if values["name"] != self.account:
            raise self.refusal(call, self.gone)
        return self._feed(values)

    def do_tag(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the ten newest posts: all of them bear every tag."""
        return self._feed(values)

    def do_tagged(self, call: Call, values: dict[str, Any]) -> Reply:
        """Show the user's posts with a tag."""
        return self.do_feed(call, values)

    def _feed(self, values: dict[str, Any]) -> Reply:
        shown = newest_first(self.things.values())[:NEWEST]
        body = _RSS.format("".join(map(_item, shown))).encode()
        etag = f'W/"{sha256(body).hexdigest()[:20]}"'
        headers = {"etag": etag, "content-type": "application/rss+xml; charset=utf-8"}
        if values.get("If-None-Match") == etag:
            return Reply(status=304, headers=headers)
        return Reply(body=body, headers=headers)

    def misread(self, *, is_known: bool) -> Reply:
        """Return Medium's page for what it does not have."""
        return Reply(status=404, body=b"<html>404</html>", headers={"content-type": "text/html"})


def _item(thing: Thing) -> str:
    address = f"https://medium.com/@rye/a-post-{thing.id}"
    updated = (thing.edited_at or thing.created_at).isoformat(timespec="milliseconds")
    return (
        f"<item><title>{escape(thing.text)}</title><link>{address}?source=rss-sample------2</link>"
        f'<guid isPermaLink="false">https://medium.com/p/{thing.id}</guid>'
        f"<dc:creator>{escape(thing.author_username)}</dc:creator>"
        f"<pubDate>{format_datetime(thing.created_at, usegmt=True)}</pubDate><atom:updated>{updated}</atom:updated>"
        "</item>"
    )


FAKE = MediumFake
