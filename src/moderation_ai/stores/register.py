"""What a store must do for what was agreed with platforms: keep the webhooks that were registered there."""

from __future__ import annotations

from typing import Protocol

from moderation_ai.core.subscribing import Subscription


class Register(Protocol):
    """Keep what was agreed with platforms."""

    async def save_subscription(self, subscription: Subscription) -> None:
        """Keep ``subscription``, in place of one with the same platform and id."""

    async def subscriptions(self, platform: str | None = None) -> list[Subscription]:
        """Return the subscriptions, of one platform or of all."""

    async def delete_subscription(self, platform: str, subscription_id: str) -> bool:
        """Forget a subscription; return whether there was one."""
