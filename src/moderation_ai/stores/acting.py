"""The ledger's verbs of actions, as SQL that both dialects understand (``stores/sqlverbs.py`` tells how it is run)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from moderation_ai.core.acts import Target
from moderation_ai.stores.ledger import (
    APP,
    DEAD,
    DISMISSED,
    OPEN,
    OVERTAKEN,
    RETRY,
    SETS,
    UNCERTAIN,
    Action,
    LedgerFilter,
    Receipt,
    Settled,
    Waiting,
    Wanted,
)
from moderation_ai.stores.rows import encode
from moderation_ai.stores.sqlverbs import Verb
from moderation_ai.stores.times import to_micros, to_micros_or_none, to_time, to_time_or_none

_DUE, _LEASED, _WAITING, _SETTLED = range(4)
_COLUMNS = (
    "id, platform, account, object_id, action, version, severity, state, status, tries, begun, wanted_at, due_at, "
    "target, text, reason, made_id"
)
_decode_target = msgspec.json.Decoder(Target).decode


def want(wanted: Wanted, now: datetime) -> Verb[Action]:
    """Record an action; return it as it stands, new or known."""
    known = yield from _latest(wanted.key)
    if known is not None and not (wanted.again and (yield from _is_over(known[0]))):
        return known[0]
    turn = 0 if known is None else known[1] + 1
    at, target = to_micros(now), wanted.target
    yield (
        "INSERT INTO {s}outboxes (platform, account) VALUES ($1, $2) ON CONFLICT (platform, account) DO NOTHING",
        (wanted.platform, wanted.account),
    )
    rows = yield (
        "INSERT INTO {s}actions (key, turn, platform, account, object_id, action, version, severity, wanted_at, "
        "target, text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
        "ON CONFLICT (key, turn) DO NOTHING RETURNING " + _COLUMNS,
        (
            wanted.key,
            turn,
            wanted.platform,
            wanted.account,
            target.id,
            wanted.action,
            wanted.version,
            wanted.severity,
            at,
            encode(target),
            wanted.text,
        ),
    )
    if not rows:  # Another process was quicker by a moment.
        found = yield from _latest(wanted.key)
        assert found is not None
        return found[0]
    made = _read(rows[0])
    if made.action in SETS:
        yield from overtake(made.platform, made.target.id, SETS, at, by=made)
    return made


def _latest(key: bytes) -> Verb[tuple[Action, int] | None]:
    rows = yield (f"SELECT {_COLUMNS}, turn FROM {{s}}actions WHERE key = $1 ORDER BY turn DESC LIMIT 1", (key,))
    return (_read(rows[0][:-1]), int(rows[0][-1])) if rows else None


def _is_over(action: Action) -> Verb[bool]:
    """Say whether an action has no effect any more: it failed, or another came after it."""
    rows = yield (
        "SELECT max(id) FROM {s}actions WHERE platform = $1 AND object_id = $2 AND action <> 'reply'",
        (action.platform, action.target.id),
    )
    return action.status == DEAD or (action.action in SETS and rows[0][0] is not None and int(rows[0][0]) > action.id)


def overtake(platform: str, object_id: str, names: Sequence[str], at: int, by: Action | None = None) -> Verb[None]:
    """Settle what is wanted of an object and was not begun: by its account before ``by``, or else all of it."""
    rest, values = ("AND account = $4 AND id < $5 ", (by.account, by.id)) if by is not None else ("", ())
    for name in names:
        rows = yield (
            f"UPDATE {{s}}actions SET state = {_SETTLED}, status = '{OVERTAKEN}', target = NULL, text = NULL, "
            f"due_at = NULL WHERE platform = $1 AND object_id = $2 AND action = $3 {rest}"
            f"AND begun = 0 AND state IN ({_DUE}, {_WAITING}) RETURNING id",
            (platform, object_id, name, *values),
        )
        for (action_id,) in rows:
            yield from note_receipt(action_id, Receipt(at=to_time(at), status=OVERTAKEN))


def claim(worker: str, limit: int, now: datetime, lease: float, share: int) -> Verb[list[Action]]:
    """Lease what is due: of each account that is not paused, the severest first."""
    at = to_micros(now)
    yield (
        f"UPDATE {{s}}actions SET state = {_DUE}, begun = 1, worker = NULL "
        f"WHERE state = {_LEASED} AND until < $1 AND worker <> $2",
        (at, worker),
    )
    yield f"UPDATE {{s}}actions SET state = {_DUE} WHERE state = {_WAITING} AND due_at <= $1", (at,)
    accounts = yield (
        "SELECT platform, account FROM {s}outboxes o WHERE (paused_until IS NULL OR paused_until <= $1) AND EXISTS ("
        f"SELECT 1 FROM {{s}}actions a WHERE a.platform = o.platform AND a.account = o.account AND a.state = {_DUE})",
        (at,),
    )
    found: list[Action] = []
    for platform, account in accounts:
        room = min(share, max(1, limit // len(accounts)), limit - len(found))
        rows = yield (
            f"UPDATE {{s}}actions SET state = {_LEASED}, worker = $1, until = $2, tries = tries + 1 WHERE id IN ("
            f"SELECT id FROM {{s}}actions a WHERE state = {_DUE} AND platform = $3 AND account = $4 AND NOT EXISTS ("
            "SELECT 1 FROM {s}actions b WHERE b.platform = a.platform AND b.object_id = a.object_id AND b.id < a.id "
            f"AND b.state <> {_SETTLED}) ORDER BY severity DESC, id LIMIT $5 {{skip}}) RETURNING {_COLUMNS}",
            (worker, at + int(lease * 1e6), platform, account, room),
        )
        found += sorted((_read(row) for row in rows), key=lambda one: (-one.severity, one.id))
    return found


def settle(settled: Sequence[Settled], now: datetime, worker: str) -> Verb[bool]:
    """Write down what came of actions that ``worker`` had; say whether that made way for others."""
    made_way = False
    for one in settled:
        is_open = one.status == RETRY
        objects = yield (
            f"UPDATE {{s}}actions SET state = $1, status = $2, due_at = $3, begun = CASE WHEN $4 = 1 THEN 1 ELSE begun "
            "END, tries = tries - $5, reason = $6, made_id = $7, worker = NULL, until = NULL, "
            "target = CASE WHEN $8 = 1 THEN target END, text = CASE WHEN $8 = 1 THEN text END "
            f"WHERE id = $9 AND state = {_LEASED} AND worker = $10 RETURNING platform, object_id",
            (
                _WAITING if is_open else _SETTLED,
                OPEN if is_open else one.status,
                to_micros(one.due_at or now) if is_open else None,
                int(one.begun),
                0 if one.counts and not one.refused else 1,
                one.reason,
                one.made_id,
                int(is_open),
                one.id,
                worker,
            ),
        )
        if one.counts:
            line = Receipt(at=now, status=one.status, reason=one.reason, made_id=one.made_id)
            yield from note_receipt(one.id, line)
        if objects and not is_open and not made_way:
            made_way = yield from _is_awaited(*objects[0])
    return made_way


def _is_awaited(platform: str, object_id: str) -> Verb[bool]:
    """Say whether something is wanted of an object that is not done yet."""
    rows = yield (
        f"SELECT 1 FROM {{s}}actions WHERE platform = $1 AND object_id = $2 AND state <> {_SETTLED} LIMIT 1",
        (platform, object_id),
    )
    return bool(rows)


def release(worker: str) -> Verb[None]:
    """Give back what ``worker`` holds, as begun."""
    yield (
        f"UPDATE {{s}}actions SET state = {_DUE}, begun = 1, worker = NULL WHERE state = {_LEASED} AND worker = $1",
        (worker,),
    )


def actors() -> Verb[list[str]]:
    """Return who holds actions."""
    rows = yield f"SELECT DISTINCT worker FROM {{s}}actions WHERE state = {_LEASED} ORDER BY worker", ()
    return [name for (name,) in rows]


def actions_on(platform: str, object_id: str) -> Verb[list[Action]]:
    """Return all actions on an object, oldest first."""
    rows = yield (
        f"SELECT {_COLUMNS} FROM {{s}}actions WHERE platform = $1 AND object_id = $2 ORDER BY id",
        (platform, object_id),
    )
    return [_read(row) for row in rows]


def action(action_id: int) -> Verb[Action | None]:
    """Return one action."""
    rows = yield f"SELECT {_COLUMNS} FROM {{s}}actions WHERE id = $1", (action_id,)
    return _read(rows[0]) if rows else None


def actions(which: LedgerFilter, limit: int) -> Verb[list[Action]]:
    """Return actions, newest first."""
    clause, values = narrowed(which, "status")
    rows = yield (
        f"SELECT {_COLUMNS} FROM {{s}}actions {clause} ORDER BY id DESC LIMIT ${len(values) + 1}",
        (*values, limit),
    )
    return [_read(row) for row in rows]


def narrowed(which: LedgerFilter, state: str) -> tuple[str, list[Any]]:
    """Return the condition of a filter, with its values; ``state`` is the column that its ``state`` is about."""
    columns = {
        "platform =": which.platform,
        "object_id =": which.object_id,
        f"{state} =": which.state,
        "action =": which.action,
        "id <": which.before_id,
    }
    given = [(column, value) for column, value in columns.items() if value is not None]
    clause = " AND ".join(f"{column} ${number}" for number, (column, _) in enumerate(given, 1))
    return (f"WHERE {clause}" if given else ""), [value for _, value in given]


def receipts(action_id: int) -> Verb[list[Receipt]]:
    """Return an action's history."""
    rows = yield "SELECT at, status, reason, made_id FROM {s}receipts WHERE action = $1 ORDER BY id", (action_id,)
    return [Receipt(at=to_time(at), status=status, reason=why, made_id=made) for at, status, why, made in rows]


