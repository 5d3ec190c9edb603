"""The servers: the gateway's and the console's, two in one process and one loop, stopped in order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from moderation_ai.web.direct import DirectProtocol
from moderation_ai.web.doors import App, Door
from moderation_ai.web.state import State

DEADLINE = 20.0
"""Seconds that requests in flight have when the servers are told to stop."""
CONSOLE_DEADLINE = 2.0


async def serve(
    gateway_app: App | None,
    console_app: App | None = None,
    *,
    bound: Sequence[socket.socket] = (),
    console_bound: Sequence[socket.socket] = (),
    drain: Callable[[], Awaitable[object]],
    ready: Callable[[dict[str, str]], None] = lambda addresses: None,
    deadline: float = DEADLINE,
    stop: asyncio.Event | None = None,
    state: State | None = None,
    signals: bool = True,
) -> signal.Signals | None:
    """Serve until ``stop`` is set, the task is cancelled, or SIGTERM or SIGINT comes; return the signal, if one came.

    A process that only handles what others stored has no gateway app.
    ``bound`` and ``console_bound`` are the sockets to listen on, as ``bind`` gives them: an address is held before a
    store is opened, so that a start that is refused leaves nothing behind.
    ``ready`` is called with the real addresses (``gateway``, ``console``) once both are listened on. At the end the
    gateway stops first: it accepts no more and answers what is in flight, within ``deadline`` seconds. Then ``drain``
    is awaited, then the console stops, so that it can tell all the while what is going on. A second signal ends the
    process at once. Signals are left alone outside the main thread and where ``signals`` is false.
    """
    stop = stop or asyncio.Event()
    state = state or State()
    doors: dict[str, Door] = {}
    with _signals(stop, wanted=signals) as taken:
        try:
            if gateway_app is not None:
                doors["gateway"] = Door(gateway_app, bound, DirectProtocol)
            if console_app is not None:
                doors["console"] = Door(console_app, console_bound)
            for door in doors.values():
                await door.open()
            state.addresses = {name: door.address for name, door in doors.items()}
            state.status = "ready"
            ready(dict(state.addresses))
            await _until(stop, list(doors.values()))
        finally:
            state.status = "draining"
            await _close(doors, drain, deadline)
    return taken[0] if taken else None


async def _until(stop: asyncio.Event, doors: Sequence[Door]) -> None:
    """Return when ``stop`` is set, or a server ends by itself."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        serving = [door.serving for door in doors if door.serving is not None]
        await asyncio.wait([stopped, *serving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()


async def _close(doors: dict[str, Door], drain: Callable[[], Awaitable[object]], deadline: float) -> None:
    """Close the gateway, drain, close the console; each of them even if the one before failed."""
    try:
        if "gateway" in doors:
            await doors["gateway"].close(deadline)
    finally:
        try:
            await drain()
        finally:
            if "console" in doors:
                await doors["console"].close(CONSOLE_DEADLINE)


@contextmanager
def _signals(stop: asyncio.Event, *, wanted: bool) -> Iterator[list[signal.Signals]]:
    """Have SIGTERM and SIGINT set ``stop`` within the block; yield the list in which what came is kept."""
    taken: list[signal.Signals] = []
    if not wanted or sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield taken
        return
    loop = asyncio.get_running_loop()
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    for one in before:
        loop.add_signal_handler(one, partial(_take, one, taken, stop))
    try:
        yield taken
    finally:
        for one, handler in before.items():
            loop.remove_signal_handler(one)
            if handler is not None:
                signal.signal(one, handler)


def _take(one: signal.Signals, taken: list[signal.Signals], stop: asyncio.Event) -> None:
    if taken:
        end_now(one)
    taken.append(one)
    stop.set()


def end_now(one: signal.Signals) -> None:
    """End the process with the status that a shell gives to the signal (130 for SIGINT).

    Nothing that was acknowledged is lost by that, and nothing that hangs can hold it up.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(128 + one)
