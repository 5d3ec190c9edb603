"""Receive webhooks inside a Starlette app: the whole gateway, mounted at ``/webhook``."""

import os

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from moderation_ai.utils import WebhookHandler

handler = WebhookHandler(
    secret=os.environ["WEBHOOK_SECRET"],
    verify_token=os.environ.get("VERIFY_TOKEN"),
    store=os.environ.get("MODERATION_AI_STORE__URL", "sqlite:///inbox.db"),
)


@handler.on("comment.created")
async def on_comment(event):
    print(event.platform, event.data.comment.id, event.data.comment.text, flush=True)


async def home(request):
    return JSONResponse({"app": "yours"})


app = Starlette(routes=[Route("/", home), Mount("/webhook", app=handler.asgi())])
