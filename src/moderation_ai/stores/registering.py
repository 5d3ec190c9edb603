"""The register's changes as SQL that both dialects understand, by the rules of ``acting``."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from moderation_ai.core.subscribing import Subscription
from moderation_ai.stores.rows import encode
from moderation_ai.stores.sqlverbs import Verb

_decode = msgspec.json.Decoder(Subscription).decode


def change(
    platform: str, subscription_id: str, make: Callable[[Subscription], Subscription | None]
) -> Verb[Subscription | None]:
    """Put in the place of a subscription what ``make`` makes of it; return that, or None where nothing was changed."""
    rows = yield (
        "SELECT subscription FROM {s}subscriptions WHERE platform = $1 AND id = $2 {lock}",
        (platform, subscription_id),
    )
    made = make(_decode(rows[0][0])) if rows else None
    if made is not None:
        yield (
            "UPDATE {s}subscriptions SET subscription = $3 WHERE platform = $1 AND id = $2",
            (platform, subscription_id, encode(made)),
        )
    return made