def dismiss(action_ids: Sequence[int], now: datetime) -> Verb[list[int]]:
    """Mark actions that failed, or of which nobody knows, as looked at."""
    found = []
    for action_id in action_ids:
        rows = yield (
            f"UPDATE {{s}}actions SET status = '{DISMISSED}' WHERE id = $1 AND status IN ('{UNCERTAIN}', '{DEAD}') "
            "RETURNING id",
            (action_id,),
        )
        if rows:
            found.append(action_id)
            yield from note_receipt(action_id, Receipt(at=now, status=DISMISSED))
    return found


def note_receipt(action_id: int, receipt: Receipt) -> Verb[None]:
    """Add a line to an action's history."""
    yield (
        "INSERT INTO {s}receipts (action, at, status, reason, made_id) VALUES ($1, $2, $3, $4, $5)",
        (action_id, to_micros(receipt.at), receipt.status, receipt.reason, receipt.made_id),
    )


def pause(platform: str, account: str, until: datetime | None, reason: str | None) -> Verb[None]:
    """Hand out nothing of an account until then."""
    yield (
        "INSERT INTO {s}outboxes AS t (platform, account, paused_until, reason) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (platform, account) DO UPDATE SET paused_until = excluded.paused_until, reason = excluded.reason "
        # One worker knows of a longer rest than another.
        "WHERE excluded.paused_until IS NULL OR t.paused_until IS NULL OR excluded.paused_until > t.paused_until",
        (platform, account, to_micros_or_none(until), reason),
    )


