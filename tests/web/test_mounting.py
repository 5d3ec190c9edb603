"""The gateway inside other people's apps."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from litestar import Litestar, asgi
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from moderation_ai.pipeline.clock import ManualClock
from moderation_ai.stores.base import Store
from moderation_ai.web.gateway import Gateway
from tests.kinds import new_store
from tests.web.stage import NOW, ask, comment, intake_on, request, served, signed

BODY = comment("mounted")


def gateway_on(store: Store, endpoint: str = "/webhook") -> Gateway:
    return Gateway(intake_on(store), endpoint=endpoint, clock=ManualClock(NOW))


def fastapi_at(path: str) -> Any:
    def make(gateway: Gateway) -> Any:
        app = FastAPI()
        app.mount(path, gateway)
        return app

    return make


def litestar_at(path: str) -> Any:
    return lambda gateway: Litestar([asgi(path, is_mount=True, copy_scope=True)(gateway)], logging_config=None)


def starlette_in_starlette(gateway: Gateway) -> Any:
    return Starlette(routes=[Mount("/outer", app=Starlette(routes=[Mount("/inner", app=gateway)]))])


def with_middleware(gateway: Gateway) -> Any:
    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=1)
    app.mount("/hooks", gateway)
    return app


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (fastapi_at("/hooks"), "/hooks/webhook/generic"),
        (fastapi_at("/webhook"), "/webhook/generic"),
        (fastapi_at(""), "/webhook/generic"),
        (litestar_at("/hooks"), "/hooks/webhook/generic"),
        (litestar_at("/webhook"), "/webhook/generic"),
        (starlette_in_starlette, "/outer/inner/webhook/generic"),
        (with_middleware, "/hooks/webhook/generic"),
    ],
)
def test_finds_its_way_below_a_mount(make: Any, path: str) -> None:
    store = new_store()
    with served(make(gateway_on(store)), store=store) as running:
        for expected in ("new", "duplicates"):
            answer = ask(running.port, request(path, BODY, signed(BODY)))
            assert (answer.status, answer.json[expected]) == (200, 1)
        elsewhere = path.replace("webhook", "nowhere")
        assert ask(running.port, request(elsewhere, BODY, signed(BODY))).status == 404


def test_serves_an_endpoint_of_another_name() -> None:
    store = new_store()
    with served(gateway_on(store, "/in/here"), store=store) as running:
        assert ask(running.port, request("/in/here/generic", BODY, signed(BODY))).status == 200
        assert ask(running.port, request("/webhook/generic", BODY, signed(BODY))).status == 404


@pytest.mark.anyio
async def test_answers_a_client_in_process() -> None:
    store = new_store()
    transport = httpx2.ASGITransport(gateway_on(store))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post("/webhook/generic", content=BODY, headers=signed(BODY))
    assert answer.json()["new"] == 1
    await store.close()


@pytest.mark.anyio
async def test_answers_the_start_and_the_end_of_a_server_with_lifespan() -> None:
    asked = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    told: list[Any] = []

    async def receive() -> Any:
        return asked.pop(0)

    async def send(message: Any) -> None:
        told.append(message["type"])

    await gateway_on(new_store())({"type": "lifespan"}, receive, send)
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.anyio
async def test_refuses_web_sockets() -> None:
    told: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        told.append(message["type"])

    await gateway_on(new_store())({"type": "websocket"}, receive, send)
    assert told == ["websocket.close"]
