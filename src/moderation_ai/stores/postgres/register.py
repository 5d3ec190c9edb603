"""The register: subscriptions as PostgreSQL rows, and what was counted because it is not stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores.postgres.gathering import Job
from moderation_ai.stores.postgres.rows import as_text, as_text_or_none, columns
from moderation_ai.stores.rows import encode

_decode = msgspec.json.Decoder(Subscription).decode


async def save(connection: Any, subscription: Subscription) -> None:
    """Keep ``subscription``, in place of one with the same platform and id."""
    await connection.execute(
        "INSERT INTO moderation_ai.subscriptions (platform, id, subscription) VALUES ($1, $2, $3) "
        "ON CONFLICT (platform, id) DO UPDATE SET subscription = excluded.subscription",
        as_text(subscription.platform),
        as_text(subscription.id),
        encode(subscription),
    )


async def find(connection: Any, platform: str | None) -> list[Subscription]:
    """Return the subscriptions, of one platform or of all, in the order of their ids."""
    sql = (
        "SELECT subscription FROM moderation_ai.subscriptions WHERE $1::text IS NULL OR platform = $1 "
        'ORDER BY platform COLLATE "C", id COLLATE "C"'
    )
    return [_decode(body) for (body,) in await connection.fetch(sql, as_text_or_none(platform))]


async def delete(connection: Any, platform: str, subscription_id: str) -> bool:
    """Forget a subscription; return whether there was one."""
    sql = "DELETE FROM moderation_ai.subscriptions WHERE platform = $1 AND id = $2 RETURNING true"
    return await connection.fetchval(sql, as_text(platform), as_text(subscription_id)) is not None


async def count_ignored(connection: Any, jobs: Sequence[Job]) -> None:
    """Count authentic kinds that we have no use for; each job's work is a platform and its kinds."""
    counted = Counter((as_text(job.work[0]), as_text(kind[:120])) for job in jobs for kind in job.work[1])
    rows = [(platform, kind, number) for (platform, kind), number in counted.items()]
    await connection.execute("SELECT moderation_ai.count_ignored($1, $2, $3)", *columns(rows, 3))
