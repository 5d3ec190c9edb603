{
    "event_id": "evt_123456789",
    "event_type": "comment.updated",
    "timestamp": "2024-01-08T10:30:00Z",
    "platform": "reddit",
    "data": {
        "comment": {
            "id": "comment_id",
            "post_id": "post_id",
            "author_id": "author_id",
            "author_username": "username",
            "text": "Updated comment text",
            "created_at": "2024-01-08T10:00:00Z",
            "updated_at": "2024-01-08T10:30:00Z"
        }
    }
}
