"""How a verb's statements are run: what every store that runs SQL says for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from moderation_ai.stores.acting import Verb

T = TypeVar("T")


class SqlVerbs:
    """Run verbs (``stores/acting.py``) in a database, each in one transaction."""

    async def _change(self, make: Callable[[], Verb[T]]) -> T:
        """Run a verb that changes something."""
        raise NotImplementedError

    async def _look(self, make: Callable[[], Verb[T]]) -> T:
        """Run a verb that only reads."""
        raise NotImplementedError
