"""Posts, as Medium's feeds show them and as the hub of these feeds pushes them: one fact by either road.

Source: https://help.medium.com/hc/en-us/articles/214874118 (feeds).
"""

from __future__ import annotations

import re

from moderation_ai.core.batches import unknown_element
from moderation_ai.core.content import as_id
from moderation_ai.core.events import Fact
from moderation_ai.core.feeds import Entry, Tombstone, without_query
from moderation_ai.core.subjects import Data, Post

_ID = re.compile(r"(?:/p/([^/]+)|[-/]([0-9a-f]{10,12}))/?\Z")


def read_entry(entry: Entry | Tombstone) -> Fact:
    """Return the fact of an entry: how a post is, by the time of its last change."""
    if isinstance(entry, Tombstone):
        return unknown_element([entry.id], "deleted-entry", "no feed of Medium's tells of what is gone")
    post_id = _post_id(entry)
    if post_id is None:
        return unknown_element([entry.title, entry.version], "entry", "an entry has neither an id nor a link")
    post = Post(
        id=post_id,
        author_username=entry.author_name,
        title=entry.title,
        caption=entry.text,
        created_at=entry.published,
        updated_at=entry.updated,
        permalink=without_query(entry.link),
    )
    return Fact(
        event_type="post.created",
        object_id=post_id,
        data=Data(post=post),
        timestamp=entry.updated or entry.published,
        version=entry.version,
        sighting=True,
    )


def _post_id(entry: Entry) -> str | None:
    """Return the twelve digits that name a post, whatever domain it stands on; where there are none, its address."""
    addresses = [without_query(entry.id), without_query(entry.link)]
    for address in addresses:
        found = _ID.search(address) if address else None
        if found:
            return as_id(found.group(1) or found.group(2))
    return as_id(addresses[1]) or as_id(addresses[0])
