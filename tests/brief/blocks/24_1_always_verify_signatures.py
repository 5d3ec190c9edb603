if not verify_webhook_signature(payload, signature, secret):
    return "Invalid signature", 401
