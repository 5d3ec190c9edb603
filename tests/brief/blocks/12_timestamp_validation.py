from moderation_ai.utils import validate_webhook_timestamp

def webhook_endpoint(request):
    timestamp = request.headers.get("X-Timestamp")

    # Reject if timestamp is too old
    if not validate_webhook_timestamp(timestamp, max_age=300):
        return "Invalid timestamp", 401

    process_webhook(request.body)
