"""The default store: one SQLite file, one writer thread, everything in flight committed together."""

from moderation_ai.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
