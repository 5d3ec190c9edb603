"""Receive webhooks inside an aiohttp app: a handler that gives the whole request to ``handler.receive``."""

import os

from aiohttp import web

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
    return web.json_response({"app": "yours"})


async def webhook(request):
    answer = await handler.receive(request)
    return web.Response(body=answer.body, status=answer.status, headers=answer.headers)


def make(argv):
    app = web.Application()
    app.add_routes([web.get("/", home), web.route("*", "/webhook/{platform}", webhook)])
    return app
