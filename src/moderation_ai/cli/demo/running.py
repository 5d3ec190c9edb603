"""One run of the demo: start, send, kill, count, let the rest be handled, sum up."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from moderation_ai.cli.demo.client import Client
from moderation_ai.cli.demo.noting import Notes, pending, read_store
from moderation_ai.cli.demo.process import GatewayProcess
from moderation_ai.cli.demo.summing import summarise
from moderation_ai.cli.demo.traffic import Post, Traffic
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.urls import without_password

CONNECTIONS = 64
SLICES = 30
SHOWN_WRONG = 5
REST_SECONDS = 20.0
"""How long the restarted gateway may take to handle what the killed one left."""

Say = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a run goes: the store, how long (None: until interrupted), requests a second and the random seed."""

    store_url: str
    seconds: float | None = None
    rate: int = 300
    seed: int = 1


async def run(plan: Plan, say: Say, stop: asyncio.Event) -> dict[str, Any]:
    """Run the demo and return its summary; ``say`` is given lines for people, ``stop`` ends the sending."""
    platforms = playable()
    keys = {name: secrets.token_hex(16) for name in platforms}
    first_seq = await last_seq(plan.store_url)
    gateway = GatewayProcess(settings_of(keys, plan.store_url))
    port = gateway.start()
    say(f"gateway on http://127.0.0.1:{port}/webhook/{{platform}}, store {without_password(plan.store_url)}")
    say(f"sending as {', '.join(platforms)}: signed, forged, doubled, late and out of order")
    notes = Notes()
    try:
        await _send(plan, list(platforms.values()), keys, port, notes, say, stop, gateway)
    finally:
        gateway.kill()
    for line in notes.wrong[:SHOWN_WRONG]:
        say(f"wrong: {line}")
    say("killed the gateway with SIGKILL in the middle of its work")
    stored = read_store(plan.store_url, first_seq)
    say(f"a fresh process found {len(stored):,} events; handling the {pending(stored.values()):,} that were left")
    settled = await _handle_the_rest(plan, keys, first_seq)
    return summarise(notes, stored, settled)


def playable() -> dict[str, Platform]:
    """Return every platform that can be played with a secret of ours; one that signs by a private key cannot."""
    return {name: platform for name, platform in all_platforms().items() if not platform.public_keys}


def settings_of(keys: Mapping[str, str], store_url: str) -> dict[str, str]:
    """Return the gateway's settings as environment variables: any free port, each platform with its secret."""
    settings = {f"MODERATION_AI_PLATFORMS__{name.upper()}__SECRETS": key for name, key in keys.items()}
    settings["MODERATION_AI_STORE__URL"] = store_url
    settings["MODERATION_AI_SERVER__PORT"] = "0"
    settings["MODERATION_AI_CONSOLE__PORT"] = "0"
    return settings


async def last_seq(url: str) -> int:
    """Return the place of the newest event in the store, 0 for none; makes the store if there is none."""
    store = open_store(url)
    await store.open()
    newest = await store.events(EventFilter(), limit=1)
    await store.close()
    return newest[0].seq if newest else 0


async def _send(
    plan: Plan,
    platforms: list[Platform],
    keys: Mapping[str, str],
    port: int,
    notes: Notes,
    say: Say,
    stop: asyncio.Event,
    gateway: GatewayProcess,
) -> None:
    """Send for as long as planned, in bursts, then kill the gateway while requests are on their way."""
    serial = int(datetime.now(UTC).timestamp() * 1000) % 10**12 * 1000
    traffic = Traffic(platforms, keys, seed=plan.seed, serial=serial)
    began = time.monotonic()
    async with Client("127.0.0.1", port, CONNECTIONS) as client:
        while not stop.is_set() and (plan.seconds is None or time.monotonic() - began < plan.seconds):
            tick = time.monotonic()
            await _send_spread(client, traffic, _burst(plan.rate, tick - began), notes)
            _show(notes, time.monotonic() - began, say)
            await _pause(stop, 1.0 - (time.monotonic() - tick))
        await _kill_in_the_middle(gateway, client, traffic.batch(datetime.now(UTC), plan.rate), notes)


async def _send_spread(client: Client, traffic: Traffic, count: int, notes: Notes) -> None:
    """Send ``count`` requests over most of a second, as they would come, not all at its beginning."""
    sending = []
    for _ in range(SLICES):
        posts = traffic.batch(datetime.now(UTC), count // SLICES)
        sending += [asyncio.ensure_future(_post(client, post, notes)) for post in posts]
        await asyncio.sleep(0.9 / SLICES)
    await asyncio.gather(*sending)


async def _kill_in_the_middle(gateway: GatewayProcess, client: Client, posts: list[Post], notes: Notes) -> None:
    """Kill the gateway when some of ``posts`` are acknowledged and others are still on their way."""
    before = notes.total("accepted")
    sending = asyncio.gather(*(_post(client, post, notes) for post in posts))
    while notes.total("accepted") == before and not sending.done():  # noqa: ASYNC110  # the very next answer is waited for
        await asyncio.sleep(0)
    gateway.kill()
    await sending


def _burst(rate: int, elapsed: float) -> int:
    """Return how many requests to send in this second: every fifth is a burst of four times as many."""
    return rate * 4 if int(elapsed) % 5 == 4 else rate


async def _post(client: Client, post: Post, notes: Notes) -> None:
    notes.note(post, await client.post(post.path, post.body, post.headers))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await stop.wait()
    except TimeoutError:
        return


def _show(notes: Notes, elapsed: float, say: Say) -> None:
    counts = "  ".join(f"{name} {notes.total(name):>6,}" for name in ("sent", "accepted", "duplicates", "rejected"))
    times = f"p50 {notes.milliseconds(0.5):6.2f} ms  p99 {notes.milliseconds(0.99):7.2f} ms"
    say(f"{elapsed:5.1f} s  {counts}  {times}")


async def _handle_the_rest(plan: Plan, keys: Mapping[str, str], first_seq: int) -> dict[str, str]:
    """Start the gateway again and wait until nothing is pending any more."""
    gateway = GatewayProcess(settings_of(keys, plan.store_url))
    gateway.start()
    until = time.monotonic() + REST_SECONDS
    try:
        settled = read_store(plan.store_url, first_seq)
        while pending(settled.values()) and time.monotonic() < until:
            await asyncio.sleep(0.2)
            settled = read_store(plan.store_url, first_seq)
    finally:
        gateway.stop()
    return settled
