"""What was decided, as SQL that both dialects understand: written together with the action that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moderation_ai.stores.acting import action, narrowed, overtake, want
from moderation_ai.stores.ledger import Action, Decided, Judgement, LedgerFilter
from moderation_ai.stores.sqlverbs import Verb
from moderation_ai.stores.times import to_micros, to_time

OVERRULED = "a person decided about this text"
_COLUMNS = (
    "id, at, platform, account, object_id, version, seq, made_by, by_person, verdict, severity, action, reason, "
    "decision"
)


def decide(judgement: Judgement, now: datetime) -> Verb[tuple[Decided, Action | None]]:
    """Record a judgement with what is wanted for it; return both as they stand, new or known."""
    key = judgement.key(now)
    known = yield from _known(key)
    if known is not None:
        return known, (yield from _action_of(known))
    wanted, reason = judgement.wanted, judgement.reason
    if wanted is not None and not judgement.by_person and (yield from _is_decided_by_a_person(judgement)):
        wanted, reason = None, OVERRULED
    if judgement.by_person and judgement.verdict == "approve":
        # What a policy wanted and was not sent yet is not wanted any more.
        yield from overtake(judgement.platform, judgement.object_id, ("hide", "remove"), to_micros(now))
    made = (yield from want(wanted, now)) if wanted is not None else None
    rows = yield (
        "INSERT INTO {s}decisions (key, at, platform, account, object_id, version, seq, made_by, by_person, verdict, "
        "severity, action, reason, decision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
        "ON CONFLICT (key) DO NOTHING RETURNING " + _COLUMNS,
        (
            key,
            to_micros(now),
            judgement.platform,
            judgement.account,
            judgement.object_id,
            judgement.version,
            judgement.seq,
            judgement.made_by,
            int(judgement.by_person),
            judgement.verdict,
            judgement.severity,
            made.id if made else None,
            reason,
            judgement.decision,
        ),
    )
    if rows:
        return _read(rows[0]), made
    found = yield from _known(key)  # Another process was quicker by a moment.
    assert found is not None
    return found, (yield from _action_of(found))


def _known(key: bytes) -> Verb[Decided | None]:
    rows = yield f"SELECT {_COLUMNS} FROM {{s}}decisions WHERE key = $1", (key,)
    return _read(rows[0]) if rows else None


def _action_of(decided: Decided) -> Verb[Action | None]:
    return (yield from action(decided.action)) if decided.action is not None else None


def _is_decided_by_a_person(judgement: Judgement) -> Verb[bool]:
    rows = yield (
        "SELECT 1 FROM {s}decisions WHERE platform = $1 AND object_id = $2 AND by_person = 1 AND version IN ($3, '') "
        "LIMIT 1",
        (judgement.platform, judgement.object_id, judgement.version),
    )
    return bool(rows)


def decisions(which: LedgerFilter, limit: int) -> Verb[list[Decided]]:
    """Return what was decided, newest first."""
    clause, values = narrowed(which, "verdict")
    rows = yield (
        f"SELECT {_COLUMNS} FROM {{s}}decisions {clause} ORDER BY id DESC LIMIT ${len(values) + 1}",
        (*values, limit),
    )
    return [_read(row) for row in rows]


def _read(row: Sequence[Any]) -> Decided:
    (number, at, platform, account, object_id, version, seq, made_by, by_person, verdict, severity, *rest) = row
    action_id, reason, decision = rest
    return Decided(
        id=number,
        at=to_time(at),
        platform=platform,
        account=account,
        object_id=object_id,
        version=version,
        seq=seq,
        made_by=made_by,
        by_person=bool(by_person),
        verdict=verdict,
        severity=severity,
        action=action_id,
        reason=reason,
        decision=decision,
    )
