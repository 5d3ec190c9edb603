"""The ledger's rows on a terminal: read page by page, newest first, and printed as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

from msgspec import structs

from moderation_ai.cli.terminal.printing import print_json, print_line
from moderation_ai.stores.ledger import Action, Decided, LedgerFilter

PAGE = 500
"""Rows that are read at once."""
Row = TypeVar("Row", Action, Decided)


class Find(Protocol[Row]):
    """A store's verb that lists rows of the ledger, newest first."""

    async def __call__(self, which: LedgerFilter, *, limit: int) -> list[Row]:
        """Return the rows that ``which`` means, ``limit`` at most; raise ``StoreError``."""


async def print_found(
    find: Find[Row],
    which: LedgerFilter,
    limit: int | None,
    *,
    told: Callable[[Row], Any],
    line: Callable[[Row], str],
    as_json: bool,
) -> None:
    """Print the rows that ``which`` means, ``limit`` at most: as ``told`` in JSON, else a ``line`` each."""
    async for page in _pages(find, which, limit):
        if as_json:
            print_json(told(each) for each in page)
        else:
            for each in page:
                print_line(line(each))


async def _pages(find: Find[Row], which: LedgerFilter, limit: int | None) -> AsyncIterator[list[Row]]:
    left = limit
    while page := await find(which, limit=PAGE if left is None else min(PAGE, left)):
        yield page
        which = structs.replace(which, before_id=page[-1].id)
        left = None if left is None else left - len(page)
        if left is not None and left <= 0:
            return
