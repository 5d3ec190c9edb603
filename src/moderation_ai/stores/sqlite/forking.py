"""Forks: no connection may live through one, so all are closed before it and opened again after.

SQLite counts a process's locks in memory that a fork copies, while the system does not hand the locks themselves to
the child. A child that opened a file which its parent had open would hold no lock, and its parent or a third process
would throw away the log that the child writes to (https://sqlite.org/howtocorrupt.html, "carrying an open database
connection across a fork").
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from typing import Protocol


class Forkable(Protocol):
    """What has connections."""

    def before_fork(self) -> None:
        """Close them."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin anew: the threads are not here."""


_open: set[Forkable] = set()
_one_at_a_time = threading.RLock()


def lock() -> AbstractContextManager[bool]:
    """Return the lock that keeps forks away; hold it while opening and closing."""
    return _one_at_a_time


def register(one: Forkable) -> None:
    """Have ``one`` told of every fork, until it is forgotten."""
    with lock():
        _open.add(one)


def forget(one: Forkable) -> None:
    """Tell ``one`` of forks no more: it is closed."""
    with lock():
        _open.discard(one)


def _before() -> None:
    _one_at_a_time.acquire()
    for one in list(_open):
        one.before_fork()


def _in_parent() -> None:
    for one in list(_open):
        one.after_fork_in_parent()
    _one_at_a_time.release()


def _in_child() -> None:
    global _one_at_a_time
    _one_at_a_time = threading.RLock()
    while _open:
        _open.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
