"""Running many scenarios in one process, and telling of each that failed how it is run alone."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from moderation_ai.stores.base import Store
from moderation_ai.stores.postgres import PostgresStore
from moderation_ai.stores.sqlite import SqliteStore
from tests.acting.killing import Killing
from tests.acting.plans import draw, draw_deaths
from tests.acting.world import House, play
from tests.kinds import empty, new_database
from tests.proofs.children import Nursery

AT_ONCE = 4
"""Scenarios with processes of their own that run side by side."""


async def play_all(seeds: Iterable[int], kind: str) -> list[str]:
    """Run scenarios one after the other on one kind of store; return what went wrong, scenario by scenario."""
    wrong = []
    database = new_database() if kind == "postgres" else ""
    with tempfile.TemporaryDirectory() as folder:
        async with House() as house:
            for seed in seeds:
                store = _store(Path(folder) / f"{seed}.db", database)
                try:
                    await play(house, draw(seed), store)
                except (AssertionError, TimeoutError) as error:
                    wrong.append(_told("faults", seed, kind, error))
                if database:
                    await empty(database)
    return wrong


def _store(file: Path, database: str) -> Store:
    return PostgresStore(database, lease_clock="caller") if database else SqliteStore(str(file))


async def kill_all(seeds: Iterable[int], kind: str) -> tuple[list[str], Counter[str]]:
    """Run scenarios with kill -9 on one kind of store; return what went wrong, and how often it died at which step."""
    wrong: list[str] = []
    killed: Counter[str] = Counter()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(nursery: Nursery, folder: Path, seed: int) -> None:
        async with gate:
            plan, deaths = draw_deaths(seed)
            url = new_database() if kind == "postgres" else f"sqlite:///{folder / f'{seed}.db'}"
            killing = Killing(nursery, folder, url, plan, deaths)
            try:
                await killing.run()
            except (AssertionError, TimeoutError) as error:
                wrong.append(_told("kills", seed, kind, error))
            killed.update(killing.killed or ["never"])

    with tempfile.TemporaryDirectory() as folder, Nursery("tests.acting.child") as nursery:
        await asyncio.gather(*(one(nursery, Path(folder), seed) for seed in seeds))
    return wrong, killed


def _told(what: str, seed: int, kind: str, error: BaseException) -> str:
    says = str(error) or "it did not come to an end"
    told = f"seed {seed}: {says} (alone: python -m tests.acting {what} {seed} --store {kind})"
    print(told, file=sys.stderr, flush=True)  # The others may take many minutes.
    return told
