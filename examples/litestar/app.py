"""Receive webhooks inside a Litestar app: the whole gateway, mounted at ``/webhook``."""

import os

from litestar import Litestar, asgi, get

from moderation_ai.utils import WebhookHandler

handler = WebhookHandler(
    secret=os.environ["WEBHOOK_SECRET"],
    verify_token=os.environ.get("VERIFY_TOKEN"),
    store=os.environ.get("MODERATION_AI_STORE__URL", "sqlite:///inbox.db"),
)


@handler.on("comment.created")
async def on_comment(event):
    print(event.platform, event.data.comment.id, event.data.comment.text, flush=True)


@get("/")
async def home() -> dict[str, str]:
    return {"app": "yours"}


app = Litestar([home, asgi("/webhook", is_mount=True, copy_scope=True)(handler.asgi())])
