{
    "event_id": "evt_123456789",
    "event_type": "comment.deleted",
    "timestamp": "2024-01-08T10:30:00Z",
    "platform": "youtube",
    "data": {
        "comment_id": "comment_id",
        "post_id": "post_id"
    }
}
