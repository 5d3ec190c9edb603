"""Which events a filter means, as an SQL condition."""

from __future__ import annotations

from typing import Any

from moderation_ai.core.events import id_prefix
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.postgres.rows import as_text, as_text_or_none
from moderation_ai.stores.rows import STATUSES

_UNFINISHED = """(
    EXISTS (SELECT FROM moderation_ai.queue q WHERE q.seq = e.seq)
    OR EXISTS (SELECT FROM moderation_ai.attempts a0 WHERE a0.seq = e.seq AND a0.state = 0)
)"""
# Ids are found by the first bytes of the unique key, so that no index on their text is needed.
_BY_ID = r"""e.seq IN (
    SELECT k.seq FROM unnest({}::bytea[]) AS prefix, moderation_ai.events k
    WHERE k.key >= prefix AND k.key < prefix || '\xffffffffffffffffffffffffff'::bytea
)"""


_MENTIONS = """(
    position({0}::bytea IN e.event) > 0 OR position({0}::bytea IN coalesce(e.raw, '')) > 0
    OR position({0}::bytea IN convert_to(coalesce(e.headers, ''), 'UTF8')) > 0
    OR EXISTS (SELECT FROM moderation_ai.deliveries d WHERE d.id = e.delivery AND (
        position({0}::bytea IN coalesce(d.raw, '')) > 0
        OR position({0}::bytea IN convert_to(coalesce(d.headers, ''), 'UTF8')) > 0))
    OR EXISTS (SELECT FROM moderation_ai.attempts m WHERE m.seq = e.seq
               AND position({0}::bytea IN coalesce(m.error, '')) > 0)
)"""


def condition(which: EventFilter) -> tuple[str, list[Any]]:
    """Return the SQL condition for a filter, and its values; ``e`` is the events table and ``s`` the settled one.

    It lets a few events too many pass: ``is_meant`` looks at what SQL does not see.
    """
    pattern = None if which.event_type is None else _as_like(which.event_type)
    prefixes = [id_prefix(event_id) for event_id in which.event_ids] or None
    finished = STATUSES.index(which.status) if which.status not in (None, "pending") else None
    parts: list[tuple[str, Any]] = [
        ("e.platform = {}", as_text_or_none(which.platform)),
        ("e.event_type LIKE {}", pattern),
        ("e.account = {}", as_text_or_none(which.account)),
        ("e.received_at >= {}", which.since),
        ("e.received_at < {}", which.until),
        ("e.lane = {}", as_text_or_none(which.lane)),
        ("e.seq > {}", which.after_seq or None),
        ("e.seq < {}", which.before_seq or None),
        ("s.status = {}", finished),
        (_MENTIONS, None if which.mentions is None else which.mentions.encode("utf-8", "surrogatepass")),
        (_BY_ID, prefixes),
    ]
    values = [value for _, value in parts if value is not None]
    used = [clause for clause, value in parts if value is not None]
    clauses = [clause.format(f"${number}") for number, clause in enumerate(used, start=1)]
    if which.status == "pending":
        clauses.append(_UNFINISHED)
    return " AND ".join(clauses) or "true", values


def _as_like(event_type: str) -> str:
    # Only the asterisk is ours; what else LIKE takes for a pattern stands for itself.
    for special in "\\%_":
        event_type = event_type.replace(special, "\\" + special)
    return as_text(event_type).replace("*", "%")
