from moderation_ai.utils import delete_webhook

await delete_webhook(
    platform="twitter",
    webhook_id="webhook_id"
)
