from moderation_ai.utils import verify_webhook_signature

def webhook_endpoint(request):
    # Get signature from headers
    signature = request.headers.get("X-Signature")
    payload = request.body

    # Verify signature
    if verify_webhook_signature(
        payload=payload,
        signature=signature,
        secret="your_webhook_secret"
    ):
        # Signature is valid
        process_webhook(payload)
    else:
        # Invalid signature
        return "Invalid signature", 401
