{
    "event_id": "evt_123456789",
    "event_type": "comment.created",
    "timestamp": "2024-01-08T10:30:00Z",
    "platform": "twitter",
    "data": {
        "comment": {
            "id": "comment_id",
            "post_id": "post_id",
            "author_id": "author_id",
            "author_username": "username",
            "text": "Comment text",
            "created_at": "2024-01-08T10:30:00Z"
        }
    }
}
