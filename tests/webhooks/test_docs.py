"""The Python blocks of our own pages run as they stand, and the full door is served in every framework."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import pytest
from aiohttp import web
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from moderation_ai.core.events import WebhookEvent
from tests.blocks import blocks_of, run_block
from tests.webhooks.events import Book, envelope
from tests.webhooks.serving import asgi_server, post, wsgi_server
from tests.webhooks.test_frameworks import SECRET, check_the_full_door, instagram, signed

DOCS = Path(__file__).parents[2] / "docs"
MODULES = {
    block.text.partition("\n")[0].removeprefix("# "): block.text
    for block in blocks_of((DOCS / "receive-in-your-app.md").read_text(encoding="utf-8"))
    if block.language == "python"
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Write the page's modules into a folder, as a reader would, and import them from there."""
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    before = logging.root.handlers[:], logging.root.level
    yield importlib.import_module
    logging.root.handlers[:] = before[0]  # Litestar puts its own there.
    logging.root.setLevel(before[1])
    for name in MODULES:
        sys.modules.pop(name.removesuffix(".py"), None)


@contextmanager
def aiohttp_server(app: web.Application) -> Iterator[int]:
    """Serve an aiohttp app from a thread; yield its port."""
    loop, runner = asyncio.new_event_loop(), web.AppRunner(app)

    async def start() -> int:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return int(runner.addresses[0][1])

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


def django_app(make: Callable[[], Any]) -> Any:
    """Return a Django app over the page's ``urls.py``."""
    if not settings.configured:
        settings.configure(ROOT_URLCONF="urls", SECRET_KEY="x", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
        django.setup()
    from django.urls import clear_url_caches

    clear_url_caches()
    return make()


SERVED: dict[str, tuple[str, Callable[[Any], AbstractContextManager[int]]]] = {
    "FastAPI": ("with_fastapi", lambda made: asgi_server(made.app)),
    "Starlette": ("with_starlette", lambda made: asgi_server(made.app)),
    "Litestar": ("with_litestar", lambda made: asgi_server(made.app)),
    "FastAPI, mounted": ("mounted", lambda made: asgi_server(made.app)),
    "Flask, mounted": ("mounted_in_flask", lambda made: wsgi_server(made.app)),
    "Flask": ("with_flask", lambda made: wsgi_server(made.app)),
    "Django": ("urls", lambda made: wsgi_server(django_app(get_wsgi_application))),
    "Django behind ASGI": ("urls", lambda made: asgi_server(django_app(get_asgi_application), lifespan="off")),
    "aiohttp": ("with_aiohttp", lambda made: aiohttp_server(made.app)),
}


@pytest.mark.parametrize("framework", SERVED)
def test_the_full_door_of_the_page_opens_in(framework: str, module: Callable[[str], ModuleType]) -> None:
    name, serve = SERVED[framework]
    made, book = module(name), Book()
    book.async_handler(module("inbox").handler)
    with serve(made) as port:
        check_the_full_door(port, "/webhook", book)


@pytest.mark.parametrize("framework", ["Django", "Django behind ASGI", "aiohttp"])
@pytest.mark.parametrize(("limit", "expected"), [(1 << 20, 413), (4 << 20, 401)])
def test_our_own_limit_counts_where_the_framework_has_one(
    framework: str, limit: int, expected: int, module: Callable[[str], ModuleType]
) -> None:
    Path("inbox.py").write_text(MODULES["inbox.py"].replace("store=", f"max_body={limit}, store="), encoding="utf-8")
    name, serve = SERVED[framework]
    with serve(module(name)) as port:
        refused = post(port, "/webhook/generic", b"x" * (3 << 20), {"X-Signature": "00"})
    assert (refused.status, set(refused.json())) == (expected, {"error"})


def test_the_three_steps_open_the_generic_scheme_alone(
    module: Callable[[str], ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    made = module("step_by_step")
    with asgi_server(made.app) as port:
        good = post(port, "/webhook/reddit", envelope(), signed("generic", envelope()))
        assert (good.status, good.json()) == (200, {"status": "ok", "handled": 1})
        assert post(port, "/webhook/reddit", envelope(), {"X-Signature": "00"}).status == 401
        assert post(port, "/webhook/instagram", instagram(), signed("instagram", instagram())).status == 401
    said = " ".join((DOCS / "receive-in-your-app.md").read_text(encoding="utf-8").split())
    (hint,) = [message for message in caplog.messages if "looks like" in message]
    assert hint in said


def test_the_page_has_no_module_that_is_not_tried() -> None:
    assert {name.removesuffix(".py") for name in MODULES} == {
        *(name for name, _ in SERVED.values()), "inbox", "step_by_step", "views",
    }  # fmt: skip


@pytest.mark.anyio
async def test_the_blocks_about_handlers_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "webhooks.json").write_bytes(b"[" + envelope() + b"]")
    closed: list[bool] = []
    names: dict[str, Any] = {"__name__": "inbox", "archive_is_closed": lambda: bool(closed)}
    page = (DOCS / "handlers.md").read_text(encoding="utf-8")
    for block in blocks_of(page):
        await run_block(block.text, names, f"handlers.md, {block.heading}")
    out = capsys.readouterr().out
    # The comment that is made by hand has no author, which is what the archive gives up on.
    assert "None Hello\n" in out
    assert "False {" in out
    assert "archive dead GiveUp: a comment without an author cannot be archived\n" in out
    assert "degraded ['1 dead letters" in out
    closed.append(True)
    data = {"comment": {"id": "8", "author_id": "a"}}
    report = await names["handler"].handle(WebhookEvent(event_type="comment.created", data=data))
    assert [attempt.error for attempt in report.failures] == ["Retry: the archive opens at eight"]
