"""What a store of a million events costs beside one of ten thousand: to add to, to claim from, to prune."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench import bodies, child, cores, deliveries, ratios
from bench.ratios import Ratio
from moderation_ai.pipeline.upkeep.retention import STEP
from moderation_ai.stores.base import DONE, Delivery, EventOutcome, Horizons, Store
from moderation_ai.stores.opening import open_store
from moderation_ai.stores.sqlite import SqliteStore

SMALL, LARGE = 10_000, 1_000_000
_BYTES_PER_EVENT = 4_000
_BATCH = 256
_WARM_BATCHES = 4
_BATCHES = 20  # long enough to hold several checkpoints
_PRUNE_STEPS = 20
_ROUNDS = 5
_KNOWN, _KNOWN_BATCHES = 512, 20
_LEASE_SECONDS = 60.0
_TIMEOUT = 600.0


class Cost(msgspec.Struct, frozen=True):
    """Microseconds for each event, in one round."""

    add: float
    claim: float
    prune: float


class Growth(msgspec.Struct, frozen=True):
    """The costs of the small and of the large store, round by round."""

    small: list[Cost]
    large: list[Cost]
    duplicates: list[float]  # known events a second, refused by the large store


def measure(folder: Path, rows: int = LARGE) -> tuple[dict[str, Ratio], dict[str, float]]:
    """Return the ratios and the figures of both stores; none where the disk has no room for the large one."""
    if shutil.disk_usage(folder).free < rows * _BYTES_PER_EVENT:
        print(f"bench: {folder} has no room for {rows:,} events; the growth is not measured", file=sys.stderr)
        return {}, {}
    arguments = [str(folder), str(rows)]
    growth = child.run_module("bench.store", *arguments, core=cores.SERVER_CORE, timeout=_TIMEOUT, kind=Growth)
    return _ratios(growth), _figures(growth)


def _ratios(growth: Growth) -> dict[str, Ratio]:
    pairs = list(zip(growth.large, growth.small, strict=True))
    return {
        "store_add_1m_vs_10k": ratios.spread([large.add / small.add for large, small in pairs]),
        "claim_1m_vs_10k": ratios.spread([large.claim / small.claim for large, small in pairs]),
        "retention_1m_vs_10k": ratios.spread([large.prune / small.prune for large, small in pairs]),
    }


def _figures(growth: Growth) -> dict[str, float]:
    sides = {"10k": growth.small, "1m": growth.large}
    return {"duplicates_1m": ratios.spread(growth.duplicates).median} | {
        f"{shown}_us_per_event_{name}": ratios.spread([getattr(cost, verb) for cost in costs]).median
        for verb, shown in (("add", "add"), ("claim", "claim"), ("prune", "retention"))
        for name, costs in sides.items()
    }


async def grow(folder: Path, rows: int) -> Growth:
    """Fill both stores, then measure them in turn."""
    pristine = folder / "small.db"
    await (await filled(pristine, SMALL)).close()
    tag = bodies.new_tag()
    large = await filled(folder / "large.db", rows, tag)
    growth = Growth(small=[], large=[], duplicates=[])  # the files stay, for what is measured over HTTP
    source = deliveries.endless()
    for number in range(_ROUNDS):
        # The small store is measured on a new copy each time: it would not be small for long.
        small = await _opened(Path(shutil.copy(pristine, folder / f"small{number}.db")))
        growth.small.append(await _cost(small, source))
        growth.large.append(await _cost(large, source))
        growth.duplicates.append(await _duplicates(large, tag, rows))
        await small.close()
    await large.close()
    return growth


async def filled(path: Path, rows: int, tag: str | None = None) -> Store:
    """Return an open, durable store with so many events waiting in it, those of ``tag``."""
    # Filled without waiting for the disk, synchronised once: only what is measured has to be durable.
    filling = SqliteStore(str(path), synchronous="OFF")
    await filling.open()
    await deliveries.fill(filling, deliveries.endless(tag), rows)
    await filling.close()
    return await _opened(path)


async def _opened(path: Path) -> Store:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    store = open_store(f"sqlite:///{path}")
    await store.open()
    return store


async def _cost(store: Store, source: Iterator[Delivery]) -> Cost:
    """Measure batches of requests in flight, a worker's claims (as much is settled as was added), and retention."""
    for _ in range(_WARM_BATCHES):
        await _add_and_claim(store, source)
    times = [await _add_and_claim(store, source) for _ in range(_BATCHES)]
    adding, claiming = (sum(column) / (_BATCH * _BATCHES) * 1e6 for column in zip(*times, strict=True))
    return Cost(add=adding, claim=claiming, prune=await _prune(store))


async def _prune(store: Store) -> float:
    """Return what removing the texts and bodies of one event costs, by the steps that a housekeeper takes."""
    now = datetime.now(UTC)
    start = time.perf_counter()
    for _ in range(_PRUNE_STEPS):
        removed = await store.prune(Horizons(texts=now), now, limit=STEP)
        if removed.texts != STEP:
            raise SystemExit(f"the texts of {removed.texts} events were removed instead of {STEP}")
    await store.claim("bench", 0, now, _LEASE_SECONDS)  # waits for a checkpoint that the steps made necessary
    return (time.perf_counter() - start) / (STEP * _PRUNE_STEPS) * 1e6


async def _add_and_claim(store: Store, source: Iterator[Delivery]) -> tuple[float, float]:
    batch = [next(source) for _ in range(_BATCH)]
    start = time.perf_counter()
    await deliveries.add_together(store, iter(batch), _BATCH)
    # A checkpoint that the batch brought about runs on the writer's thread before anything else: its price is the
    # batch's, and not that of the claim which happens to wait for it.
    await store.claim("bench", 0, datetime.now(UTC), _LEASE_SECONDS)
    return time.perf_counter() - start, await _claim(store)


async def _claim(store: Store) -> float:
    now = datetime.now(UTC)
    start = time.perf_counter()
    claimed = await store.claim("bench", _BATCH, now, _LEASE_SECONDS)
    took = time.perf_counter() - start
    if len(claimed) != _BATCH:
        raise SystemExit(f"{len(claimed)} events were claimed instead of {_BATCH}")
    outcomes = [EventOutcome(seq=item.event.seq, status=DONE, lane=item.event.lane) for item in claimed]
    await store.settle(outcomes, now)
    return took


async def _duplicates(store: Store, tag: str, rows: int) -> float:
    """Return how many known events a second the store refuses, when bodies of many come again, from anywhere in it."""
    numbers = random.sample(range(rows), _KNOWN * _KNOWN_BATCHES)
    batches = [deliveries.batch(tag, numbers[at : at + _KNOWN]) for at in range(0, len(numbers), _KNOWN)]
    start = time.perf_counter()
    added = [await store.add(one) for one in batches]
    took = time.perf_counter() - start
    if any(one.new or one.duplicates != _KNOWN for one in added):
        raise SystemExit("an event that was stored before was stored again")
    return len(numbers) / took


if __name__ == "__main__":
    child.answer(asyncio.run(grow(Path(sys.argv[1]), int(sys.argv[2]))))
