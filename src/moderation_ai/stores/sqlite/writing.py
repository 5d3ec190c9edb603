"""The writing connection: opened when it is needed, its log moved into the file when that is long."""

from __future__ import annotations

import logging
from collections.abc import Callable

import apsw

logger = logging.getLogger(__name__)

CHECKPOINT_PAGES = 1000
"""Pages of the write-ahead log after which they are moved into the file, 4 MiB. Whoever comes just then waits for it:
7 ms at ten thousand events and 14 at a million, on a disk where four times the pages took 18 and 46 ms for a tenth more
throughput."""


class WritingConnection:
    """A connection that is opened again after it was closed, unless its data live and end with it."""

    def __init__(self, connect: Callable[[], apsw.Connection], *, may_reconnect: bool) -> None:
        """Keep what opens it."""
        self._connect = connect
        self._may_reconnect = may_reconnect
        self._connection: apsw.Connection | None = None
        self._log_pages = 0

    def get(self) -> apsw.Connection:
        """Return the connection, opened if it is not; raise what opening it raises."""
        if self._connection is None:
            self._connection = self._connect()
            self._connection.set_wal_hook(self._note_log)
        return self._connection

    def _note_log(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def close(self) -> None:
        """Close it for good, or until it is needed again."""
        if self._connection is not None:
            self._connection.close(force=True)
            self._connection = None

    def put_aside(self) -> None:
        """Close it if it can be opened again."""
        if self._may_reconnect:
            self.close()

    def roll_back(self) -> None:
        """End a transaction without its effects, if there is one; never raises."""
        try:
            if self._connection is not None and not self._connection.get_autocommit():
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            logger.warning("the store could not roll back: %s", error)
            self.put_aside()

    def checkpoint(self) -> None:
        """Move the log into the file once it is long; never raises."""
        if self._log_pages < CHECKPOINT_PAGES or self._connection is None:
            return
        self._log_pages = 0
        try:
            self._connection.wal_checkpoint()
        except apsw.Error as error:
            logger.info("the write-ahead log stays as it is for now: %s", error)
