from moderation_ai.utils import register_webhook

await register_webhook(
    platform="twitter",
    url="https://your-domain.com/webhook/twitter",
    secret="your_secret"
)
