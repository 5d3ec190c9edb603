"""FastAPI that verifies, validates and enqueues a DBOS workflow per request before it answers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbos import DBOS, DBOSClient, EnqueueOptions
from fastapi import FastAPI, Request, Response

from bench.references.fastapi_noop import checked


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the schema, and hold a client."""
    url = os.environ["BENCH_DATABASE"]
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    DBOS.destroy()
    client = DBOSClient(system_database_url=url, system_database_pool_size=16)
    app.state.client = client
    yield
    client.destroy()


app = FastAPI(lifespan=lifespan)


@app.post("/webhook/generic")
async def receive(request: Request) -> Response:
    """Verify, validate, enqueue (an insert and a commit), answer."""
    body = await request.body()
    event = checked(body, request.headers.get("x-signature", ""))
    options: EnqueueOptions = {"queue_name": "events", "workflow_name": "handle", "workflow_id": event.event_id}
    await request.app.state.client.enqueue_async(options, body.decode())
    return Response(status_code=200)
