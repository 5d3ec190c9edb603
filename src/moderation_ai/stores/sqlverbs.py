"""Verbs as SQL that both dialects understand: each yields its statements and is sent their rows.

A verb runs in one transaction. ``{s}`` stands for the schema's prefix, ``{lock}`` and ``{skip}`` for what locks rows
where several may write at once, ``{clock}`` for the database's own clock. Times are microseconds since 1970.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Rows = list[tuple[Any, ...]]
Verb = Generator[tuple[str, Sequence[Any]], Rows, T]
"""Yields a statement with its values, is sent the rows, and returns what came of it."""


class SqlVerbs(ABC):
    """Run verbs in a database, each in one transaction."""

    @abstractmethod
    async def _change(self, make: Callable[[], Verb[T]], *, is_minor: bool = False) -> T:
        """Run a verb that changes something; what is minor need not be safe from a power cut before the next change."""

    @abstractmethod
    async def _look(self, make: Callable[[], Verb[T]]) -> T:
        """Run a verb that only reads."""
