"""Redacting: stored events get another form, and their bodies, headers and errors go."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
from msgspec import structs

from moderation_ai.core.events import WebhookEvent
from moderation_ai.stores.base import Removed
from moderation_ai.stores.sqlite.replaying import supersede
from moderation_ai.stores.sqlite.rows import LISTED, ask, encode, listed

_OF_EVENTS = f"""
SELECT count(*), count(e.raw), count(DISTINCT d.id) FILTER (WHERE d.raw IS NOT NULL)
FROM events e LEFT JOIN deliveries d ON d.id = e.delivery WHERE e.seq IN {LISTED}
"""


def redact(
    connection: apsw.Connection, events: Sequence[WebhookEvent], lanes: Sequence[str], *, dry_run: bool = False
) -> Removed:
    """Put events in the place of those at their ``seq``, drop what stands beside these, and forget ``lanes``."""
    seqs = listed(event.seq for event in events)
    removed = _count(connection, seqs, listed(lanes))
    if dry_run:
        return removed
    supersede(connection, _leaving(connection, events, seqs), finished_too=False)
    drop_bodies(connection, seqs)
    drop_errors(connection, seqs)
    rewrite(connection, events)
    for table in ("things", "deleted"):
        connection.execute(f"DELETE FROM {table} WHERE lane IN {LISTED}", (listed(lanes),))
    return removed


def _count(connection: apsw.Connection, seqs: str, lanes: str) -> Removed:
    texts, own, shared = connection.execute(_OF_EVENTS, (seqs,)).get
    errors = connection.execute(f"SELECT count(error) FROM attempts WHERE seq IN {LISTED}", (seqs,)).get
    things = connection.execute(f"SELECT count(*) FROM things WHERE lane IN {LISTED}", (lanes,)).get
    return Removed(texts=texts, bodies=own + shared, errors=errors, things=things)


def _leaving(connection: apsw.Connection, events: Sequence[WebhookEvent], seqs: str) -> list[int]:
    """Return where the events are that will be in another lane than they are."""
    lanes = dict(ask(connection, f"SELECT seq, lane FROM events WHERE seq IN {LISTED}", (seqs,)))
    return [event.seq for event in events if lanes.get(event.seq, event.lane) != event.lane]


def drop_bodies(connection: apsw.Connection, seqs: str) -> int:
    """Drop raw bodies and headers of events, those that others share with them included; return how many bodies.

    The row of a shared one stays: its number must never name another's.
    """
    shared = f"SELECT delivery FROM events WHERE delivery IS NOT NULL AND seq IN {LISTED}"
    sql = f"UPDATE deliveries SET raw = NULL, headers = NULL WHERE raw IS NOT NULL AND id IN ({shared})"
    connection.execute(sql, (seqs,))
    dropped = connection.changes()
    sql = f"UPDATE events SET raw = NULL, headers = NULL WHERE raw IS NOT NULL AND seq IN {LISTED}"
    connection.execute(sql, (seqs,))
    return dropped + connection.changes()


def drop_errors(connection: apsw.Connection, seqs: str) -> int:
    """Drop what attempts say of their errors, which may quote a text; return how many that were."""
    connection.execute(f"UPDATE attempts SET error = NULL WHERE error IS NOT NULL AND seq IN {LISTED}", (seqs,))
    return connection.changes()


def rewrite(connection: apsw.Connection, events: Sequence[WebhookEvent]) -> None:
    """Put other normal forms in the place of those at the events' ``seq``."""
    sql = "UPDATE events SET event = ?, lane = ?, account = ? WHERE seq = ?"
    connection.executemany(sql, [(_body(event), event.lane, event.account, event.seq) for event in events])


def _body(event: WebhookEvent) -> bytes:
    # Place and status are the store's, and are not kept in the form.
    return encode(structs.replace(event, seq=0, status="pending"))
