"""The import path of the webhook patterns: re-exports, nothing else."""

from moderation_ai.core.events import WebhookEvent
from moderation_ai.webhooks.handler import WebhookHandler
from moderation_ai.webhooks.monitor import WebhookMonitor
from moderation_ai.webhooks.replay import WebhookReplay
from moderation_ai.webhooks.retry import WebhookRetry
from moderation_ai.webhooks.subscriptions import delete_webhook, list_webhooks, register_webhook
from moderation_ai.webhooks.verification import validate_webhook_timestamp, verify_webhook_signature

__all__ = [
    "WebhookEvent",
    "WebhookHandler",
    "WebhookMonitor",
    "WebhookReplay",
    "WebhookRetry",
    "delete_webhook",
    "list_webhooks",
    "register_webhook",
    "validate_webhook_timestamp",
    "verify_webhook_signature",
]
