"""What the ledger has to forget of objects and people, as SQL that both dialects understand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from moderation_ai.core.acts import Target
from moderation_ai.core.redaction import ERASED, decision_without_text
from moderation_ai.stores.ledger import Forgotten
from moderation_ai.stores.rows import encode
from moderation_ai.stores.sqlverbs import Verb

_OPEN = "state < 3"  # as the index has it
_PEOPLE = ("author_id", "author_username")
_decode_target = msgspec.json.Decoder(Target).decode


def forget(platform: str, objects: Mapping[str, str], people: Collection[str], dry_run: bool) -> Verb[Forgotten]:
    """Forget objects, each of which is called by its other name from then on, and people."""
    actions, decisions = 0, 0
    for object_id, name in objects.items():
        actions += yield from _forget_actions(platform, object_id, name, dry_run)
        decisions += yield from _forget_decisions(platform, object_id, name, dry_run)
    actions += yield from _forget_in_targets(platform, objects, people, dry_run)
    decisions += yield from _forget_persons(platform, people, dry_run)
    return Forgotten(actions=actions, decisions=decisions)


def _forget_actions(platform: str, object_id: str, name: str, dry_run: bool) -> Verb[int]:
    """Give up what is open on an object, since it can be named no more, and rename it in what was done."""
    where = "WHERE platform = $1 AND object_id = $2"
    if dry_run:
        return (yield from _count("actions", where, (platform, object_id)))
    yield (
        f"UPDATE {{s}}actions SET state = 3, status = '{ERASED}', due_at = NULL, worker = NULL, until = NULL "
        f"{where} AND {_OPEN}",
        (platform, object_id),
    )
    rows = yield (
        "UPDATE {s}actions SET object_id = $3, version = '', target = NULL, text = NULL, reason = NULL "
        f"{where} RETURNING id",
        (platform, object_id, name),
    )
    for (action_id,) in rows:
        yield "UPDATE {s}receipts SET reason = NULL WHERE action = $1", (action_id,)
    return len(rows)


def _forget_decisions(platform: str, object_id: str, name: str, dry_run: bool) -> Verb[int]:
    """Leave of what was decided about an object the policy, the rules and the verdict."""
    where = "WHERE platform = $1 AND object_id = $2"
    if dry_run:
        return (yield from _count("decisions", where, (platform, object_id)))
    rows = yield f"SELECT id, decision FROM {{s}}decisions {where}", (platform, object_id)
    for decision_id, decision in rows:
        yield (
            "UPDATE {s}decisions SET object_id = $1, version = '', decision = $2 WHERE id = $3",
            (name, decision_without_text(decision) if decision else None, decision_id),
        )
    return len(rows)


def _forget_in_targets(platform: str, objects: Mapping[str, str], people: Collection[str], dry_run: bool) -> Verb[int]:
    """Take ids out of what is open on other objects: an answer to a comment names its author."""
    rows = yield (
        f"SELECT id, target FROM {{s}}actions WHERE platform = $1 AND {_OPEN} AND target IS NOT NULL",
        (platform,),
    )
    found = 0
    for action_id, body in rows:
        target = _decode_target(body)
        named = [name for name in ("post_id", "parent_id") if getattr(target, name) in objects]
        named += [name for name in _PEOPLE if getattr(target, name) in people]
        if not named or target.id in objects:
            continue
        found += 1
        if not dry_run:
            gone: dict[str, Any] = dict.fromkeys(_PEOPLE if set(named) & set(_PEOPLE) else ())
            bare = structs.replace(target, **gone, **{name: None for name in named if name not in gone})
            yield "UPDATE {s}actions SET target = $1 WHERE id = $2", (encode(bare), action_id)
    return found


def _forget_persons(platform: str, people: Collection[str], dry_run: bool) -> Verb[int]:
    """Leave out who a moderator was."""
    found = 0
    for person in people:
        values = (f"{platform}:{person}",)
        where = "WHERE made_by = $1 AND by_person = 1"
        if dry_run:
            found += yield from _count("decisions", where, values)
            continue
        rows = yield f"UPDATE {{s}}decisions SET made_by = $2 {where} RETURNING id", (*values, f"{platform}:{ERASED}")
        found += len(rows)
    return found


def _count(table: str, where: str, values: Sequence[Any]) -> Verb[int]:
    rows = yield f"SELECT count(*) FROM {{s}}{table} {where}", values
    return int(rows[0][0])
