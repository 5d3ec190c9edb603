"""A pooler as PgBouncer is in transaction mode: each transaction of a client may go to another connection of the server.

It never gives a client the same connection twice in a row, so whatever a store leaves in a session it will not find.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from pathlib import Path

_STARTUP = struct.Struct("!II")
_SSL, _CANCEL = 80877103, 80877102


class Pooler:
    """A server on a socket of its own in front of a PostgreSQL server's socket."""

    def __init__(self, server: Path, folder: Path, size: int = 4) -> None:
        self._server = str(server / ".s.PGSQL.5432")
        self._folder = folder
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._size = size
        self._listening: asyncio.Server | None = None
        self._startup = b""
        self._greeting = b""
        self._clients: set[asyncio.Task[None]] = set()
        self._free = asyncio.Condition()
        self.transactions = 0

    async def start(self, database: str) -> None:
        """Connect to the server, and listen."""
        body = b"user\0postgres\0database\0" + database.encode() + b"\0client_encoding\0UTF8\0\0"
        self._startup = _STARTUP.pack(len(body) + 8, 196608) + body
        for _ in range(self._size):
            reader, writer = await asyncio.open_unix_connection(self._server)
            writer.write(self._startup)
            self._greeting, _ = await _until_ready(reader)
            self._idle.append((reader, writer))
        self._listening = await asyncio.start_unix_server(self._serve, str(self._folder / ".s.PGSQL.5432"))

    async def stop(self) -> None:
        """Close everything."""
        assert self._listening is not None
        self._listening.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        while self._idle:
            self._idle.popleft()[1].close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            length, code = _STARTUP.unpack(await reader.readexactly(8))
            if code == _SSL:
                writer.write(b"N")
                length, code = _STARTUP.unpack(await reader.readexactly(8))
            await reader.readexactly(length - 8)
            if code != _CANCEL:
                writer.write(self._greeting)
                await self._pass_on(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass transactions on, each to the connection that was idle longest, until the client says good-bye."""
        message = asyncio.create_task(_message(reader))
        try:
            while (await message)[:1] != b"X":
                async with self._free:
                    await self._free.wait_for(lambda: self._idle)
                    from_server, to_server = self._idle.popleft()
                to_client = asyncio.create_task(self._back(from_server, writer))
                while not to_client.done():
                    if message.done():
                        to_server.write(message.result())
                        message = asyncio.create_task(_message(reader))
                    await asyncio.wait({message, to_client}, return_when=asyncio.FIRST_COMPLETED)
                self.transactions += 1
                async with self._free:
                    self._idle.append((from_server, to_server))  # the last in the row: others come first
                    self._free.notify_all()
        finally:
            message.cancel()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            message = await _message(reader)
            writer.write(message)
            if message[:1] == b"Z" and message[5:6] == b"I":  # ready, in no transaction
                return


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:5]) - 4)


async def _until_ready(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    found = b""
    while True:
        message = await _message(reader)
        found += message
        if message[:1] == b"Z":
            return found, message
