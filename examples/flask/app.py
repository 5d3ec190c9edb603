"""Receive webhooks inside a Flask app: a view that gives the whole request to ``handler.receive``."""

import os

from flask import Flask, request

from moderation_ai.utils import WebhookHandler

handler = WebhookHandler(
    secret=os.environ["WEBHOOK_SECRET"],
    verify_token=os.environ.get("VERIFY_TOKEN"),
    store=os.environ.get("MODERATION_AI_STORE__URL", "sqlite:///inbox.db"),
)


@handler.on("comment.created")
async def on_comment(event):
    print(event.platform, event.data.comment.id, event.data.comment.text, flush=True)


app = Flask(__name__)


@app.get("/")
def home():
    return {"app": "yours"}


@app.route("/webhook/<platform>", methods=["GET", "POST"])
def webhook(platform):
    return tuple(handler.receive(request))
