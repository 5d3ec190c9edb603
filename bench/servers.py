"""The servers of the comparison: how each is started, and what it has stored before it answers 2xx."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec

from bench import bodies
from bench.references import hookspool

_ROOT = Path(__file__).resolve().parent.parent
NOTHING = "nothing"
_FASTEST = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]


class Launch(msgspec.Struct, frozen=True):
    """What starts one server in one empty folder."""

    command: list[str]
    port: int
    environment: dict[str, str] = {}
    before: list[list[str]] = []
    ready: str = ""  # the word that begins the line it prints when it serves; else its port is tried


class Server(msgspec.Struct, frozen=True):
    """A row of the comparison."""

    name: str
    title: str
    path: str
    stored: str
    launch: Callable[[Path], Launch]
    count: Callable[[Path], int] | None = None  # the events that a stopped server left in its folder
    verifies: bool = True
    most_connections: int = 10_000


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(**own: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_AI_")}
    return {**inherited, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(_ROOT), **own}


def _ours(folder: Path) -> Launch:
    port = free_port()
    settings = {
        "MODERATION_AI_STORE__URL": f"sqlite:///{folder / 'bench.db'}",
        "MODERATION_AI_PLATFORMS__GENERIC__SECRETS": bodies.SECRET,
        "MODERATION_AI_SERVER__PORT": str(port),
        "MODERATION_AI_CONSOLE__PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "moderation_ai", "serve"]
    return Launch(command=command, port=port, environment=_environment(**settings), ready="ready")


def uvicorn(app: str, database: str, alone: str = "") -> Launch:
    """Return what starts one of the references on a database."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"bench.references.{app}:app", "--port", str(port)]
    environment = _environment(BENCH_SECRET=bodies.SECRET, BENCH_DATABASE=database, BENCH_ALONE=alone)
    return Launch(command=[*command, *_FASTEST], port=port, environment=environment)


def _uvicorn(app: str, alone: str = "") -> Callable[[Path], Launch]:
    return lambda folder: uvicorn(app, str(folder / "bench.db"), alone)


def _hookspool(folder: Path) -> Launch:
    port = free_port()
    config = hookspool.write_config(folder, port, bodies.SECRET)
    base = [sys.executable, "-m", "hookspool", "--home", str(folder), "--config", str(config)]
    migrate, intake = [*base, "migrate"], [*base, "intake"]
    return Launch(command=intake, port=port, environment=_environment(), before=[migrate])


def _count_ours(folder: Path) -> int:
    # The library that wrote the file: the system's own SQLite may be older than the file's features.
    connection = apsw.Connection(str(folder / "bench.db"))
    return int(connection.execute("SELECT count(*) FROM events").get)


def _count(file: str) -> Callable[[Path], int]:
    def counted(folder: Path) -> int:
        connection = sqlite3.connect(folder / file)
        try:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
        finally:
            connection.close()

    return counted


OURS = Server(
    name="ours",
    title="moderation-ai serve, SQLite",
    path="/webhook/generic",
    stored="event and raw body, fsync (WAL, synchronous=FULL, requests in flight share a commit)",
    launch=_ours,
    count=_count_ours,
)
NOOP = Server(
    name="fastapi_noop",
    title="FastAPI: verify, validate",
    path="/webhook/generic",
    stored=NOTHING,
    launch=_uvicorn("fastapi_noop"),
)
AIOSQLITE = Server(
    name="fastapi_aiosqlite",
    title="FastAPI + aiosqlite",
    path="/webhook/generic",
    stored="a row with the body, fsync (WAL, synchronous=FULL, an insert and a commit per request)",
    launch=_uvicorn("fastapi_aiosqlite"),
    count=_count("bench.db"),
)
AIOSQLITE_ALONE = Server(
    name="fastapi_aiosqlite_alone",
    title="  each in its own transaction",
    path="/webhook/generic",
    stored="the same, but no commit covers another request's row (only when asked for by --only)",
    launch=_uvicorn("fastapi_aiosqlite", alone="yes"),
    count=_count("bench.db"),
)
HOOKSPOOL = Server(
    name="hookspool",
    title="hookspool intake",
    path="/hooks/x",
    stored="event, batch and seen-set rows, fsync (WAL, synchronous=FULL, a transaction per request)",
    launch=_hookspool,
    count=_count("spool.db"),
    most_connections=64,  # it answers from 64 threads
)
RAW_ASGI = Server(
    name="raw_asgi",
    title="uvicorn, an empty ASGI app",
    path="/webhook/generic",
    stored=NOTHING + " (verifies nothing: the HTTP server's own cost)",
    launch=_uvicorn("raw_asgi"),
    verifies=False,
)
ALL = (OURS, NOOP, AIOSQLITE, AIOSQLITE_ALONE, RAW_ASGI, HOOKSPOOL)
USUAL = tuple(server for server in ALL if server is not AIOSQLITE_ALONE)
