from fastapi import FastAPI, Request, HTTPException
from moderation_ai.utils import WebhookHandler, verify_webhook_signature

app = FastAPI()
handler = WebhookHandler(secret="your_secret")

@app.post("/webhook/{platform}")
async def webhook(platform: str, request: Request):
    payload = await request.body()

    # Verify signature
    signature = request.headers.get("X-Signature")
    if not verify_webhook_signature(payload, signature, "your_secret"):
        raise HTTPException(status_code=401, detail="Invalid signature")

    # Process event
    event = handler.parse_event(payload, platform)

    # Trigger handlers
    await handler.handle(event)

    return {"status": "ok"}
