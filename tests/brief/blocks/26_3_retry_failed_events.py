from moderation_ai.utils import WebhookRetry

retry = WebhookRetry(max_retries=3)
await retry.process_event(event)
