"""A server's life: started on its core, tried with a good and a bad signature, killed, its store counted."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import bodies, cores
from bench.servers import Launch, Server

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class NotServing(RuntimeError):
    """The server did not start, or answered what it must not."""


@contextmanager
def running(server: Server, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Launch]]:
    """Start the server and wait until it serves; kill it at the end. Raise ``NotServing``."""
    launch = server.launch(folder)
    environment = launch.environment
    for command in launch.before:
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=_START_SECONDS)
    output = folder / "output"
    with output.open("wb") as log, cores.pinned(cores.SERVER_CORE):
        process = subprocess.Popen(launch.command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait(process, launch, output)
        _check_answers(server, launch.port)
        yield process, launch
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], launch: Launch, output: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _is_ready(launch, output):
            return
        time.sleep(0.05)
    raise NotServing(f"{launch.command} does not serve: {output.read_text(errors='replace')[-2000:]}")


def _is_ready(launch: Launch, output: Path) -> bool:
    if launch.ready:
        lines = output.read_text(errors="replace").splitlines()
        return any(line.startswith(launch.ready) for line in lines)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", launch.port)) == 0


def _check_answers(server: Server, port: int) -> None:
    payload = bodies.body(bodies.template(), bodies.new_tag(), 0)
    good = bodies.signature(payload)
    bad = bodies.signature(payload + b" ")
    status = _post(port, server.path, payload, good)
    if not 200 <= status < 300:
        raise NotServing(f"{server.name} answered {status} to a good signature")
    status = _post(port, server.path, payload, bad)
    if server.verifies and not 400 <= status < 500:
        raise NotServing(f"{server.name} answered {status} to a bad signature")


def _post(port: int, path: str, payload: bytes, signed: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {bodies.SIGNATURE_HEADER: signed, "Content-Type": "application/json"}
        connection.request("POST", path, payload, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    # Killed, not asked to stop: what is counted afterwards was stored by then, not flushed on the way out.
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait(_STOP_SECONDS)
