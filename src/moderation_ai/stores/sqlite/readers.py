"""The reading connections: opened as they are needed, lent to one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import apsw

from moderation_ai.core.errors import StoreError
from moderation_ai.stores.sqlite.failing import as_store_error

T = TypeVar("T")


class Readers:
    """A pool of connections that cannot write."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        """Make an empty pool that fills by ``connect``."""
        self._connect = connect
        self._idle: list[apsw.Connection] = []
        self._lent = 0
        self._closed = self._pausing = False
        self._changed = threading.Condition()

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Return what ``work`` reads; raise ``StoreError`` where it cannot."""
        connection = self._borrow()
        try:
            return work(connection)
        except apsw.Error as error:
            raise as_store_error(error) from error
        finally:
            self._give_back(connection)

    def _borrow(self) -> apsw.Connection:
        with self._changed:
            self._changed.wait_for(lambda: not self._pausing)
            if self._closed:
                raise StoreError("the store is closed")
            connection = self._idle.pop() if self._idle else self._connect()
            self._lent += 1
            return connection

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._changed:
            self._lent -= 1
            self._idle.append(connection)
            if self._closed:
                self._close_idle()
            self._changed.notify_all()

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        with self._changed:
            self._closed = True
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close(force=True)

    def pause(self, seconds: float) -> bool:
        """Lend none and close all; return whether all were back within ``seconds``."""
        with self._changed:
            self._pausing = True
            all_back = self._changed.wait_for(lambda: not self._lent, seconds)
            self._close_idle()
            return all_back

    def resume(self) -> None:
        """Go on after a pause."""
        with self._changed:
            self._pausing = False
            self._changed.notify_all()
