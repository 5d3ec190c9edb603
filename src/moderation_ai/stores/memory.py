"""A store that forgets everything with its process, for tests and for trying things out."""

from __future__ import annotations

from moderation_ai.stores.sqlite import SqliteStore

MEMORY_URL = "memory://"


class MemoryStore(SqliteStore):
    """Keep everything in memory: the SQLite store without a file, so that it promises just the same while it lives."""

    def __init__(self) -> None:
        """Make an empty store."""
        super().__init__(":memory:")
        self.url = MEMORY_URL
