"""``python -m bench``: runs the comparison, prints it, writes ``bench/latest.json``."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

from bench import disk, drain, growth, hiding, load, micro, postgres, ratios, report, rounds, servers, store
from bench.load import Load
from bench.ratios import Ratio
from bench.rounds import Measured, Plan
from moderation_ai.core.errors import ModerationError


class Found(msgspec.Struct):
    """What the parts have found so far."""

    runs: list[Measured] = []
    ratios: dict[str, Ratio] = {}
    figures: dict[str, float] = {}


def main() -> int:
    """Run what the arguments ask for; return 0, or 1 if a part could not be measured or lost an event."""
    options = _options().parse_args()
    generator = load.choose(options.load)
    with _folder(options.dir) as folder:
        plan = _plan(options, folder)
        found = Found()
        # A quick look has no time for a million events, or for a platform's minute to end.
        parts = [part for part in options.parts if not (options.quick and part in ("growth", "hide"))]
        failed = [part for part in parts if not _measure(part, plan, generator, found)]
        measured = report.make(plan, generator.name, found.runs, found.ratios, found.figures)
    report.write(measured, options.output)
    print(report.show(measured, plan))
    print(f"written: {options.output}", file=sys.stderr)
    return 1 if failed else 0


def _measure(part: str, plan: Plan, generator: Load, found: Found) -> bool:
    """Run one part and keep what it finds; say why and return False if it fails, so that the others still run."""
    try:
        _PART_BY_NAME[part](plan, generator, found)
    except (RuntimeError, OSError, ModerationError) as error:
        print(f"bench: {part}: {error}", file=sys.stderr)
        return False
    return True


def _http(plan: Plan, generator: Load, found: Found) -> None:
    try:
        for run in rounds.run(plan, generator):
            found.runs.append(run)
    finally:
        found.ratios |= ratios.of(found.runs)


def _micro(plan: Plan, generator: Load, found: Found) -> None:
    found.figures["verify_and_parse_us"] = micro.verify_and_parse_us()


def _drain(plan: Plan, generator: Load, found: Found) -> None:
    pairs = []
    for pair in drain.measure(plan.folder, plan.rounds):
        pairs.append(pair)
        found.figures["backlog_events_per_second"] = median(ours for ours, _ in pairs)
        found.figures["pgqueuer_backlog_events_per_second"] = median(other for _, other in pairs)
        found.ratios["drain_vs_pgqueuer"] = ratios.spread([ours / other for ours, other in pairs])


def _postgres(plan: Plan, generator: Load, found: Found) -> None:
    runs, of_ingest = postgres.ingest(plan, generator)
    found.runs += [run for run in runs if run.server != "ours"]
    found.ratios |= of_ingest
    pairs = list(postgres.drain(plan.folder, plan.rounds))
    found.figures["pg_backlog_events_per_second"] = median(ours for ours, _ in pairs)
    found.ratios["pg_drain_vs_pgqueuer"] = ratios.spread([ours / other for ours, other in pairs])


def _hide(plan: Plan, generator: Load, found: Found) -> None:
    found.figures |= hiding.measure(plan.folder)


def _growth(plan: Plan, generator: Load, found: Found) -> None:
    print(f"a store of {store.LARGE:,} events beside one of {store.SMALL:,}: takes a minute", file=sys.stderr)
    of_growth, figures = store.measure(plan.folder)
    found.ratios |= of_growth
    found.figures |= figures
    if of_growth:
        small, large = plan.folder / "small.db", plan.folder / "large.db"
        found.ratios["ingest_1m_vs_10k"] = growth.measure(small, large, generator, plan.seconds)


_PART_BY_NAME = {
    "http": _http,
    "micro": _micro,
    "drain": _drain,
    "postgres": _postgres,
    "hide": _hide,
    "growth": _growth,
}


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names, usual = ([server.name for server in group] for group in (servers.ALL, servers.USUAL))
    parts = list(_PART_BY_NAME)
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts, help="what to measure (all)")
    parser.add_argument("--only", nargs="+", choices=names, default=usual, help="the servers to run")
    parser.add_argument("--rounds", type=int, default=3, help="how often each server has its turn (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a turn is (3)")
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 256], help="(64 256)")
    parser.add_argument("--load", choices=["auto", "wrk", "own"], default="auto", help="the load generator")
    parser.add_argument("--quick", action="store_true", help="one short round of the quick parts: to see that it works")
    parser.add_argument("--dir", type=Path, help="a folder on the disk to measure (a temporary one)")
    parser.add_argument("--output", type=Path, default=report.LATEST, help="(bench/latest.json)")
    return parser


def _plan(options: argparse.Namespace, folder: Path) -> Plan:
    return Plan(
        servers=[server for server in servers.ALL if server.name in options.only],
        connections=options.connections,
        rounds=1 if options.quick else options.rounds,
        seconds=1.0 if options.quick else options.seconds,
        folder=folder,
    )


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=wanted or disk.place()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
