from moderation_ai.utils import WebhookHandler

handler = WebhookHandler(
    allowed_ips=[
        "192.0.2.0/24",  # Twitter IP range
        "198.51.100.0/24",  # Reddit IP range
    ]
)
