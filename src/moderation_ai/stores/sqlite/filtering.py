"""Which events a filter means, as an SQL condition."""

from __future__ import annotations

from typing import Any

from moderation_ai.core.events import id_prefix
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.sqlite.rows import STATUSES, listed, to_micros_or_none

UNFINISHED = "(SELECT seq FROM queue UNION SELECT seq FROM attempts WHERE state = 0)"

# Ids are found by the first bytes of the unique key, so that no index on their text is needed.
_BY_ID = """e.seq IN (
    SELECT k.seq FROM json_each(?) AS prefix CROSS JOIN events AS k
    WHERE k.key >= unhex(prefix.value) AND k.key < unhex(prefix.value || 'ffffffffffffffffffffffffff')
)"""


_MENTIONS = """EXISTS (
    SELECT 1 FROM (SELECT CAST(? AS BLOB) AS wanted)
    WHERE instr(e.event, wanted) OR instr(e.raw, wanted) OR instr(CAST(e.headers AS BLOB), wanted)
        OR (SELECT instr(d.raw, wanted) OR instr(CAST(d.headers AS BLOB), wanted) FROM deliveries d
            WHERE d.id = e.delivery)
        OR (SELECT max(instr(CAST(m.error AS BLOB), wanted)) FROM attempts m WHERE m.seq = e.seq)
)"""


def condition(which: EventFilter) -> tuple[str, list[Any]]:
    """Return the SQL condition for a filter, and its values; ``e`` is the events table and ``s`` the settled one.

    It lets a few events too many pass: ``is_meant`` looks at what SQL does not see.
    """
    pattern = None if which.event_type is None else _as_glob(which.event_type)
    prefixes = listed(id_prefix(event_id).hex() for event_id in which.event_ids) if which.event_ids else None
    finished = STATUSES.index(which.status) if which.status not in (None, "pending") else None
    parts: list[tuple[str, Any]] = [
        ("e.platform = ?", which.platform),
        ("e.event_type GLOB ?", pattern),
        ("e.account = ?", which.account),
        ("e.received_at >= ?", to_micros_or_none(which.since)),
        ("e.received_at < ?", to_micros_or_none(which.until)),
        ("e.lane = ?", which.lane),
        ("e.seq > ?", which.after_seq or None),
        ("e.seq < ?", which.before_seq or None),
        ("s.status = ?", finished),
        (_MENTIONS, which.mentions),
        (_BY_ID, prefixes),
    ]
    clauses = [clause for clause, value in parts if value is not None]
    if which.status == "pending":
        clauses.append(f"e.seq IN {UNFINISHED}")
    return " AND ".join(clauses) or "1", [value for _, value in parts if value is not None]


def _as_glob(event_type: str) -> str:
    # Only the asterisk is ours; what else GLOB takes for a pattern stands for itself.
    return event_type.replace("[", "[[]").replace("?", "[?]")
