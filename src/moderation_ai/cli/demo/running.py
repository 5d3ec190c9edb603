"""One run of the demo: start, send, kill, count, let the rest be handled, sum up."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from moderation_ai.cli.demo.client import Client, Reply
from moderation_ai.cli.demo.noting import Notes, pending, read_store
from moderation_ai.cli.demo.playing import Playing
from moderation_ai.cli.demo.process import GatewayProcess
from moderation_ai.cli.demo.summing import summarise
from moderation_ai.cli.demo.traffic import Post, Traffic, events_of
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.urls import without_password

CONNECTIONS = 64
SLICES = 30
COMMENTS = 10
"""In how many steps of a second comments are written: a tenth of the rate, half of which break the policy."""
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
    serial = int(datetime.now(UTC).timestamp() * 1000) % 10**12 * 1000
    traffic = Traffic(list(platforms.values()), keys, seed=plan.seed, serial=serial)
    with Playing(keys, seed=plan.seed, serial=serial).served() as stage:
        show = Show(plan, stage, traffic, Notes(), say, stop)
        settings = {**settings_of(keys, plan.store_url), **stage.settings()}
        await _until_killed(show, settings, ", ".join(platforms))
        stored = read_store(plan.store_url, first_seq)
        acknowledged = note_webhooks(show.notes, stage, keys)
        left = pending(stored.values())
        say(f"a fresh process found {len(stored):,} events; handling the {left:,} that were left")
        settled = await _handle_the_rest(show, settings, first_seq)
        note_webhooks(show.notes, stage, keys)
    # What was acknowledged must have been there at once: what came only afterwards does not count for it.
    found = {name: status for name, status in settled.items() if name in stored or name not in acknowledged}
    return summarise(show.notes, found | stored, settled, stage.summary())


class Show(NamedTuple):
    """What goes on during a run."""

    plan: Plan
    stage: Playing
    traffic: Traffic
    notes: Notes
    say: Say
    stop: asyncio.Event


async def _until_killed(show: Show, settings: Mapping[str, str], names: str) -> None:
    """Run a gateway, send to it and have it act, and kill it in the middle of its work."""
    gateway = GatewayProcess(settings)
    port, say = gateway.start(), show.say
    store = without_password(show.plan.store_url)
    say(f"gateway on http://127.0.0.1:{port}/webhook/{{platform}}, store {store}")
    say(f"sending as {names}: signed, forged, doubled, late and out of order")
    say(f"acting on {', '.join(fake.name for fake in show.stage.fakes)}, which are played here, by a policy in force")
    show.stage.push(port)
    try:
        await _send(show, port, gateway)
    finally:
        gateway.kill()
    for line in show.notes.wrong[:SHOWN_WRONG]:
        say(f"wrong: {line}")
    say("killed the gateway with SIGKILL in the middle of its work")


def note_webhooks(notes: Notes, stage: Playing, keys: Mapping[str, str]) -> set[str]:
    """Note what became of the fakes' webhooks since the last time; return what has been acknowledged by now."""
    stage.settle()
    for fake, sent in stage.take_sent():
        body, headers = sent.delivery.body, dict(sent.delivery.headers)
        ids, ignored = events_of(fake.platform, keys[fake.name], body, headers, datetime.now(UTC))
        post = Post(platform=fake.name, body=body, headers=headers, event_ids=ids, ignored=ignored)
        notes.note(post, Reply(sent.status, b"", 0.0))
    return notes.acknowledged()


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


async def _send(show: Show, port: int, gateway: GatewayProcess) -> None:
    """Send for as long as planned, in bursts, then kill the gateway while requests are on their way."""
    plan = show.plan
    began = time.monotonic()
    async with Client("127.0.0.1", port, CONNECTIONS) as client:
        while not show.stop.is_set() and (plan.seconds is None or time.monotonic() - began < plan.seconds):
            tick = time.monotonic()
            await _send_spread(client, show, _burst(plan.rate, tick - began))
            _show(show, time.monotonic() - began)
            await _pause(show.stop, 1.0 - (time.monotonic() - tick))
        show.stage.take_times()
        await _kill_in_the_middle(gateway, client, show)


async def _send_spread(client: Client, show: Show, count: int) -> None:
    """Send ``count`` requests over most of a second, as they would come, not all at its beginning."""
    sending = []
    for number in range(SLICES):
        posts = show.traffic.batch(datetime.now(UTC), count // SLICES)
        sending += [asyncio.ensure_future(_post(client, post, show.notes)) for post in posts]
        if number % (SLICES // COMMENTS) == 0:
            show.stage.write(max(1, show.plan.rate // 10 // COMMENTS))
        await asyncio.sleep(0.9 / SLICES)
    await asyncio.gather(*sending)


async def _kill_in_the_middle(gateway: GatewayProcess, client: Client, show: Show) -> None:
    """Kill the gateway when some requests are acknowledged and others, and comments to hide, are still on their way."""
    posts, notes = show.traffic.batch(datetime.now(UTC), show.plan.rate), show.notes
    before = notes.total("accepted")
    show.stage.write(COMMENTS)
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


def _show(show: Show, elapsed: float) -> None:
    notes = show.notes
    counts = "  ".join(f"{name} {notes.total(name):>6,}" for name in ("sent", "accepted", "duplicates", "rejected"))
    times = f"p50 {notes.milliseconds(0.5):6.2f} ms  p99 {notes.milliseconds(0.99):7.2f} ms"
    hidden = f"hidden {show.stage.written - show.stage.missed:>4,} of {show.stage.written:>4,}"
    show.say(f"{elapsed:5.1f} s  {counts}  {times}  {hidden}")


async def _handle_the_rest(show: Show, settings: Mapping[str, str], first_seq: int) -> dict[str, str]:
    """Start the gateway again and wait until nothing is pending any more and all is hidden that is to be."""
    gateway, url = GatewayProcess(settings), show.plan.store_url
    show.stage.push(gateway.start())
    until = time.monotonic() + REST_SECONDS
    try:
        while time.monotonic() < until:
            await asyncio.to_thread(show.stage.settle)
            if not show.stage.missed and not pending(read_store(url, first_seq).values()):
                break
            await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(show.stage.settle)
        gateway.stop()
    return read_store(url, first_seq)
