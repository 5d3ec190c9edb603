"""Receive webhooks inside a FastAPI app: a path operation that gives the whole request to ``handler.receive``."""

import os

from fastapi import FastAPI, Request, Response

from moderation_ai.utils import WebhookHandler

handler = WebhookHandler(
    secret=os.environ["WEBHOOK_SECRET"],
    verify_token=os.environ.get("VERIFY_TOKEN"),
    store=os.environ.get("MODERATION_AI_STORE__URL", "sqlite:///inbox.db"),
)


@handler.on("comment.created")
async def on_comment(event):
    print(event.platform, event.data.comment.id, event.data.comment.text, flush=True)


app = FastAPI()


@app.get("/")
async def home():
    return {"app": "yours"}


@app.api_route("/webhook/{platform}", methods=["GET", "POST"])
async def webhook(request: Request):
    answer = await handler.receive(request)
    return Response(answer.body, answer.status, answer.headers)
