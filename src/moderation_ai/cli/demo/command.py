"""``moderation-ai demo``: see the whole path work, and what survives a kill -9."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import asdict

from moderation_ai.cli.demo import payloads, running
from moderation_ai.cli.demo.healing import heal
from moderation_ai.cli.demo.owning import foreign, own_store
from moderation_ai.cli.demo.summing import print_summary
from moderation_ai.config import DEFAULT_STORE_URL

_STORE_HELP = f"Where to keep the events: {DEFAULT_STORE_URL} if not given. Events that no demo made are never touched."


@click.command()
@click.option("--seconds", type=float, help="How long to send; until Ctrl-C if not given.")
@click.option("--rate", type=int, default=300, show_default=True, help="Requests a second; bursts are four times that.")
@click.option("--seed", type=int, default=1, show_default=True, help="Makes the traffic repeatable.")
@click.option("--store", "store_url", envvar="MODERATION_AI_STORE__URL", metavar="URL", help=_STORE_HELP)
@click.option(
    "--payloads",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Instead of made-up traffic, sign and post the bodies of this folder and compare what becomes of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object, the last line.")
def demo(
    seconds: float | None, rate: int, seed: int, store_url: str | None, folder: Path | None, as_json: bool
) -> None:
    """Run the real gateway with signed traffic of every platform, kill it, and count what was lost.

    The traffic has duplicates, late and reordered deliveries, bursts and forgeries. The sender notes every
    acknowledgement; after a SIGKILL a fresh process reads the store, and each acknowledged event must be in it.
    Meanwhile comments are written at platforms that are played on this machine: what breaks the demo's policy must be
    hidden there in the end. Before that one of them stops posting, which is noticed, made good, and caught up with.
    """

    def say(line: str) -> None:
        click.echo(line, err=True)

    if folder is not None:
        summary = asyncio.run(_interruptible(lambda stop: payloads.run(folder, say)))
    else:
        found = asyncio.run(foreign(store_url or DEFAULT_STORE_URL))
        with own_store(store_url, found) as url:
            if found is not None:
                say(f"{found}: they are left alone, and this run has a store of its own")
            plan = running.Plan(store_url=url, seconds=seconds, rate=rate, seed=seed)
            healing = asyncio.run(heal(say))
            summary = asyncio.run(_interruptible(lambda stop: running.run(plan, say, stop)))
            summary |= {"healed": healing.is_good, "healing": asdict(healing)}
    _print(summary, as_json)
    sys.exit(0 if is_good(summary) else 1)


async def _interruptible(work: Callable[[asyncio.Event], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await work(stop)


def is_good(summary: dict[str, Any]) -> bool:
    """Say whether a run kept every promise: nothing lost, missed, wrong or not healed, the bodies as expected."""
    if "share" in summary:
        rows = [*summary["platforms"].values(), *summary["roads"].values()]
        return all(row["share"] >= payloads.GOOD_SHARE for row in rows)
    is_whole = summary["lost"] == summary["wrong"] == summary["missed"] == 0 and summary.get("healed", True)
    return bool(is_whole and summary["accepted"] > 0 and summary["hidden"] > 0)


def _print(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(summary).decode())
        return
    if "by_platform" in summary:
        print_summary(summary)
        return
    for name, value in summary.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key, inner in value.items():
                click.echo(f"  {key:<14} {_plain(inner)}")
        elif not isinstance(value, list):
            click.echo(f"{name:<18} {value:,}" if isinstance(value, int) else f"{name:<18} {value}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {inner}" for name, inner in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
