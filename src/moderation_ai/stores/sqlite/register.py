"""The register: subscriptions as SQLite rows, and what was counted because it is not stored."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import msgspec

from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores.sqlite.rows import ask, encode

_decode = msgspec.json.Decoder(Subscription).decode


def save(connection: apsw.Connection, subscription: Subscription) -> None:
    """Keep ``subscription``, in place of one with the same platform and id."""
    connection.execute(
        "INSERT OR REPLACE INTO subscriptions (platform, id, subscription) VALUES (?, ?, ?)",
        (subscription.platform, subscription.id, encode(subscription)),
    )


def find(connection: apsw.Connection, platform: str | None) -> list[Subscription]:
    """Return the subscriptions, of one platform or of all, in the order of their ids."""
    sql = "SELECT subscription FROM subscriptions WHERE ?1 IS NULL OR platform = ?1 ORDER BY platform, id"
    return [_decode(body) for (body,) in ask(connection, sql, (platform,))]


def delete(connection: apsw.Connection, platform: str, subscription_id: str) -> bool:
    """Forget a subscription; return whether there was one."""
    sql = "DELETE FROM subscriptions WHERE platform = ? AND id = ?"
    connection.execute(sql, (platform, subscription_id))
    return bool(connection.changes())


def count_ignored(connection: apsw.Connection, kinds: Sequence[str], platform: str) -> None:
    """Count authentic kinds that we have no use for."""
    sql = (
        "INSERT INTO ignored (platform, kind, count) VALUES (?, ?, 1) "
        "ON CONFLICT (platform, kind) DO UPDATE SET count = count + 1"
    )
    connection.executemany(sql, [(platform, kind[:120]) for kind in kinds])
