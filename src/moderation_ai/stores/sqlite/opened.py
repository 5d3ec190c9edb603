"""What an open store has in this process: the writer and the reading connections, and what a fork does to them."""

from __future__ import annotations

from functools import partial

from moderation_ai.core.errors import StoreError
from moderation_ai.stores.sqlite import forking
from moderation_ai.stores.sqlite.adding import add_all
from moderation_ai.stores.sqlite.connection import BUSY_SECONDS, connect_reader, connect_writer
from moderation_ai.stores.sqlite.readers import Readers
from moderation_ai.stores.sqlite.writer import Writer

FORK_SECONDS = 10.0
"""How long a fork waits for the writer's batch and for what is being read."""


class Opened:
    """The connections of one process to one store. ``readers`` is None for a store in memory: its writer reads too."""

    def __init__(
        self,
        path: str,
        *,
        synchronous: str = "FULL",
        max_waiting: int = 20_000,
        busy_seconds: float = BUSY_SECONDS,
        fork_seconds: float = FORK_SECONDS,
    ) -> None:
        """Open them; raise ``StoreError`` if that fails. See ``SqliteStore`` for the arguments."""
        in_memory = path == ":memory:"
        connect = partial(connect_writer, path, synchronous, busy_seconds)
        self.writer = Writer(
            connect, add_all, max_jobs=max_waiting, may_reconnect=not in_memory, synchronous=synchronous
        )
        self.readers = None if in_memory else Readers(partial(connect_reader, path, busy_seconds))
        self.was_forked = False
        self._fork_seconds = fork_seconds
        self._is_quiet = False
        forking.register(self)

    def close(self) -> None:
        """Finish what is waiting and close."""
        self.writer.close()
        if self.readers is not None:
            self.readers.close()
        forking.forget(self)

    def before_fork(self) -> None:
        """Let what runs come to its end, and close the connections (what lives in memory stays)."""
        self._is_quiet = self.writer.pause(self._fork_seconds)
        if self.readers is not None:
            self._is_quiet = self.readers.pause(self._fork_seconds) and self._is_quiet

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self.writer.resume()
        if self.readers is not None:
            self.readers.resume()

    def after_fork_in_child(self) -> None:
        """Be of no use any more: the threads are not here."""
        self.was_forked = True

    def require_clean_fork(self) -> None:
        """Return if the store may be opened anew in this child of a fork, else raise ``StoreError``."""
        if not self._is_quiet:
            raise StoreError("this process was forked while its parent was using the store; fork before that")
