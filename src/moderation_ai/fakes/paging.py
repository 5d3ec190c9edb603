"""Lists that a fake shows page by page, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from moderation_ai.fakes.things import Thing

T = TypeVar("T")


def newest_first(things: Iterable[Thing]) -> list[Thing]:
    """Return the things that exist still, the newest first; of those of one time the one that came last."""
    oldest_first = sorted((each for each in things if each.is_there), key=lambda each: each.created_at)
    return oldest_first[::-1]


def page_behind(ids: Sequence[str], after: str | None, size: int) -> tuple[list[str], str | None]:
    """Return the page of ``ids`` that follows ``after``, and what the next one follows.

    Where ``after`` stands in the list no more the page is empty, as Reddit answers: nothing follows what is gone.
    """
    if after is None:
        begin = 0
    elif after in ids:
        begin = ids.index(after) + 1
    else:
        return [], None
    page = list(ids[begin : begin + size])
    return page, page[-1] if page and begin + size < len(ids) else None


def page_at(items: Sequence[T], token: str | None, size: int) -> tuple[list[T], str | None]:
    """Return the page of ``items`` that ``token`` (a number in a text) names, and the token of the next one."""
    begin = int(token) if token and token.isascii() and token.isdigit() and len(token) < 10 else 0
    return list(items[begin : begin + size]), str(begin + size) if begin + size < len(items) else None
