from moderation_ai.utils import WebhookHandler

# Create webhook handler
handler = WebhookHandler(
    secret="webhook_secret",
    endpoint="/webhook",
    allowed_ips=["0.0.0.0/0"]  # Allow all IPs
)

# Register event handlers
@handler.on("comment.created")
async def handle_comment_created(event):
    comment = event.data
    print(f"New comment: {comment.id}")

@handler.on("comment.updated")
async def handle_comment_updated(event):
    comment = event.data
    print(f"Updated comment: {comment.id}")

# Start webhook server
await handler.start(port=8080)
