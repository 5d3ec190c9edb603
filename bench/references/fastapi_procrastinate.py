"""FastAPI that verifies, validates and defers a procrastinate job per request before it answers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import procrastinate
from fastapi import FastAPI, Request, Response

from bench.references.fastapi_noop import checked

queue = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_DATABASE"], min_size=4, max_size=16)
)


@queue.task(name="event")
async def handle(body: str) -> None:
    """Take an event; no worker runs here."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the queue open, with its schema."""
    async with queue.open_async():
        await queue.schema_manager.apply_schema_async()
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/webhook/generic")
async def receive(request: Request) -> Response:
    """Verify, validate, defer (an insert and a commit), answer."""
    body = await request.body()
    event = checked(body, request.headers.get("x-signature", ""))
    await handle.configure(queueing_lock=None, lock=event.event_id).defer_async(body=body.decode())
    return Response(status_code=200)
