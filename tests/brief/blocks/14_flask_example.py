from flask import Flask, request, jsonify
from moderation_ai.utils import WebhookHandler

app = Flask(__name__)
handler = WebhookHandler(secret="your_secret")

@app.route("/webhook/<platform>", methods=["POST"])
def webhook(platform):
    payload = request.get_data()

    # Verify signature
    signature = request.headers.get("X-Signature")
    if not handler.verify_signature(payload, signature):
        return jsonify({"error": "Invalid signature"}), 401

    # Process event
    event = handler.parse_event(payload, platform)
    handler.handle(event)

    return jsonify({"status": "ok"})
