"""From runs to ratios: each is the median of the ratios of neighbours, taken within one round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from bench.rounds import Measured

Reading = Callable[[Measured], float]


class Ratio(msgspec.Struct, frozen=True):
    """One thing divided by another, over the rounds."""

    median: float
    least: float
    most: float


class Wanted(msgspec.Struct, frozen=True):
    """A ratio that the table names, and what it should be."""

    name: str
    ours: str
    other: str
    connections: int
    reading: str
    goal: str


WANTED = (
    Wanted("ingest_vs_fastapi_noop_64", "ours", "fastapi_noop", 64, "rate", ">= 1.0"),
    Wanted("ingest_vs_fastapi_noop_256", "ours", "fastapi_noop", 256, "rate", ">= 1.0"),
    Wanted("ingest_vs_fastapi_aiosqlite_64", "ours", "fastapi_aiosqlite", 64, "rate", ">= 3.5"),
    Wanted("ingest_vs_fastapi_aiosqlite_256", "ours", "fastapi_aiosqlite", 256, "rate", ">= 3.5"),
    Wanted("ingest_vs_hookspool_64", "ours", "hookspool", 64, "rate", ">= 20"),
    Wanted("p99_ack_vs_fastapi_noop_64", "ours", "fastapi_noop", 64, "p99_ms", "<= 3.0"),
    Wanted("p99_ack_vs_fastapi_noop_256", "ours", "fastapi_noop", 256, "p99_ms", "<= 3.0"),
    # What the HTTP server costs by itself: it bounds whatever runs on it.
    Wanted("ingest_vs_raw_asgi_64", "ours", "raw_asgi", 64, "rate", ""),
    Wanted("ingest_vs_raw_asgi_256", "ours", "raw_asgi", 256, "rate", ""),
    Wanted("cpu_raw_asgi_vs_ours_64", "raw_asgi", "ours", 64, "cpu_us", ""),
    Wanted("cpu_raw_asgi_vs_fastapi_noop_64", "raw_asgi", "fastapi_noop", 64, "cpu_us", ""),
    Wanted("fastapi_noop_vs_raw_asgi_64", "fastapi_noop", "raw_asgi", 64, "rate", ""),
    Wanted("fastapi_noop_vs_fastapi_aiosqlite_64", "fastapi_noop", "fastapi_aiosqlite", 64, "rate", ""),
    Wanted("fastapi_noop_vs_hookspool_64", "fastapi_noop", "hookspool", 64, "rate", ""),
)


def of(runs: Sequence[Measured]) -> dict[str, Ratio]:
    """Return every wanted ratio whose two sides were measured in the same rounds."""
    found = {}
    for wanted in WANTED:
        pairs = _pairs(runs, wanted)
        if pairs:
            found[wanted.name] = spread([ours / other for ours, other in pairs])
    return found


def spread(values: Sequence[float]) -> Ratio:
    """Return the median and the bounds of the values."""
    return Ratio(median=median(values), least=min(values), most=max(values))


def _pairs(runs: Sequence[Measured], wanted: Wanted) -> list[tuple[float, float]]:
    ours = _by_round(runs, wanted.ours, wanted)
    other = _by_round(runs, wanted.other, wanted)
    return [(ours[number], other[number]) for number in sorted(ours.keys() & other.keys()) if other[number]]


def _by_round(runs: Sequence[Measured], server: str, wanted: Wanted) -> dict[int, float]:
    return {
        run.round: float(getattr(run, wanted.reading))
        for run in runs
        if run.server == server and run.connections == wanted.connections
    }
