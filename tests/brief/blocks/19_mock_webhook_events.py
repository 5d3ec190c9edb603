from moderation_ai.utils import WebhookEvent

# Create mock event
event = WebhookEvent(
    event_id="evt_123",
    event_type="comment.created",
    platform="twitter",
    data={
        "comment": {
            "id": "comment_id",
            "text": "Test comment",
            "author_username": "test_user"
        }
    }
)

# Test handler
await handler.handle(event)
