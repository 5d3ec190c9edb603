"""The load: keep-alive connections that send unique signed events, each as soon as the last was answered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import msgspec

from bench import bodies, child, cores

_LUA = Path(__file__).with_name("wrk.lua")
_GRACE_SECONDS = 40  # past the length of a run, the load is ended


class Target(msgspec.Struct, frozen=True):
    """Where the load goes."""

    port: int
    path: str


class Sample(msgspec.Struct, frozen=True):
    """What the load saw of one run."""

    seconds: float
    answered: int
    refused: int  # answers that were not 2xx or 3xx
    broken: int  # connections that failed, requests that got no answer in time
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def acknowledged(self) -> int:
        """Return how many events were answered with a 2xx."""
        return self.answered - self.refused

    @property
    def rate(self) -> float:
        """Return the acknowledged events per second."""
        return self.acknowledged / self.seconds


class Load(Protocol):
    """A load generator."""

    name: str

    def run(self, target: Target, connections: int, seconds: float, folder: Path) -> Sample:
        """Load the target for this long; return what was seen. May write into the folder."""


class Wrk:
    """wrk, whose Lua script signs each request through libcrypto."""

    def __init__(self) -> None:
        shown = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
        self.name = shown.stdout.splitlines()[0].partition(" Copyright")[0] + ", one thread"

    def run(self, target: Target, connections: int, seconds: float, folder: Path) -> Sample:
        """Load the target; raise ``RuntimeError`` if wrk fails."""
        form = folder / "request"
        form.write_bytes(bodies.request(target.path, target.port, bodies.template(), "0" * 64))
        url = f"http://127.0.0.1:{target.port}{target.path}"
        arguments = [str(form), bodies.SLOT.decode(), bodies.SECRET, bodies.new_tag()]
        # Whole seconds are all that wrk knows; its time-out must not cut the tail off.
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "15s"]
        command += ["-s", str(_LUA), url, "--", *arguments]
        return child.run(command, cores.LOAD_CORE, seconds + _GRACE_SECONDS, Sample)


class Sender:
    """A sender of our own, for machines without wrk: requests are signed before the clock starts."""

    name = "own asyncio sender (requests signed before the run)"

    def run(self, target: Target, connections: int, seconds: float, folder: Path) -> Sample:
        """Load the target; raise ``RuntimeError`` if the sender fails."""
        arguments = [str(target.port), target.path, str(connections), str(seconds)]
        timeout = seconds + _GRACE_SECONDS
        return child.run_module("bench.sender", *arguments, core=cores.LOAD_CORE, timeout=timeout, kind=Sample)


def choose(wanted: str) -> Load:
    """Return the load that was asked for; ``auto`` is wrk where it is, or can be, installed."""
    if wanted == "own" or (wanted == "auto" and not _have_wrk()):
        return Sender()
    return Wrk()


def _have_wrk() -> bool:
    if shutil.which("wrk") is None and shutil.which("apt-get") and os.geteuid() == 0:
        print("bench: installing wrk with apt-get", file=sys.stderr)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "wrk"]
        subprocess.run(install, capture_output=True, timeout=120, check=False)
    return shutil.which("wrk") is not None