def outboxes() -> Verb[list[Waiting]]:
    """Return how each account's outbox stands."""
    ours = "FROM {s}actions a WHERE a.platform = o.platform AND a.account = o.account AND"
    troubled = f"{ours} a.status IN ('{UNCERTAIN}', '{DEAD}')"  # as the index has it
    rows = yield (
        f"SELECT o.platform, o.account, (SELECT count(*) {ours} a.state < {_SETTLED}), "
        f"(SELECT min(a.wanted_at) {ours} a.state < {_SETTLED}), "
        f"(SELECT count(*) {troubled} AND a.status = '{UNCERTAIN}'), "
        f"(SELECT count(*) {troubled} AND a.status = '{DEAD}'), "
        "o.paused_until, o.reason FROM {s}outboxes o WHERE o.account <> $1 ORDER BY o.platform, o.account",
        (APP,),
    )
    return [
        Waiting(
            platform=platform,
            account=account,
            open=count,
            uncertain=uncertain,
            dead=dead,
            oldest_at=to_time_or_none(oldest),
            paused_until=to_time_or_none(paused),
            reason=reason,
        )
        for platform, account, count, oldest, uncertain, dead, paused, reason in rows
    ]


def _read(row: Sequence[Any]) -> Action:
    (number, platform, account, object_id, name, version, severity, state, status, tries, begun, *rest) = row
    wanted_at, due_at, target, text, reason, made_id = rest
    return Action(
        id=number,
        platform=platform,
        account=account,
        action=name,
        target=_decode_target(target) if target is not None else Target(id=object_id),
        version=version,
        severity=severity,
        text=text,
        status=status,
        is_sending=state == _LEASED,
        tries=tries,
        begun=bool(begun),
        wanted_at=to_time(wanted_at),
        due_at=to_time_or_none(due_at),
        reason=reason,
        made_id=made_id,
    )
