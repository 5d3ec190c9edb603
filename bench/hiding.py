"""How long a comment stays visible: written at a fake, pushed, judged, and hidden by a call of the gateway's."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from bench import child, cores
from moderation_ai.cli.demo.noting import share_of
from moderation_ai.cli.demo.playing import POLICY, RAISED, Playing, times_to_hide
from moderation_ai.cli.demo.process import GatewayProcess
from moderation_ai.cli.demo.running import settings_of
from moderation_ai.core.decisions import SEVERITIES
from moderation_ai.fakes import Fake
from moderation_ai.pipeline.handling.standards import StandardsEngine

PLATFORMS = ("twitter", "instagram", "reddit", "tiktok")
"""Those that push comments."""
RATE = 200
_SECONDS, _LIMITED_SECONDS = 10.0, 75.0
"""How long comments are written; the second run lasts until TikTok's minute has begun anew."""
_LIMITED_RATE = 20
_STEPS = 20
_REST = 30.0
_WARM_UP = 20
_GRACE = timedelta(seconds=1)
_TIMEOUT = 180.0


class Hidden(msgspec.Struct, frozen=True):
    """What a run found: times in milliseconds, comments, calls that were too many, and the share that was in order.

    ``cpu_ms`` is the gateway's processor time for one comment, all threads together.
    """

    p50_ms: float
    p99_ms: float
    cpu_ms: float
    written: int
    missed: int
    limits_429: int
    severest_first: float


def measure(folder: Path) -> dict[str, float]:
    """Return the figures of both runs: with raised limits at full rate, and within the documented ones.

    Raises ``RuntimeError`` if a comment was not hidden that the limits did not hold back.
    """
    raised = _run(folder, RAISED, RATE, _SECONDS)
    if raised.missed:
        raise RuntimeError(f"{raised.missed} of {raised.written} comments were not hidden")
    limited = _run(folder, 1, _LIMITED_RATE, _LIMITED_SECONDS)
    return {
        "hide_limits_times": RAISED,
        "hide_comments_per_second": RATE,
        "time_to_hide_p50_ms": raised.p50_ms,
        "time_to_hide_p99_ms": raised.p99_ms,
        "hide_cpu_ms_per_comment": raised.cpu_ms,
        "limits_429": limited.limits_429,
        "severest_first": limited.severest_first,
        "limited_hidden": limited.written - limited.missed,
        "limited_written": limited.written,
    }


def _run(folder: Path, times: int, rate: int, seconds: float) -> Hidden:
    print(f"time to hide: {rate} comments/s for {seconds:g} s, the limits {times} times", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        arguments = [fresh, str(times), str(rate), str(seconds)]
        return child.run_module("bench.hiding", *arguments, core=cores.LOAD_CORE, timeout=_TIMEOUT, kind=Hidden)


async def hide(folder: Path, times: int, rate: int, seconds: float) -> Hidden:
    """Have comments written, all of them to be hidden, and measure what the gateway makes of them."""
    cores.spread()  # The gateway's two busy threads and the fakes share what there is.
    keys = {name: secrets.token_hex(16) for name in PLATFORMS}
    with Playing(keys, seed=1, serial=1, times=times).served() as stage:
        url = f"sqlite:///{folder / 'hiding.db'}"
        with _gateway({**settings_of(keys, url), **stage.settings()}) as (port, pid):
            stage.push(port)
            began = await _warm_up(stage)
            before = cores.cpu_seconds(pid)
            await _write(stage, rate, seconds)
            await asyncio.to_thread(stage.settle)
            if times > 1:
                await _until_hidden(stage)
            used = cores.cpu_seconds(pid) - before
    found = sorted(times_to_hide(stage.fakes, began))
    return Hidden(
        p50_ms=share_of(found, 0.50),
        p99_ms=share_of(found, 0.99),
        cpu_ms=used / max(1, stage.written - _WARM_UP) * 1e3,
        written=stage.written,
        missed=stage.missed,
        limits_429=sum(fake.meter.exceeded for fake in stage.fakes),
        severest_first=severest_first(stage.fakes),
    )


@contextmanager
def _gateway(settings: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Run a gateway; give its port and its process's id."""
    gateway = GatewayProcess(settings)
    try:
        yield gateway.start(), gateway.pid
    finally:
        gateway.kill()


async def _warm_up(stage: Playing) -> datetime:
    """Have a few comments hidden, so that all is loaded and connected; return when the measured ones begin."""
    stage.write(_WARM_UP, share=1.0)
    await _until_hidden(stage)
    return stage.fakes[0].now()


async def _write(stage: Playing, rate: int, seconds: float) -> None:
    """Write at the rate, step by step; a step that came late is made up for."""
    began, written = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed * rate) - written
        stage.write(due, share=1.0)
        written += due
        await asyncio.sleep(1 / _STEPS / 10)


async def _until_hidden(stage: Playing) -> None:
    until = time.monotonic() + _REST
    while stage.missed and time.monotonic() < until:  # noqa: ASYNC110  # what the fakes see has no event
        await asyncio.sleep(0.1)


def severest_first(fakes: list[Fake]) -> float:
    """Return the share of hides for which no severer comment of that account had waited for a second or longer."""
    policy = StandardsEngine.from_file(str(POLICY))
    good = total = 0
    for fake in fakes:
        severity = {each.id: SEVERITIES.index(policy.decide(each.text).severity) for each in fake.things.values()}
        hidden = {each.object_id: each.at for each in fake.effects if each.changed}
        for thing_id, at in hidden.items():
            total += 1
            good += not _is_severer_waiting(fake, severity, hidden, severity[thing_id], at)
    return good / total if total else 0.0


def _is_severer_waiting(
    fake: Fake, severity: Mapping[str, int], hidden: Mapping[str, datetime], than: int, at: datetime
) -> bool:
    severer = (each for each in fake.things.values() if severity[each.id] > than and each.created_at + _GRACE < at)
    return any(each.id not in hidden or hidden[each.id] > at + _GRACE for each in severer)


if __name__ == "__main__":
    child.answer(asyncio.run(hide(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
