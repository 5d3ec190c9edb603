"""A small HTTP client that keeps its connections and notes how long each answer took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

import msgspec


class Reply(msgspec.Struct, frozen=True):
    """An answer: status, body, and the seconds it took (0: not measured); status 0 stands for a broken connection."""

    status: int
    body: bytes
    seconds: float


class Client:
    """Post to one server over at most ``connections`` connections at a time."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        """Name the server; nothing is opened yet."""
        self._host = host
        self._port = port
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Client:
        """Return this client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        for _, writer in self._idle:
            writer.close()
            with suppress(OSError):  # the other side may be gone already
                await writer.wait_closed()

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post ``body`` and return the answer."""
        async with self._slots:
            began = time.perf_counter()
            try:
                status, answer = await self._exchange(path, body, headers)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                return Reply(0, b"", time.perf_counter() - began)
            return Reply(status, answer, time.perf_counter() - began)

    async def _exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        fields = {"Host": f"{self._host}:{self._port}", "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + body)
        try:
            status, answer, keep = await _read(reader)
        except BaseException:
            writer.close()
            raise
        if keep:
            self._idle.append((reader, writer))
        else:
            writer.close()
        return status, answer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    first, *lines = head.split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    return int(first.split()[1]), body, fields.get("connection") != "close"
