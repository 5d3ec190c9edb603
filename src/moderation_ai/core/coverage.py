"""Coverage: of what polling saw, how much push had told before, and whether push has gone silent."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

GRACE = timedelta(seconds=60)
"""How old a comment may be before push should have told of it: what is younger is not judged yet."""
ENOUGH = 3
"""Comments that push did not tell of, one after the other and with none between that it did, until it is silent."""
PATIENCE = timedelta(minutes=15)
"""How long even one that push did not tell of may be followed by nothing, until it is silent."""
_HOURS = 24
_HOUR = 3600


class Hour(msgspec.Struct, frozen=True, array_like=True):
    """What was counted in one hour, which begins at ``begin`` (Unix time)."""

    begin: int
    pushed: int = 0
    missed: int = 0


class Coverage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of comparing one feed with what was pushed, since ``since``.

    ``pushed`` counts comments that push told of, before polling saw them or within ``GRACE``, ``missed`` those of which
    it had not by then. ``hours`` are the last 24 of them. ``missed_in_row`` counts those since push last
    told of one, the first of which was found at ``row_began_at``. Comments written before ``judged_until`` are counted.
    """

    since: datetime
    pushed: int = 0
    missed: int = 0
    hours: tuple[Hour, ...] = ()
    missed_in_row: int = 0
    row_began_at: datetime | None = None
    last_pushed_at: datetime | None = None
    judged_until: datetime | None = None

    def recent(self, now: datetime) -> tuple[Hour, ...]:
        """Return what was counted in the last 24 hours."""
        begin = now.timestamp() - _HOURS * _HOUR
        return tuple(each for each in self.hours if each.begin >= begin)

    def is_silent(self, now: datetime) -> bool:
        """Say whether push tells nothing while comments are written."""
        if self.row_began_at is None or not self.missed_in_row:
            return False
        return self.missed_in_row >= ENOUGH or now - self.row_began_at >= PATIENCE

    def counted(self, written_at: datetime, now: datetime, *, pushed: bool) -> Coverage:
        """Return the coverage with one comment more, written then, that push had told of or not."""
        after = replace(
            self,
            pushed=self.pushed + pushed,
            missed=self.missed + (not pushed),
            hours=_with(self.hours, now, pushed),
            judged_until=max(written_at, self.judged_until or written_at),
        )
        if pushed:
            return replace(after, missed_in_row=0, row_began_at=None, last_pushed_at=now)
        return replace(after, missed_in_row=self.missed_in_row + 1, row_began_at=self.row_began_at or now)


def is_judged(written_at: datetime, now: datetime) -> bool:
    """Say whether push should have told by ``now`` of a comment that was written then."""
    return now - written_at > GRACE


def _with(hours: tuple[Hour, ...], now: datetime, pushed: bool) -> tuple[Hour, ...]:
    begin = int(now.timestamp()) // _HOUR * _HOUR
    kept = tuple(each for each in hours if begin - _HOURS * _HOUR < each.begin < begin)
    this = next((each for each in hours if each.begin == begin), Hour(begin))
    return (*kept, Hour(begin, this.pushed + pushed, this.missed + (not pushed)))
