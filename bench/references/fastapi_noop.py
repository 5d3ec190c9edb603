"""FastAPI that verifies and validates as one would, and stores nothing."""

from __future__ import annotations

import hmac
import os
from datetime import datetime

from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, ValidationError

KEY = os.environ["BENCH_SECRET"].encode()
app = FastAPI()


class Comment(BaseModel):
    """The comment that the envelope carries."""

    id: str
    post_id: str
    author_id: str
    author_username: str
    text: str
    created_at: datetime


class Data(BaseModel):
    """What stands under ``data``."""

    comment: Comment


class Delivery(BaseModel):
    """The envelope."""

    event_id: str
    event_type: str
    timestamp: datetime
    platform: str
    data: Data


def checked(body: bytes, signature: str) -> Delivery:
    """Return the delivery if it is authentic and well formed, else raise 401 or 400."""
    expected = hmac.digest(KEY, body, "sha256").hex()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise HTTPException(401)
    try:
        return Delivery.model_validate_json(body)
    except ValidationError as error:
        raise HTTPException(400) from error


@app.post("/webhook/generic")
async def receive(request: Request) -> Response:
    """Verify, validate, answer."""
    checked(await request.body(), request.headers.get("x-signature", ""))
    return Response(status_code=200)
