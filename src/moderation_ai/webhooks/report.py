"""Report: what ``handle`` tells its caller about the events it was given."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from moderation_ai.core.errors import HandlerError
from moderation_ai.stores.base import Attempt


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of handling: the attempts of all handlers, and the events that were known already.

    ``statuses`` maps each new event's id to ``done``, ``dead``, ``superseded``, ``unhandled``, ``retry`` while a
    handler is to run again, or ``pending`` where the caller is itself a handler of the same object and comes first;
    ``duplicates`` counts the events that had been stored before and were not run again.
    """

    statuses: dict[str, str] = {}
    attempts: Sequence[Attempt] = ()
    duplicates: int = 0

    @property
    def failures(self) -> list[Attempt]:
        """Return the attempts that failed, whether they are retried or not."""
        return [attempt for attempt in self.attempts if attempt.error is not None and attempt.state != "superseded"]

    @property
    def ok(self) -> bool:
        """Say whether no handler failed."""
        return not self.failures

    def raise_for_failures(self) -> Report:
        """Return this report, or raise ``HandlerError`` that names every handler that failed and why."""
        if self.failures:
            causes = "; ".join(f"{attempt.handler}: {attempt.error}" for attempt in self.failures)
            raise HandlerError(f"{len(self.failures)} of {len(self.attempts)} attempts failed: {causes}")
        return self
