from moderation_ai.utils import list_webhooks

webhooks = await list_webhooks(platform="twitter")
for webhook in webhooks:
    print(f"{webhook.id}: {webhook.url}")
