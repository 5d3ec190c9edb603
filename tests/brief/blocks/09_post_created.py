{
    "event_id": "evt_123456789",
    "event_type": "post.created",
    "timestamp": "2024-01-08T10:30:00Z",
    "platform": "instagram",
    "data": {
        "post": {
            "id": "post_id",
            "author_id": "author_id",
            "author_username": "username",
            "caption": "Post caption",
            "media_urls": ["url1", "url2"],
            "created_at": "2024-01-08T10:30:00Z"
        }
    }
}
