"""The demo's sums: one object for programs, and for people the same as two equations and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from moderation_ai.cli.demo.noting import Notes, PlatformNotes
from moderation_ai.cli.demo.playing import Hiding
from moderation_ai.cli.terminal.printing import print_line, print_table

_COLUMNS = ("accepted", "stored", "duplicates", "ignored", "rejected", "unanswered", "lost")


def summarise(
    notes: Notes, stored: Mapping[str, str], settled: Mapping[str, str], hiding: Hiding | None = None
) -> dict[str, Any]:
    """Return the demo's last line.

    ``stored`` is what a fresh process found of what was sent, ``settled`` what it found once the rest was handled, and
    ``hiding`` what became of the comments that break the policy. All else is counted in events, of which a request may
    carry several: ``sent = accepted + rejected + unanswered + wrong`` and
    ``accepted = stored + duplicates + ignored + lost``.
    """
    rows = {name: _row(noted, stored) for name, noted in sorted(notes.platforms.items())}
    total = {name: sum(row[name] for row in rows.values()) for name in ("sent", *_COLUMNS, "wrong")}
    statuses = Counter(settled.values())
    return {
        "sent": total["sent"],
        "accepted": total["accepted"],
        "rejected": total["rejected"],
        "duplicates": total["duplicates"],
        "ignored": total["ignored"],
        "stored": total["stored"],
        "handled": statuses["done"] + statuses["superseded"] + statuses["unhandled"],
        "superseded": statuses["superseded"],
        "dead": statuses["dead"],
        "lost": total["lost"],
        "unanswered": total["unanswered"],
        "stored_unanswered": len(stored) - total["stored"],
        "wrong": total["wrong"],
        "p50_ms": notes.milliseconds(0.50),
        "p99_ms": notes.milliseconds(0.99),
        **asdict(hiding or Hiding()),
        "platforms": {name: row["accepted"] for name, row in rows.items()},
        "by_platform": rows,
    }


def _row(noted: PlatformNotes, stored: Mapping[str, str]) -> dict[str, int]:
    found = len(noted.acknowledged & stored.keys())
    return {
        "sent": noted.sent,
        "accepted": noted.accepted,
        "stored": found,
        "duplicates": noted.duplicates,
        "ignored": noted.ignored,
        "rejected": noted.rejected,
        "unanswered": noted.unanswered,
        "wrong": noted.wrong,
        "lost": len(noted.acknowledged) - found,
    }


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print the summary of a run for people."""

    def sum_of(name: str, *parts: str) -> str:
        return f"{name} {summary[name]:,} = " + " + ".join(f"{part} {summary[part]:,}" for part in parts)

    print_table(
        ("PLATFORM", *(name.upper() for name in _COLUMNS)),
        [
            (name, *(f"{row[column]:,}" for column in _COLUMNS))
            for name, row in [*summary["by_platform"].items(), ("all", summary)]
        ],
    )
    print_line("")
    print_line(sum_of("sent", "accepted", "rejected", "unanswered", "wrong"))
    print_line("(rejected are forgeries; unanswered were on their way when the gateway was killed)")
    print_line(sum_of("accepted", "stored", "duplicates", "ignored", "lost"))
    print_line(
        f"handled {summary['handled']:,}, of them superseded {summary['superseded']:,}; dead {summary['dead']:,}; "
        f"stored without an answer {summary['stored_unanswered']:,}"
    )
    print_line(f"answered in p50 {summary['p50_ms']} ms, p99 {summary['p99_ms']} ms")
    if "healing" in summary:
        told = summary["healing"]
        print_line(
            f"a webhook lost at {told['platform']}: {'healed' if summary['healed'] else 'NOT healed'}; of "
            f"{told['written']} comments {told['pushed']} were pushed, {told['polled']} polled, {told['twice']} told "
            "twice"
        )
    print_line(
        f"lost {summary['lost']:,}; hidden {summary['hidden']:,}, missed {summary['missed']:,}, "
        f"time to hide p50 {summary['time_to_hide_p50_ms']} ms, p99 {summary['time_to_hide_p99_ms']} ms"
    )
