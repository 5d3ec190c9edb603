"""What X's lists show: mentions of the account, and the posts of conversations, each of which is billed.

Sources: those of the rows in ``platforms/twitter/polled.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from moderation_ai.core.calls import Call
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.replies import Reply, say
from moderation_ai.fakes.things import Thing

_CONVERSATION = re.compile(r"conversation_id:([0-9]{1,19})", re.ASCII)


class TwitterPosts(Fake):
    """The lists of X's fake."""

    def __init__(self, **arguments: Any) -> None:
        """Begin with nothing billed."""
        super().__init__(**arguments)
        self.billed: set[tuple[date, str]] = set()
        """The posts that were read of lists, each once a day, as X bills them."""

    def do_mentions(self, call: Call, values: dict[str, Any]) -> Reply:
        """List what mentions the account: what is directly addressed to it, by others."""
        if values["me"] != self.account:
            raise self.refusal(call, self.gone)
        found = [each for each in self.things.values() if not each.is_ours and not each.is_elsewhere]
        return self._posts(found, values)

    def do_search(self, call: Call, values: dict[str, Any]) -> Reply:
        """List the posts of conversations."""
        wanted = set(_CONVERSATION.findall(values["query"]))
        return self._posts([each for each in self.things.values() if each.post_id in wanted], values)

    def _posts(self, found: Iterable[Thing], values: dict[str, Any]) -> Reply:
        since, until = _number(values.get("since_id"), 0), _number(values.get("until_id"), 10**19)
        there = [each for each in found if each.is_there and since < int(each.id) < until]
        shown = sorted(there, key=lambda each: -int(each.id))
        page = shown[: max(1, min(values["max_results"], 100))]
        self.billed |= {(self.now().date(), each.id) for each in page}
        if not page:
            return say({"meta": {"result_count": 0}})
        meta = {"result_count": len(page), "newest_id": page[0].id, "oldest_id": page[-1].id}
        following = {"next_token": "more"} if len(page) < len(shown) else {}
        return say({"data": [post_of(each) for each in page], "meta": {**meta, **following}})


def _number(text: object, otherwise: int) -> int:
    is_number = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 20
    return int(str(text)) if is_number else otherwise


def post_of(thing: Thing) -> dict[str, Any]:
    """Return a post as X shows it."""
    return {
        "id": thing.id,
        "text": thing.text,
        "author_id": thing.author_id,
        "conversation_id": thing.post_id,
        "created_at": thing.created_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "referenced_tweets": [{"type": "replied_to", "id": thing.parent_id or thing.post_id}],
    }
